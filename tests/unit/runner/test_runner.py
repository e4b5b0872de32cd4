# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cksharden.ansible_events import Events, HostResult
from cksharden.errors import ExitCode, InventoryError
from cksharden.inventory import inventory_file
from cksharden.runner import Connection, run_playbook
from tests.unit.runner.conftest import Site

PLAIN = Connection()


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a node is asked as root")


def run(site: Site, connection: Connection = PLAIN) -> None:
    run_playbook("collect", inventory=site.inventory, extra={}, limit=None, connection=connection)


def test_an_inventory_is_a_file_or_a_directory_with_one(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as raised:
        inventory_file(tmp_path)
    assert raised.value.exit_code is ExitCode.USAGE
    assert (
        raised.value.diagnostics() == f"{tmp_path}: this directory holds no inventory\n  add hosts.yml to it"
    )
    (tmp_path / "waivers.yml").touch()
    (tmp_path / "hosts").touch()
    assert inventory_file(tmp_path) == tmp_path / "hosts"
    for name in ("inventory.yaml", "inventory.yml", "hosts.yml"):
        (tmp_path / name).touch()
        assert inventory_file(tmp_path) == tmp_path / name
    with pytest.raises(InventoryError, match="no such inventory"):
        inventory_file(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("all:\n  hosts: [a\n", r"While parsing a flow sequence .* \(line 3\)"),
        ("all: {hosts: {}}", "it has no hosts"),
        ("", "it has no hosts"),
    ],
)
def test_a_bad_inventory(site: Site, text: str, reason: str) -> None:
    site.inventory.write_text(text)
    with pytest.raises(InventoryError, match=reason) as raised:
        run(site)
    assert raised.value.file == str(site.inventory)


def test_what_ansible_can_not_start_with_is_told(site: Site) -> None:
    site.hosts({"w1": {}})
    result = run_playbook(
        "collect",
        inventory=site.inventory,
        extra={},
        limit=None,
        connection=Connection(vault_password_file="/nowhere"),
    )
    assert result.rc != 0
    assert result.hosts == {}
    assert "The vault password file /nowhere was not found" in result.error
    assert "Traceback" not in result.error


@as_root
def test_group_vars_and_vaults_count(site: Site) -> None:
    secret = site.root / "vault-password"
    secret.write_text("hunter2")
    (site.root / "group_vars").mkdir()
    plain = json.dumps({"ansible_ssh_executable": str(site.root / "ssh"), "ansible_user": "root"})
    words = ["ansible-vault", "encrypt", "--vault-password-file", str(secret), "--output"]
    vault = site.root / "group_vars/all.yml"
    subprocess.run(
        [Path(sys.executable).parent / words[0], *words[1:], vault], input=plain.encode(), check=True
    )
    site.inventory.write_text("w1\n")
    result = run_playbook(
        "collect",
        inventory=site.root,
        extra={},
        limit=None,
        connection=Connection(vault_password_file=str(secret)),
    )
    assert result.hosts["w1"].status == "ok"
    assert len(site.executions()) == 1
    with pytest.raises(InventoryError, match="its vault can't be opened"):
        run_playbook("collect", inventory=site.root, extra={}, limit=None, connection=PLAIN)
    assert len(site.executions()) == 1


def test_the_environment_is_the_users_and_lies_on_no_disk(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = site.root / "memory"
    memory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
    monkeypatch.setenv("VAULT_TOKEN", "hunter2")
    monkeypatch.setenv("JOB_ID", "17.cluster")
    dump, written = site.root / "environment", site.root / "written"
    site.ssh(f"env >{dump}; grep -rl hunter2 {memory} >{written}; exit 255")
    run(site)
    inner = dict(line.split("=", 1) for line in dump.read_text().splitlines())
    assert inner["VAULT_TOKEN"] == "hunter2"
    assert inner["ANSIBLE_PIPELINING"] == "True"
    assert "ANSIBLE_HOST_KEY_CHECKING" not in inner, "ansible-runner would switch it off"
    assert [Path(line).name for line in written.read_text().splitlines()] == ["command"]
    assert not list(memory.iterdir())


@pytest.mark.parametrize("way", ["file", "typed"])
def test_a_password_reaches_sudo_and_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    memory = site.root / "memory"
    memory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
    own = site.root / "password"
    own.write_text("hunter2\n")
    seen, stolen = site.root / "seen", site.root / "stolen"
    # Ansible names a prompt of its own (-p) and waits for it before it sends the password.
    sudo = f'while [ "$1" != -p ]; do shift; done; printf "%s" "$2" >&2; read word; echo "$word" >{seen}'
    site.hosts({"w1": {"ansible_become_exe": site.program("sudo", f"{sudo}; exit 1")}}, ansible_user="ops")
    site.ssh(f'cat /proc/*/cmdline >>{stolen} 2>/dev/null; for last; do :; done; exec sh -c "$last"')
    connection = Connection(become_password_file=str(own))
    if way == "typed":
        connection = Connection(become_password="hunter2")
    assert "hunter2" not in repr(connection)
    run(site, connection)
    assert seen.read_text() == "hunter2\n"
    assert b"hunter2" not in stolen.read_bytes()
    assert not list(memory.iterdir())


def test_the_users_ansible_cfg_counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.root)
    (site.root / "ansible.cfg").write_text(
        "[defaults]\nremote_user = somebody\n[ssh_connection]\nssh_args = -o Foo=bar\n"
    )
    site.inventory.write_text(f"w1 ansible_ssh_executable={site.root}/ssh\n")
    site.ssh(f'echo "$@" >{site.log}; exit 255')
    run(site)
    (call,) = site.executions()
    assert 'User="somebody"' in call
    assert "Foo=bar" in call
    run(site, Connection(user="else", private_key="/some/key"))
    (call,) = site.executions()
    assert 'User="else"' in call
    assert "/some/key" in call


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_everything_that_was_started(site: Site, number: int) -> None:
    pids = site.root / "pids"
    site.ssh(f"echo $$ >>{pids}; sleep 600")

    def interrupt() -> None:
        while not pids.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    started = time.monotonic()
    handler = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        run(site)
    thread.join()
    assert time.monotonic() - started < 10
    assert signal.getsignal(number) is handler
    time.sleep(0.2)
    for pid in pids.read_text().split():
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or " Z " in stat.read_text()


