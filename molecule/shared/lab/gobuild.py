# SPDX-License-Identifier: Apache-2.0
"""Build the cluster's programs from pinned Go modules (gobuild/<component>-<version>/)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab.cache import Inputs, cached, digest_files
from lab.errors import RefusedError
from lab.gotool import GoTool, find_go, go_line
from lab.host import go_architecture
from lab.process import run
from lab.progress import step

FOLDERS = Path(__file__).parent.parent / "gobuild"
# By version of Kubernetes, the newest last: what a cluster of it runs with, as its kubeadm wants it.
VERSIONS: dict[str, dict[str, str]] = json.loads((FOLDERS / "versions.json").read_text(encoding="utf-8"))
DEFAULT_KUBERNETES = list(VERSIONS)[-1]
# The root of etcd's server module is the etcd command, so Go names it after its folder.
_RENAMED = {"server": "etcd"}
# Static programs, by the chosen toolchain, from the pinned modules and nothing of the user's own.
_GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
_SLOW = {
    "kubernetes": "10 to 12 minutes on 2 cores where nothing is built yet",
    "coredns": "2 minutes on 2 cores",
    "containerd": "1.5 minutes on 2 cores",
    "cri-tools": "1 minute on 2 cores",
}


def components(kubernetes: str) -> dict[str, str]:
    """Return what makes a cluster of that Kubernetes version: component to version ("" for our own).

    Raises:
        RefusedError: No such version here; names those that there are.
    """
    if kubernetes not in VERSIONS:
        raise RefusedError(
            f"Kubernetes {kubernetes}: there is {', '.join(VERSIONS)} (molecule/shared/gobuild)"
        )
    return {"pause": "", **VERSIONS[kubernetes], "kubernetes": kubernetes}


def linker_flags(component: str, version: str) -> str:
    """Return the linker flags that stamp a component's version into its programs.

    kubeadm refuses versions where its own and the kubelet's are not stamped.
    """
    major, minor = [*version.split("."), "", ""][:2]
    stamps = {
        "kubernetes": {
            "k8s.io/component-base/version.gitVersion": f"v{version}",
            "k8s.io/component-base/version.gitMajor": major,
            "k8s.io/component-base/version.gitMinor": minor,
            "k8s.io/component-base/version.gitTreeState": "clean",
            "k8s.io/component-base/version.gitCommit": "lab",
            "k8s.io/component-base/version.buildDate": "1970-01-01T00:00:00Z",
            "k8s.io/client-go/pkg/version.gitVersion": f"v{version}",
        },
        "containerd": {"github.com/containerd/containerd/v2/version.Version": f"v{version}"},
    }.get(component, {})
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def build_all(kubernetes: str) -> dict[str, Path]:
    """Return the directory of each component's programs, building what is not in the cache."""
    chosen = components(kubernetes)
    folders = {name: FOLDERS / (f"{name}-{version}" if version else name) for name, version in chosen.items()}
    go = find_go(max(go_line(folder / "go.mod") for folder in folders.values()))
    return {name: _build(go, name, chosen[name], folder) for name, folder in folders.items()}


def _build(go: GoTool, component: str, version: str, folder: Path) -> Path:
    sources = {path.name: path for path in folder.iterdir() if path.suffix in {".mod", ".sum", ".go"}}
    flags = linker_flags(component, version)
    # A folder with a program of its own builds that, the others build the tools that they name.
    package = "." if "main.go" in sources else "tool"

    def build(target: Path) -> None:
        with step(f"build {component} {version}".rstrip(), slow=_SLOW.get(component, "")):
            options = ["-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", f"{target}/"]
            run([go.path, "build", *options, package], cwd=folder, env={**os.environ, **_GO_ENVIRONMENT})
            for name, better in _RENAMED.items():
                if (target / name).exists():
                    (target / name).rename(target / better)

    inputs: Inputs = {
        "sources": digest_files(sources),
        "flags": flags,
        "go": go.version,
        "architecture": go_architecture(),
    }
    return cached("binaries", inputs, build)
