# Copyright: (c) 2026, The Reprise contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that Terraform's variables name, as `reprise inventory` finds them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: terraform
short_description: Proxmox VE nodes from C(terraform.tfvars)
version_added: "0.1.0"
description:
  - Reads the nodes that Terraform's variables name, with the program C(reprise) that this collection brings.
  - Every node is in the group C(pve) and in that of its environment, such as C(prod), C(lab) or C(mon). Credentials are never part of the inventory.
  - Its file ends in C(reprise.yml) or C(reprise.yaml).
author:
  - The Reprise contributors (@reprise-pve)
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: Says that the file is one of this plugin.
    type: str
    required: true
    choices:
      - reprise.pve.terraform
  tfvars:
    description: The file with Terraform's variables, as HCL or JSON. A relative path begins at the folder of the inventory's file.
    type: str
    required: true
  map:
    description:
      - Where values stand, by key. Each is an expression or a list of them, such as V(nodes.*.ip). The usual places are looked at for keys that are left out.
      - C(reprise inventory --help) lists the keys and their usual places.
    type: dict
    default: {}
  program:
    description:
      - The program C(reprise). When left out, it is the one in the collection, or else the one in E(PATH).
    type: path
"""

EXAMPLES = r"""
# infra.reprise.yml
plugin: reprise.pve.terraform
tfvars: ../terraform/terraform.tfvars

# other.reprise.yml: the variables have other names
# plugin: reprise.pve.terraform
# tfvars: terraform.tfvars
# map:
#   prod: cluster.prod.address
#   lab: cluster.lab.address
#   ansible_user: ssh_user
"""

import difflib
import json
import os
import platform
import shutil
import subprocess

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.text.converters import to_native
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

# What `uname -m` says on the machines that the collection has a binary for.
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}

COLLECTION = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class InventoryModule(BaseInventoryPlugin, Constructable):
    """Asks the program, and hands on what it says."""

    NAME = "reprise.pve.terraform"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("reprise.yml", "reprise.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._refuse_unknown(self._read_config_data(path), path)
        answer = self._ask(os.path.dirname(os.path.abspath(path)))
        variables = answer.pop("_meta", {}).get("hostvars", {})
        children = answer.pop("all", {}).get("children", [])
        for group in children:
            group = self.inventory.add_group(group)
            for host in answer.get(group, {}).get("hosts", []):
                self.inventory.add_host(host, group=group)
        for host, known in variables.items():
            for name, value in known.items():
                self.inventory.set_variable(host, name, value)
            strict = self.get_option("strict")
            self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)

    def _refuse_unknown(self, config, path):
        """Ansible passes over keys that it does not know: a misspelled one would do nothing."""
        known = sorted(set(self.get_options()) | {"plugin"})
        for key in config:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"it knows {', '.join(known)}."
                raise AnsibleParserError(f"'{key}' in {to_native(path)} is no option of {self.NAME}: {hint}")

    def _ask(self, folder):
        command = [self._program(), "inventory", "--tfvars", os.path.join(folder, os.path.expanduser(self.get_option("tfvars")))]
        for key, expressions in (self.get_option("map") or {}).items():
            for expression in expressions if isinstance(expressions, list) else [expressions]:
                command += ["--map", f"{key}={expression}"]
        try:
            ended = subprocess.run(command, capture_output=True, check=False)
        except OSError as error:
            raise AnsibleParserError(f"Could not run '{command[0]}': {to_native(error)}") from error
        if ended.returncode != 0:
            raise AnsibleParserError(f"'{' '.join(command)}' ended with {ended.returncode}: {to_native(ended.stderr).strip()}")
        try:
            return json.loads(ended.stdout)
        except ValueError as error:
            raise AnsibleParserError(f"'{' '.join(command)}' did not print an inventory: {to_native(error)}") from error

    def _program(self):
        named = self.get_option("program")
        if named:
            return named
        architecture = ARCHITECTURES.get(platform.machine().lower())
        if architecture and platform.system() == "Linux":
            brought = os.path.join(COLLECTION, "files", f"reprise_{architecture}")
            if os.access(brought, os.X_OK):
                return brought
        found = shutil.which("reprise")
        if found is None:
            raise AnsibleParserError(
                f"The collection has no program for {platform.system()} on {platform.machine()}, and there is no 'reprise' in PATH. "
                "Set 'program', or write the inventory of 'reprise inventory' on another machine into a file."
            )
        return found