def processes(mark: str) -> list[int]:
    """Return the processes that have a text in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_a_killed_cksharden_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, started = site.root / "memory", site.root / "started"
    memory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
    site.ssh(f"touch {started}; sleep 600")
    program = (
        "from pathlib import Path\nfrom cksharden.runner import Connection, run_playbook\n"
        f"run_playbook('collect', inventory=Path({str(site.inventory)!r}), extra={{}}, limit=None,"
        " connection=Connection())"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as command:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        mark = f"AWX_ISOLATED_DATA_DIR={memory}/"
        assert processes(mark)
        command.kill()
    while processes(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes(mark), "the kernel tells ansible-playbook, and that tells its workers"
    assert list(memory.iterdir())
    site.ssh("exit 255")
    run(site)
    assert not list(memory.iterdir()), "the next run removes what a dead one left"


def test_an_error_in_an_event_ends_everything_too(site: Site) -> None:
    pids = site.root / "pids"
    site.ssh(f"echo $$ >>{pids}; sleep 600")

    def fail(_host: str, _what: str) -> None:
        while not pids.exists():
            time.sleep(0.05)
        raise LookupError

    with pytest.raises(LookupError):
        run_playbook(
            "collect", inventory=site.inventory, extra={}, limit=None, connection=Connection(), on_event=fail
        )
    time.sleep(0.2)
    for pid in pids.read_text().split():
        stat = Path(f"/proc/{pid}/stat")
        assert not stat.exists() or " Z " in stat.read_text()


def test_a_play_that_matches_no_host_is_no_error() -> None:
    events = Events(None)
    events.handle(
        {"event": "runner_on_ok", "event_data": {"host": "w1", "res": {"cksharden": {"kind": "worker"}}}}
    )
    events.handle({"event": "playbook_on_no_hosts_matched", "event_data": {}})
    events.handle({"event": "playbook_on_stats", "event_data": {"processed": {"w1": 1}, "ok": {"w1": 1}}})
    assert events.hosts() == {"w1": HostResult("w1", "ok", "", ({"kind": "worker"},))}


def test_answers_come_in_order_from_loops_and_failures_too() -> None:
    events = Events(None)
    for result in (
        {"results": [{"cksharden": {"n": 1}}, {"cksharden": {"n": 2}}]},
        {"cksharden": {"n": 3}},
        {"msg": "x"},
    ):
        events.handle({"event": "runner_on_ok", "event_data": {"host": "w1", "res": result}})
    failed = {"msg": "Task failed: no", "cksharden": {"n": 4}}
    events.handle({"event": "runner_on_failed", "event_data": {"host": "w1", "res": failed}})
    ignored = {"host": "w2", "res": {"cksharden": {"n": 5}}, "ignore_errors": True}
    events.handle({"event": "runner_on_failed", "event_data": ignored})
    stats = {"processed": {"w1": 1, "w2": 1}, "failures": {"w1": 1}}
    events.handle({"event": "playbook_on_stats", "event_data": stats})
    numbers = tuple({"n": number} for number in (1, 2, 3, 4))
    assert events.hosts() == {
        "w1": HostResult("w1", "failed", "no", numbers),
        "w2": HostResult("w2", "ok", "", ({"n": 5},)),
    }


def test_a_playbook_that_was_cut_off_leaves_no_host_ok() -> None:
    events = Events(None)
    events.handle({"event": "runner_on_ok", "event_data": {"host": "w1", "res": {"cksharden": {}}}})
    assert events.hosts()["w1"].status == "failed"
