//! Per module a Python file with documentation only, and the action plugin that runs the binary.

use anyhow::Result;
use module_kit::driver::Registered;
use serde_json::Value;

use crate::output::{Files, MARK};
use crate::{documentation, return_values};

const HEADER: &str = "# Copyright: (c) 2026, The Reprise developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
";

pub(crate) fn generate(module: &Registered, files: &mut Files) -> Result<()> {
    let declaration = module.declaration;
    let name = declaration.name;
    let documentation = yaml(&documentation::of(declaration))?;
    let returned = yaml(&return_values::of(module)?)?;
    let examples = declaration.examples;
    files.add(
        format!("collection/plugins/modules/{name}.py"),
        format!(
            "#!/usr/bin/python\n# {MARK}\n{HEADER}\nfrom __future__ import annotations\n\nDOCUMENTATION = r\"\"\"\n{documentation}\"\"\"\n\nEXAMPLES = r\"\"\"\n{examples}\"\"\"\n\nRETURN = r\"\"\"\n{returned}\"\"\"\n"
        ),
    );
    files.add(
        format!("collection/plugins/action/{name}.py"),
        format!(
            "# {MARK}\n{HEADER}\"\"\"Runs reprise.pve.{name} on the host of the task.\"\"\"\n\nfrom __future__ import annotations\n\nfrom ansible_collections.reprise.pve.plugins.plugin_utils.binary import BinaryAction\n\n\nclass ActionModule(BinaryAction):\n    \"\"\"The action of reprise.pve.{name}.\"\"\"\n\n    MODULE = \"{name}\"\n"
        ),
    );
    Ok(())
}

fn yaml(value: &Value) -> Result<String> {
    Ok(serde_saphyr::to_string(value)?)
}
