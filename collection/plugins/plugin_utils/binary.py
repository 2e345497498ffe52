# Copyright: (c) 2026, The Reprise contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every action of the collection does: run the one binary, for the machine it lands on."""

from __future__ import annotations

import os
import platform

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# What `uname -m` says on the machines the binary is built for.
ARCHITECTURES = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
}

# Tells the binary which module it is; no module has an option of this name.
SELECTOR = "_module"

MODULES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "modules")


class BinaryAction(ActionBase):
    """Runs a module of the binary. Arguments are its business: nothing is checked here."""

    TRANSFERS_FILES = False
    _supports_async = True
    _supports_check_mode = True

    # The module's name, set by each action. The task's own word for it may be a short name.
    MODULE = ""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if SELECTOR in arguments:
            raise AnsibleActionFail(f"Unsupported parameters for (reprise.pve.{self.MODULE}) module: {SELECTOR}")
        arguments[SELECTOR] = self.MODULE
        architecture = self._architecture(task_vars or {})
        result.update(
            self._execute_module(
                module_name=f"reprise.pve.reprise_{architecture}",
                module_args=arguments,
                task_vars=task_vars,
                wrap_async=self._task.async_val,
            )
        )
        return result

    def _architecture(self, task_vars):
        machine = self._machine(task_vars)
        architecture = ARCHITECTURES.get(machine.lower())
        if architecture is None:
            raise AnsibleActionFail(
                f"reprise.pve has no binary for the architecture '{machine}' of this host, only for x86_64 and aarch64. "
                "The modules also work from another machine over the API: run the task there with 'delegate_to', "
                "for instance 'delegate_to: localhost', and set 'api_host'."
            )
        name = f"reprise_{architecture}"
        if not os.path.exists(os.path.join(MODULES, name)):
            raise AnsibleActionFail(
                f"The binary '{name}' is missing from the installed collection ({os.path.join(MODULES, name)}). "
                "Install the collection from its tarball with 'ansible-galaxy collection install --force'; "
                "a clone of its repository has no binaries until 'cargo xtask dist' has made the tarball."
            )
        return architecture

    def _machine(self, task_vars):
        # Facts may have been gathered over another connection: on this machine ask this machine.
        if self._connection.transport == "local":
            return platform.machine()
        if self._task.delegate_to:
            # The facts of the play's host say nothing about the host that runs the task.
            task_vars = (task_vars.get("ansible_delegated_vars") or {}).get(self._task.delegate_to) or {}
        known = (task_vars.get("ansible_facts") or {}).get("architecture")
        if known:
            return str(known)
        answer = self._low_level_execute_command("uname -m", sudoable=False)
        lines = answer.get("stdout", "").split()
        if answer.get("rc") != 0 or not lines:
            raise AnsibleActionFail(
                "Could not ask this host for its architecture: 'uname -m' ended with "
                f"{answer.get('rc')}: {answer.get('stderr', '').strip()}. Check that the login gets a POSIX shell, "
                "or gather facts before the task."
            )
        # What a login prints of its own comes first.
        return lines[-1]
