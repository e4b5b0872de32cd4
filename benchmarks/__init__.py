# SPDX-License-Identifier: Apache-2.0
"""Measurements of cksharden beside their goals; `nox -s bench`."""
