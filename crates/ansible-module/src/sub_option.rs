//! What is told of sub-options before they are validated.

use serde_json::Value;

use crate::{
    coerce::kind_name,
    mapping,
    mask::sub_options,
    option::OptionSpec,
    place::{Arguments, Failure},
    python,
    result::Deprecation,
};

/// What core finds while it looks for secrets in sub-options: a value that holds no options.
pub(crate) fn check_sub_shapes(
    options: &[OptionSpec],
    arguments: &Arguments,
) -> Result<(), Failure> {
    for option in options {
        let (Some(below), Some(value)) = (sub_options(&option.kind), arguments.get(option.name))
        else {
            continue;
        };
        let elements = match value {
            Value::Null => continue,
            Value::Array(elements) => elements.as_slice(),
            other => std::slice::from_ref(other),
        };
        for element in elements {
            let parsed = match element {
                Value::Object(_) => None,
                Value::String(text) => Some(mapping::from_text(text)?),
                other => {
                    return Err(format!(
                        "Value '{}' in the sub parameter field '{}' must be a {}, not '{}'",
                        python::str(other),
                        option.name,
                        kind_name(&option.kind),
                        python::type_name(other)
                    ));
                }
            };
            if let Some(arguments) = parsed.as_ref().or(element.as_object()) {
                check_sub_shapes(below, arguments)?;
            }
        }
    }
    Ok(())
}

/// Tells of deprecated options that were given, sub-options too, as core names them.
pub(crate) fn note_deprecated(
    options: &[OptionSpec],
    arguments: &Arguments,
    prefix: &str,
    deprecations: &mut Vec<Deprecation>,
) {
    for option in options {
        let Some(value) = arguments.get(option.name) else {
            continue;
        };
        let name = if prefix.is_empty() {
            option.name.to_owned()
        } else {
            format!("{prefix}[\"{}\"]", option.name)
        };
        if let Some(deprecated) = option.deprecated {
            deprecations.push(Deprecation {
                msg: format!(
                    "Param '{name}' is deprecated. See the module docs for more information"
                ),
                version: Some(deprecated.removed_in.to_owned()),
                date: None,
                collection_name: Some(deprecated.collection.to_owned()),
            });
        }
        let below = sub_options(&option.kind).unwrap_or_default();
        let elements = match value {
            Value::Array(elements) => elements.as_slice(),
            other => std::slice::from_ref(other),
        };
        for arguments in elements.iter().filter_map(Value::as_object) {
            note_deprecated(below, arguments, &name, deprecations);
        }
    }
}

pub(crate) fn not_a_dict(option: &OptionSpec) -> String {
    format!(
        "value of '{}' must be of type dict or list of dicts",
        option.name
    )
}
