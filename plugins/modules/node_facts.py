#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+, see LICENSES/GPL-3.0-or-later.txt
# ruff: noqa: EXE001  ansible-test wants the line above, and no executable file

from __future__ import annotations

DOCUMENTATION = r"""
module: node_facts
short_description: Collect what hardening needs to know about a Kubernetes node
version_added: 0.1.0
description:
  - Reads what the node's kubelet is told and what its process was started with, the attributes of
    the files that are asked for, and the transactions that cksharden keeps on the node.
  - Everything is read in one remote execution, by a program on the standard input of the node's Python.
    Nothing is copied to the node or left on it.
  - Private keys, tokens and passwords are replaced before anything leaves the node.
options:
  request:
    description:
      - The path, on the controller, of a JSON file that says which files are asked for, or that data itself.
      - Without it, the variable C(cksharden_request) is used, and without that no files are asked for.
      - With C(cluster) true, a control plane also asks its own API server about the cluster and every
        kubelet, with the credentials of its admin.conf.
    type: raw
  facts_dir:
    description:
      - A directory on the controller. The facts are written there as I(inventory_hostname).json, mode 0600.
      - Without it, the variable C(cksharden_facts_dir) is used, and without that the facts are returned.
    type: path
extends_documentation_fragment:
  - cksharden.node.reading
author:
  - The cksharden authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Collect facts of the node into files on the controller
  cksharden.node.node_facts:
    facts_dir: /var/tmp/facts
    request:
      schema: "1.0"
      files:
        - path: /var/lib/kubelet/config.yaml
          parents: true
  become: true
"""

RETURN = r"""
cksharden:
  description: Where the facts are, or the facts themselves.
  returned: always
  type: dict
  contains:
    kind:
      description: What the node is.
      type: str
      sample: control_plane
    path:
      description: The facts file on the controller, where there is a directory for it.
      type: str
      sample: /var/tmp/facts/w1.json
    facts:
      description: The facts as JSON text, where there is no directory for them.
      type: str
    error:
      description: The kind of failure, for example C(no_python).
      type: str
    message:
      description: What failed.
      type: str
"""
