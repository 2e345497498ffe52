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
    let text = serde_saphyr::to_string(value)?;
    Ok(text.lines().map(folded).collect())
}

/// How wide a folded text is; `ansible-test` refuses lines over 160 characters.
const WIDTH: usize = 100;

/// A long quoted text of a list as a folded one: the library folds only what needs no quotes.
fn folded(line: &str) -> String {
    let quoted = line
        .trim_start()
        .strip_prefix("- \"")
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(text) = quoted.filter(|text| line.len() > WIDTH && !text.contains('\\')) else {
        return format!("{line}\n");
    };
    let indent = " ".repeat(line.len() - line.trim_start().len());
    let mut folded = format!("{indent}- >-\n");
    let mut row = format!("{indent} ");
    for word in text.split(' ') {
        if row.len() + word.len() >= WIDTH {
            folded.push_str(&row);
            folded.push('\n');
            row = format!("{indent} ");
        }
        row.push(' ');
        row.push_str(word);
    }
    folded.push_str(&row);
    folded.push('\n');
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_quoted_text_means_the_same_when_folded() {
        let sentence = format!("{}: end", "word ".repeat(40).trim_end());
        let value =
            serde_json::json!({"description": [sentence, "short: one", "say \"it\" twice: ok"]});
        let text = yaml(&value).unwrap();
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value);
    }
}
