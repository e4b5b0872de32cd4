# SPDX-License-Identifier: Apache-2.0
"""A control or profile that is not exactly right is refused with file, key and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from cksharden.catalog import CONTROLS, load_control, load_controls
from cksharden.errors import CkshardenError, ExitCode
from cksharden.policy_files import select

GOOD = (CONTROLS / "kubelet" / "kubelet_anonymous_auth.yml").read_text()
FILE = (CONTROLS / "files" / "kubelet_config_mode.yml").read_text()


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            GOOD.replace("severity: high", "severity: huge"),
            "severity",
            "must be one of critical, high, medium, low, not 'huge'",
        ),
        (GOOD.replace("severity: high", "severity: on"), "severity", "must be a text, not true or false"),
        (GOOD + "extra: 1\n", "extra", "there is no key `extra`"),
        (
            GOOD.replace("title: Kubelet refuses anonymous requests\n", ""),
            "title",
            "the key `title` is missing",
        ),
        (GOOD.replace("id: kubelet_anonymous_auth", "id: other"), "id", "other"),
        (GOOD.replace("kind: kubelet_setting", "kind: kubelet"), "kind", "no such kind"),
        (GOOD.replace("equals: false, ", ""), "with", "exactly one of"),
        (
            GOOD.replace("default: false", "absent: maybe"),
            "with.absent",
            "must be one of fail, pass, unknown, not 'maybe'",
        ),
        (GOOD.replace("default: false", "default: false, color: red"), "with", "color"),
        (GOOD.replace(", default: false", ""), "with", "exactly one of default and absent"),
        (GOOD.replace("equals: false", "at_least: 2, set: 1"), "with", "does not meet"),
        (GOOD.replace("profiles: [cks,", "profiles: [none,"), "profiles", "no such profile"),
        (GOOD + 'since: "one"\n', "since", "no minor version"),
        (GOOD + 'since: "1.36"\nuntil: "1.31"\n', "until", "before since"),
        (GOOD.replace("why: ", "why: [\nwhy: "), "line", "not valid YAML"),
        (GOOD + "id: kubelet_anonymous_auth\n", "line", "given twice"),
        ("- a list\n", None, "no mapping"),
        (FILE.replace('"0600"', "0600", 1), "with.max_mode", "must be a text, not a whole number"),
        (FILE.replace('"0600"', '"600"', 1), "with", "four octal digits"),
        (FILE.replace("/var/lib/kubelet/config.yaml", "config.yaml", 1), "with", "absolute"),
    ],
)
def test_a_bad_control_names_file_key_and_mend(tmp_path: Path, text: str, key: str | None, said: str) -> None:
    path = tmp_path / (
        "kubelet_config_mode.yml" if text.startswith("id: kubelet_config") else "kubelet_anonymous_auth.yml"
    )
    path.write_text(text)
    with pytest.raises(CkshardenError) as caught:
        load_control(path)
    error = caught.value
    assert error.exit_code is ExitCode.USAGE
    assert (error.file or "").startswith(str(path))
    assert said in error.message
    assert (error.key or "").startswith(key or "")
    assert error.mend


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("id: own\n", "title", "the key `title` is missing"),
        ("id: own\ntitle: Own\nextends: nothing\n", "extends", "nothing"),
        (
            "id: own\ntitle: Own\nextends: cks\nexclude: [kubelet_anonymus_auth]\n",
            "exclude",
            "kubelet_anonymus_auth",
        ),
        ("id: [own\n", "line", "not valid YAML"),
    ],
)
def test_a_bad_profile_names_file_key_and_mend(tmp_path: Path, text: str, key: str, said: str) -> None:
    path = tmp_path / "profile.yml"
    path.write_text(text)
    with pytest.raises(CkshardenError) as caught:
        select(load_controls(), str(path))
    assert caught.value.exit_code is ExitCode.USAGE
    assert (caught.value.file or "").startswith(str(path))
    assert said in caught.value.message
    assert (caught.value.key or "").startswith(key)
    assert caught.value.mend


def test_a_profile_of_a_team_extends_and_excludes(tmp_path: Path) -> None:
    path = tmp_path / "profile.yml"
    path.write_text(
        "id: own\ntitle: Own\nextends: cis_1_12\nexclude: [kubelet_event_qps]\ninclude: [kubelet_tls_min_version]\n"
    )
    chosen = {one.control.id for one in select(load_controls(), str(path)).controls}
    built_in = {one.control.id for one in select(load_controls(), "cis_1_12").controls}
    assert chosen == built_in - {"kubelet_event_qps"} | {"kubelet_tls_min_version"}


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [(("nothing",), "cis_1_12, cks"), (("cks", ["kubelet_anonymus_auth"]), "kubelet_anonymous_auth")],
)
def test_an_unknown_name_gets_a_hint(arguments: tuple[str, list[str]], mend: str) -> None:
    with pytest.raises(CkshardenError) as caught:
        select(load_controls(), *arguments)
    assert mend in (caught.value.mend or "")
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_named_control_is_selected_alone_and_remembered_as_named() -> None:
    selection = select(load_controls(), only=["kubelet_anonymous_auth"])
    assert [one.control.id for one in selection.controls] == ["kubelet_anonymous_auth"]
    assert selection.named == {"kubelet_anonymous_auth"}


def test_the_request_asks_for_each_path_once() -> None:
    paths = [file["path"] for file in select(load_controls()).request()["files"]]
    assert sorted(set(paths)) == paths
    assert "/var/lib/kubelet/config.yaml" in paths
