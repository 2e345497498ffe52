//! `DOCUMENTATION` of a stub, from a module's declaration.

use ansible_module::option::{Default, Deprecated, Kind, OptionSpec};
use module_kit::Declaration;
use serde_json::{Map, Value, json};

/// The document, in the order in which Ansible's own modules have it.
pub(crate) fn of(declaration: &Declaration) -> Value {
    let mut document = Map::new();
    document.insert("module".into(), json!(declaration.name));
    document.insert(
        "short_description".into(),
        json!(declaration.short_description),
    );
    document.insert("version_added".into(), json!(declaration.version_added));
    document.insert("description".into(), json!(declaration.description));
    document.insert(
        "author".into(),
        json!(["The Reprise developers (@reprise-pve)"]),
    );
    document.insert("options".into(), options(declaration.spec.options()));
    document.insert("attributes".into(), attributes());
    if !declaration.notes.is_empty() {
        document.insert("notes".into(), json!(declaration.notes));
    }
    if !declaration.see_also.is_empty() {
        let modules: Vec<Value> = declaration
            .see_also
            .iter()
            .map(|name| json!({ "module": name }))
            .collect();
        document.insert("seealso".into(), Value::Array(modules));
    }
    Value::Object(document)
}

fn attributes() -> Value {
    json!({
        "check_mode": {
            "support": "full",
            "description": ["It makes no change and predicts the change."],
        },
        "diff_mode": {
            "support": "full",
            "description": ["Returns what changed, or in check mode would change."],
        },
        "async": {
            "support": "full",
            "description": ["Can run in the background. Only then the target needs a Python."],
        },
        "platform": {
            "support": "full",
            "platforms": "linux",
            "description": ["Runs a static binary for x86_64 or aarch64 on the target. The target needs no Python."],
        },
    })
}

fn options(options: impl Iterator<Item = &'static OptionSpec>) -> Value {
    Value::Object(
        options
            .map(|option| (option.name.to_owned(), option_document(option)))
            .collect(),
    )
}

fn option_document(option: &OptionSpec) -> Value {
    let mut document = Map::new();
    let mut description: Vec<String> = option.description.iter().map(ToString::to_string).collect();
    if !option.environment.is_empty() {
        let names: Vec<String> = option
            .environment
            .iter()
            .map(|name| format!("E({name})"))
            .collect();
        description.push(format!(
            "When it is not given, {} is used.",
            names.join(", then ")
        ));
    }
    document.insert("description".into(), json!(description));
    document.insert("type".into(), json!(type_name(option.kind)));
    if let Kind::List(element) = option.kind {
        document.insert("elements".into(), json!(type_name(*element)));
    }
    if option.required {
        document.insert("required".into(), json!(true));
    }
    if let Some(default) = default_value(option.default) {
        document.insert("default".into(), default);
    }
    if !option.choices.is_empty() {
        document.insert("choices".into(), json!(option.choices));
    }
    if !option.aliases.is_empty() {
        document.insert("aliases".into(), json!(option.aliases));
    }
    let suboptions = option.kind.suboptions();
    if let Some(deprecated) = option.deprecated {
        document.insert("deprecated".into(), deprecated_document(&deprecated));
    }
    if !suboptions.is_empty() {
        document.insert("suboptions".into(), options(suboptions.iter()));
    }
    Value::Object(document)
}

fn deprecated_document(deprecated: &Deprecated) -> Value {
    json!({
        "removed_in": deprecated.removed_in,
        "removed_from_collection": deprecated.collection,
        "why": deprecated.why,
        "alternative": deprecated.alternative,
    })
}

/// The default as a value.
pub(crate) fn default_value(default: Default) -> Option<Value> {
    match default {
        Default::None => None,
        Default::Str(text) => Some(json!(text)),
        Default::Int(number) => Some(json!(number)),
        Default::Bool(value) => Some(json!(value)),
        Default::List(list) => Some(json!(list)),
    }
}

/// The name of a kind in Ansible.
pub(crate) const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Str => "str",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Path => "path",
        Kind::Raw => "raw",
        Kind::Dict(_) => "dict",
        Kind::List(_) => "list",
    }
}
