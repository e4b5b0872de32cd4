# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a node: Python 3.9, standard library only, loaded from memory (see plugin_utils/bundle.py)."""
