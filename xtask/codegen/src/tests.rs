//! What is generated says what is declared, and can be read back.

use ansible_module::option::{Kind, OptionSpec};
use module_kit::Declaration;
use serde_json::{Value, json};

use crate::documentation::{self, default_value, type_name};
use crate::{generated, return_values};

/// The YAML between `NAME = r"""` and the closing quotes.
fn block<'a>(stub: &'a str, name: &str) -> &'a str {
    let (_, rest) = stub
        .split_once(&format!("\n{name} = r\"\"\"\n"))
        .unwrap_or_else(|| panic!("no {name}"));
    let (text, _) = rest.split_once("\"\"\"").unwrap();
    text
}

fn stub(name: &str) -> String {
    let files = generated().unwrap();
    files
        .text(&format!("collection/plugins/modules/{name}.py"))
        .to_owned()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_yaml_parses_back_to_the_same_document() {
    for module in reprise::MODULES {
        let declaration = module.declaration;
        let stub = stub(declaration.name);
        assert_eq!(
            yaml(block(&stub, "DOCUMENTATION")),
            documentation::of(declaration)
        );
        assert_eq!(
            yaml(block(&stub, "RETURN")),
            return_values::of(module).unwrap()
        );
        // A quote of Python's inside would end the text early.
        assert_eq!(stub.matches("\"\"\"").count(), 6, "{}", declaration.name);
    }
}

#[test]
fn every_option_stands_in_it_with_all_that_is_declared() {
    fn check(options: &[OptionSpec], document: &Value, place: &str) {
        let document = document.as_object().unwrap();
        assert_eq!(document.len(), options.len(), "{place}");
        for option in options {
            let place = format!("{place}{}", option.name);
            let entry = &document[option.name];
            assert_eq!(entry["type"], type_name(option.kind), "{place}");
            assert_eq!(
                entry["required"],
                if option.required {
                    json!(true)
                } else {
                    Value::Null
                },
                "{place}"
            );
            assert_eq!(
                entry["default"],
                default_value(option.default).unwrap_or_default(),
                "{place}"
            );
            assert_eq!(
                entry["choices"] == Value::Null,
                option.choices.is_empty(),
                "{place}"
            );
            assert_eq!(
                entry["aliases"] == Value::Null,
                option.aliases.is_empty(),
                "{place}"
            );
            assert_eq!(
                entry["elements"] == Value::Null,
                !matches!(option.kind, Kind::List(_)),
                "{place}"
            );
            let description = entry["description"].to_string();
            for variable in option.environment {
                assert!(description.contains(&format!("E({variable})")), "{place}");
            }
            // What Ansible refuses in a stub: `no_log` and the like are no part of documentation.
            assert_eq!(entry.get("no_log"), None, "{place}");
            if !option.kind.suboptions().is_empty() {
                check(
                    option.kind.suboptions(),
                    &entry["suboptions"],
                    &format!("{place}."),
                );
            }
        }
    }
    for module in reprise::MODULES {
        let options: Vec<OptionSpec> = module.declaration.spec.options().copied().collect();
        let document = yaml(block(&stub(module.declaration.name), "DOCUMENTATION"));
        check(&options, &document["options"], "");
        assert_eq!(document["module"], module.declaration.name);
    }
}

#[test]
fn the_reference_names_every_option_and_result() {
    let files = generated().unwrap();
    for module in reprise::MODULES {
        let page = files.text(&format!("docs/reference/{}.md", module.declaration.name));
        for option in module.declaration.spec.options() {
            assert!(
                page.contains(&format!("\n| `{}` |", option.name)),
                "{}",
                option.name
            );
            for suboption in option.kind.suboptions() {
                let name = format!("\n| `{}.{}` |", option.name, suboption.name);
                assert!(page.contains(&name), "{name}");
            }
        }
        for name in return_values::of(module)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
        {
            assert!(page.contains(&format!("\n| `{name}` |")), "{name}");
        }
        // Markup of Ansible is for Ansible.
        for mark in ["O(", "V(", "C(", "E("] {
            assert!(
                !page.contains(&format!(" {mark}")),
                "{mark} in {}",
                module.declaration.name
            );
        }
    }
}

#[test]
fn examples_are_tasks_of_their_module() {
    for module in reprise::MODULES {
        let Declaration { name, spec, .. } = module.declaration;
        // A tag of Ansible's; what it marks stays a text.
        let examples = block(&stub(name), "EXAMPLES").replace("!unsafe ", "");
        let tasks = yaml(&examples);
        let own = format!("reprise.pve.{name}");
        // What is done with a result is a task of Ansible's own.
        let foreign = |key: &String| key.starts_with("ansible.builtin.");
        for (number, task) in tasks.as_array().unwrap().iter().enumerate() {
            assert!(task["name"].as_str().is_some_and(|name| name.len() > 5));
            if number > 0 && task.as_object().unwrap().keys().any(foreign) {
                continue;
            }
            let options = task[own.as_str()].as_object().unwrap().clone();
            let parsed = ansible_module::parse(name, spec, options, &|_| None);
            assert!(parsed.is_ok(), "{name}: {}", parsed.unwrap_err().message);
        }
    }
}

#[test]
fn every_module_has_an_action_and_is_in_the_group() {
    let files = generated().unwrap();
    let runtime = yaml(files.text("collection/meta/runtime.yml"));
    assert_eq!(runtime["requires_ansible"], ">=2.16.0");
    let names: Vec<&str> = reprise::MODULES
        .iter()
        .map(|module| module.declaration.name)
        .collect();
    assert_eq!(runtime["action_groups"]["all"], json!(names));
    for name in names {
        let action = files.text(&format!("collection/plugins/action/{name}.py"));
        assert!(action.contains(&format!("MODULE = \"{name}\"\n")));
    }
}
