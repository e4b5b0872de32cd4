# SPDX-License-Identifier: Apache-2.0
"""`python -m cksharden` is the command `cksharden`."""

from __future__ import annotations

from cksharden.cli.main import main

main()
