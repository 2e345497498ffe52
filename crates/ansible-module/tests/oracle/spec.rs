//! An argument spec in JSON, made a table of this crate.
//!
//! Such tables are constants, hence the leaks: a test ends soon.

use ansible_module::option::{
    ArgumentSpec, Constraints, Default, Deprecated, Kind, OptionGroup, OptionSpec, RequiredIf,
};
use serde_json::{Map, Value, json};

fn leak<T>(values: Vec<T>) -> &'static [T] {
    Box::leak(values.into_boxed_slice())
}

fn text(value: &Value) -> &'static str {
    value.as_str().unwrap().to_owned().leak()
}

fn texts(value: Option<&Value>) -> &'static [&'static str] {
    leak(value.map_or_else(Vec::new, |value| {
        value.as_array().unwrap().iter().map(text).collect()
    }))
}

fn text_lists(value: Option<&Value>) -> &'static [&'static [&'static str]] {
    let lists = value.map(|value| {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|list| texts(Some(list)))
    });
    leak(lists.map_or_else(Vec::new, Iterator::collect))
}

/// The table that an argument spec in JSON stands for; a key that it does not read fails.
pub(super) fn argument_spec(declared: &Map<String, Value>) -> ArgumentSpec {
    for key in declared.keys() {
        let known = [
            "options",
            "mutually_exclusive",
            "required_together",
            "required_one_of",
            "required_if",
            "required_by",
        ];
        assert!(
            known.contains(&key.as_str()),
            "`{key}` of a spec is not read"
        );
    }
    let required_if = declared.get("required_if").map_or_else(Vec::new, |rules| {
        rules.as_array().unwrap().iter().map(required_if).collect()
    });
    let required_by = declared.get("required_by").map_or_else(Vec::new, |rules| {
        let rules = rules.as_object().unwrap().iter();
        rules
            .map(|(name, needed)| (&*name.clone().leak(), texts(Some(needed))))
            .collect()
    });
    ArgumentSpec {
        groups: leak(vec![OptionGroup {
            title: "Options",
            options: options(&declared["options"]),
        }]),
        constraints: Constraints {
            mutually_exclusive: text_lists(declared.get("mutually_exclusive")),
            required_together: text_lists(declared.get("required_together")),
            required_one_of: text_lists(declared.get("required_one_of")),
            required_if: leak(required_if),
            required_by: leak(required_by),
        },
    }
}

fn required_if(rule: &Value) -> RequiredIf {
    RequiredIf {
        option: text(&rule[0]),
        value: default(Some(&rule[1])),
        required: texts(Some(&rule[2])),
        any: rule.get(3).is_some_and(|any| any.as_bool().unwrap()),
    }
}

fn options(declared: &Value) -> &'static [OptionSpec] {
    let declared = declared.as_object().unwrap().iter();
    leak(
        declared
            .map(|(name, option)| option_spec(name.clone().leak(), option))
            .collect(),
    )
}

fn option_spec(name: &'static str, declared: &Value) -> OptionSpec {
    for key in declared.as_object().unwrap().keys() {
        let known = [
            "type",
            "elements",
            "options",
            "required",
            "default",
            "aliases",
            "choices",
            "no_log",
            "fallback_env",
            "removed_in_version",
            "removed_from_collection",
        ];
        assert!(
            known.contains(&key.as_str()),
            "`{key}` of option `{name}` is not read"
        );
    }
    let mut option = OptionSpec::new(name, kind(text(&declared["type"]), declared), &["A test."])
        .default(default(declared.get("default")))
        .aliases(texts(declared.get("aliases")))
        .choices(texts(declared.get("choices")))
        .environment(texts(declared.get("fallback_env")));
    option.required = declared
        .get("required")
        .is_some_and(|flag| flag.as_bool().unwrap());
    option.no_log = declared
        .get("no_log")
        .is_some_and(|flag| flag.as_bool().unwrap());
    option.deprecated = declared
        .get("removed_in_version")
        .map(|version| Deprecated {
            removed_in: text(version),
            collection: text(&declared["removed_from_collection"]),
            why: "A test.",
            alternative: "None.",
        });
    option
}

fn kind(name: &str, declared: &Value) -> Kind {
    match name {
        "str" => Kind::Str,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "bool" => Kind::Bool,
        "path" => Kind::Path,
        "raw" => Kind::Raw,
        "dict" => Kind::Dict(declared.get("options").map_or(&[], options)),
        "list" => Kind::List(Box::leak(Box::new(kind(
            declared.get("elements").map_or("raw", text),
            &element(declared),
        )))),
        other => panic!("`{other}` is no kind"),
    }
}

/// What of a list's declaration is that of its elements.
fn element(declared: &Value) -> Value {
    declared
        .get("options")
        .map_or_else(|| json!({}), |options| json!({ "options": options }))
}

fn default(value: Option<&Value>) -> Default {
    match value {
        None => Default::None,
        Some(Value::String(text)) => Default::Str(text.clone().leak()),
        Some(Value::Number(number)) => Default::Int(number.as_i64().unwrap()),
        Some(Value::Bool(flag)) => Default::Bool(*flag),
        Some(list @ Value::Array(_)) => Default::List(texts(Some(list))),
        Some(other) => panic!("{other} cannot be a default"),
    }
}
