# Made by `cargo xtask codegen`: change modules/pve_storage, not this file.
# Copyright: (c) 2026, The Reprise contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs reprise.pve.pve_storage on the host of the task."""

from __future__ import annotations

from ansible_collections.reprise.pve.plugins.plugin_utils.binary import BinaryAction


class ActionModule(BinaryAction):
    """The action of reprise.pve.pve_storage."""

    MODULE = "pve_storage"
