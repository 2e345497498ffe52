//! `meta/runtime.yml`: which Ansible, and the group that `module_defaults` sets once.

use crate::output::{Files, MARK};

pub(crate) fn generate(files: &mut Files) {
    let mut text =
        format!("---\n# {MARK}\nrequires_ansible: \">=2.16.0\"\naction_groups:\n  all:\n");
    // What the group sets is the connection: a module that has none would refuse it.
    let connected = reprise::MODULES.iter().filter(|module| {
        let mut options = module.declaration.spec.options();
        options.any(|option| option.name == "api_host")
    });
    for module in connected {
        text.push_str("    - ");
        text.push_str(module.declaration.name);
        text.push('\n');
    }
    files.add("collection/meta/runtime.yml", text);
}
