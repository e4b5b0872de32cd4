# SPDX-License-Identifier: Apache-2.0
"""The lab: a real kubeadm cluster on one machine, for demonstrations and tests (docs/lab.md)."""
