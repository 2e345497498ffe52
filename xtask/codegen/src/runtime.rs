//! `meta/runtime.yml`: which Ansible, and the group that `module_defaults` sets once.

use crate::output::{Files, MARK};

pub(crate) fn generate(files: &mut Files) {
    let mut text =
        format!("---\n# {MARK}\nrequires_ansible: \">=2.16.0\"\naction_groups:\n  all:\n");
    for module in reprise::MODULES {
        text.push_str("    - ");
        text.push_str(module.declaration.name);
        text.push('\n');
    }
    files.add("collection/meta/runtime.yml", text);
}
