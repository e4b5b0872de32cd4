# SPDX-License-Identifier: Apache-2.0
"""What a kubelet is told, worked out from its files as systemd and the kubelet do."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_command_line import (
    Flag,
    OptionsError,
    declared,
    parse_environment,
    running,
)
from ansible_collections.cksharden.node.plugins.plugin_utils.kubelet_options import (
    configuration,
    flatten,
    stale_files,
)
from tests.unit.plugins.kubelet_section import (
    CONFIG,
    DEFAULTS,
    DIRECTORY,
    FLAGS,
    KUBEADM,
    OWN,
    entry,
    section,
)


def test_the_command_line_is_what_systemd_makes_of_unit_drop_ins_and_environment_files() -> None:
    line = declared(section())
    assert line.flags == (
        Flag("config", CONFIG, KUBEADM, "KUBELET_CONFIG_ARGS"),
        Flag("node-ip", "10.0.0.1", FLAGS, "KUBELET_KUBEADM_ARGS"),
        Flag("v", "2", FLAGS, "KUBELET_KUBEADM_ARGS"),
    )
    assert line.expands == ("KUBELET_CONFIG_ARGS", "KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS")


def test_an_environment_file_overrides_environment_lines_and_a_later_file_an_earlier_one() -> None:
    own = '[Service]\nEnvironment="KUBELET_EXTRA_ARGS=--a=1"\n'
    data = section(files={OWN: entry(own), DEFAULTS: entry("KUBELET_EXTRA_ARGS='--a=2'\n")})
    data["unit"]["drop_in_paths"].append(OWN)
    assert declared(data).last("a") == Flag("a", "2", DEFAULTS, "KUBELET_EXTRA_ARGS")


def test_the_last_of_several_flags_counts_and_a_bare_flag_is_true() -> None:
    data = section(files={DEFAULTS: entry('KUBELET_EXTRA_ARGS="--x=1 --x=2 --anonymous-auth"\n')})
    line = declared(data)
    assert [str(line.last("x")), str(line.last("anonymous-auth"))] == ["--x=2", "--anonymous-auth=true"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({FLAGS: {"error": "permission denied"}}, f"{FLAGS}: permission denied"),
        ({FLAGS: entry("x") | {"truncated": True}}, "larger than the collector reads"),
        ({FLAGS: entry("x") | {"lossy": True}}, "not UTF-8"),
        ({DEFAULTS: entry("export this\n")}, "line 1: not an assignment"),
        ({DEFAULTS: entry('B=1\nA="open\n')}, "line 2: the value of A is not ended"),
        ({DEFAULTS: entry('B="1\n2"\n# C\nA="x" \\')}, "line 4: the value of A is not ended"),
        ({DEFAULTS: entry("# A='x \\\nB=1\n")}, "line 2: it is a comment to some versions"),
        ({KUBEADM: entry("[Service]\nExecStart=\n")}, "no ExecStart"),
    ],
)
def test_what_can_not_be_read_with_certainty_is_said_and_not_guessed(
    files: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionsError, match=said):
        declared(section(files=files))


def test_drop_ins_are_merged_over_the_file_in_their_order_and_lists_are_replaced() -> None:
    paths = [f"{DIRECTORY}/10.conf", f"{DIRECTORY}/20.conf"]
    files = {
        CONFIG: entry("a: {b: 1, c: 2}\nlist: [1, 2]\n"),
        paths[0]: entry("a: {b: 3}\nlist: [9]\n"),
        paths[1]: entry("a: {b: 4}\n"),
    }
    data = section(files=files, config_dir_files=paths)
    data["process"]["argv"].append(f"--config-dir={DIRECTORY}")
    line = running(data)
    assert line is not None
    settings = configuration(data, line)
    assert {key: (one.value, one.path) for key, one in settings.items()} == {
        "a.b": (4, paths[1]),
        "a.c": (2, CONFIG),
        "list": ([9], paths[0]),
    }


def test_a_drop_in_directory_that_the_process_does_not_use_is_not_judged_blindly() -> None:
    data = section(files={DEFAULTS: entry(f'KUBELET_EXTRA_ARGS="--config-dir={DIRECTORY}"\n')})
    with pytest.raises(OptionsError, match="which the running kubelet does not use"):
        configuration(data, declared(data))


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [1\n", "a: 1\na: 2\n"])
def test_a_configuration_that_is_no_mapping_is_an_error_with_its_path(text: str) -> None:
    data = section(files={CONFIG: entry(text)})
    with pytest.raises(OptionsError, match=CONFIG):
        configuration(data, declared(data))


def test_files_newer_than_the_process_are_named() -> None:
    assert stale_files(section()) == []
    assert stale_files(section(files={CONFIG: entry("a: 1\n", mtime=203.0)})) == [CONFIG]


def test_environment_files_keep_spaces_inside_quotes() -> None:
    text = "A=\"one two\"\n; comment\n\nB='x'\nC=plain\n"
    assert parse_environment(text, "f") == [("A", "one two"), ("B", "x"), ("C", "plain")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('A="--x=1 \\\n--y=2 \\\n "\n', "--x=1 --y=2  "),
        ("A=--x=1 \\\n  --y=2\n", "--x=1   --y=2"),
        ("A='--x=1 \\\n--y=2'\n", "--x=1 \\\n--y=2"),
        ('A="--x=1\n--y=2"\n', "--x=1\n--y=2"),
        ("A= --x=1 \t\r\n", "--x=1"),
        ("A=--x=1\\ \n", "--x=1 "),
        ("A=\"a\" 'b'c\n", "abc"),
        ('A="\\"\\$\\n"\n', '"$\\n'),
        ('A=--x="a b"\n', '--x="a b"'),
        ("# no \\\n\n# \\\n; yes\nA=1", "1"),
        ("A=\n", ""),
        ("A=first\nA=1\n", "1"),
    ],
)
def test_environment_files_are_joined_and_unquoted_as_systemd_does(text: str, value: str) -> None:
    assert dict(parse_environment(text, "f")) == {"A": value}


def test_flatten_tells_an_empty_map_and_false_from_absence() -> None:
    assert flatten({"a": {"b": False}, "c": {}, "d": None}) == {"a.b": False, "c": {}}


def test_the_kubelet_takes_an_underscore_for_a_dash_in_the_names_of_flags() -> None:
    data = section(files={DEFAULTS: entry('KUBELET_EXTRA_ARGS="--read_only_port=10255 --pod-max-pids -1"\n')})
    line = declared(data)
    assert [str(line.last("read-only-port")), str(line.last("pod-max-pids"))] == [
        "--read-only-port=10255",
        "--pod-max-pids=-1",
    ]
