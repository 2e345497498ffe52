//! Checks the parameters of a request against the schema, with PVE's texts.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::{Endpoint, Property, Schema, format};
use crate::parameters::{Parameter, Parameters};
use crate::refusal::Refusal;

const UNKNOWN: &str =
    "property is not defined in schema and the schema does not allow additional properties";

/// Checks all parameters and gives them back with lists joined as PVE joins them.
///
/// # Errors
/// One refusal that names every wrong parameter.
pub(crate) fn validate(
    schema: &Schema,
    endpoint: &Endpoint,
    mut parameters: Parameters,
) -> Result<Parameters, Refusal> {
    if endpoint.is_protected()
        && let Some((name, _)) = parameters
            .iter()
            .find(|(_, value)| **value == Parameter::Undefined)
    {
        return Err(Refusal::failure(format!(
            "got undefined value for option '{name}'"
        )));
    }
    join_lists(endpoint, &mut parameters);
    let mut errors = BTreeMap::new();
    for (name, property) in endpoint.properties() {
        // `scsi[0-30]` stands for many, none of which must be there.
        if !name.ends_with(']') {
            check_property(schema, property, parameters.get(name), name, &mut errors);
        }
    }
    for (name, value) in parameters.iter() {
        if !endpoint.properties().contains_key(name)
            && let Some(property) = endpoint.property(name)
        {
            check_property(schema, property, Some(value), name, &mut errors);
        }
        match endpoint.property(name) {
            Some(property) => {
                if let Some(required) = property.requires()
                    && !parameters.contains(required)
                {
                    let text = format!("missing property - '{name}' requires this property");
                    add(&mut errors, required, &text);
                }
            }
            None if endpoint.accepts_additional() => {}
            None => add(
                &mut errors,
                if name.is_empty() { "_root" } else { name },
                UNKNOWN,
            ),
        }
    }
    if errors.is_empty() {
        Ok(parameters)
    } else {
        Err(Refusal::parameters(errors))
    }
}

fn join_lists(endpoint: &Endpoint, parameters: &mut Parameters) {
    for (name, property) in endpoint.properties() {
        let Some(value) = parameters.get(name) else {
            continue;
        };
        let joined = match (value, property.kind.as_deref()) {
            (Parameter::List(items), _) if property.is_list() => Parameter::Text(items.join(",")),
            (Parameter::Text(text), Some("array")) => Parameter::List(vec![text.clone()]),
            _ => continue,
        };
        parameters.set(name, joined);
    }
}

/// Checks one value. Errors go to `errors` under `path`.
pub(crate) fn check_property(
    schema: &Schema,
    property: &Property,
    value: Option<&Parameter>,
    path: &str,
    errors: &mut BTreeMap<String, String>,
) {
    let Some(value) = value else {
        if !property.is_optional() {
            add(errors, path, "property is missing and it is not optional");
        }
        return;
    };
    let kind = property.kind.as_deref().unwrap_or("string");
    if let Err(got) = check_type(kind, value) {
        add(
            errors,
            path,
            &format!("type check ('{kind}') failed - got {got}"),
        );
        return;
    }
    match value {
        Parameter::Text(text) => check_text(schema, property, text, path, errors),
        Parameter::List(items) => {
            for (position, item) in items.iter().enumerate() {
                if let Some(property) = &property.items {
                    let path = format!("{path}[{position}]");
                    check_text(schema, property, item, &path, errors);
                }
            }
        }
        Parameter::Hash | Parameter::Undefined => {}
    }
}

fn check_type(kind: &str, value: &Parameter) -> Result<(), String> {
    let text = match value {
        Parameter::Text(text) => text,
        Parameter::List(_) if kind == "array" => return Ok(()),
        Parameter::List(_) => return Err("ARRAY".to_owned()),
        Parameter::Hash => return Err("HASH".to_owned()),
        Parameter::Undefined => return Err("undef".to_owned()),
    };
    let right = match kind {
        "boolean" => matches!(text.as_str(), "0" | "1"),
        "integer" => is_integer(text),
        "number" => is_number(text),
        "array" | "object" => false,
        _ => true,
    };
    if right {
        Ok(())
    } else {
        Err(format!("'{text}'"))
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

fn check_text(
    schema: &Schema,
    property: &Property,
    text: &str,
    path: &str,
    errors: &mut BTreeMap<String, String>,
) {
    if let Some(wanted) = &property.format
        && let Err(error) = format::check(schema, wanted, text, path)
    {
        add(errors, path, &format!("invalid format - {error}"));
        return;
    }
    if property
        .pattern
        .as_ref()
        .is_some_and(|pattern| !matches_whole(pattern, text))
    {
        add(errors, path, "value does not match the regex pattern");
        return;
    }
    let length = text.chars().count();
    if let Some(longest) = property.max_length.filter(|longest| length > *longest) {
        add(
            errors,
            path,
            &format!("value may only be {longest} characters long"),
        );
        return;
    }
    if let Some(shortest) = property.min_length.filter(|shortest| length < *shortest) {
        add(
            errors,
            path,
            &format!("value must be at least {shortest} characters long"),
        );
        return;
    }
    if let Ok(number) = text.parse::<f64>() {
        if let Some(largest) = property.maximum().filter(|largest| number > *largest) {
            add(
                errors,
                path,
                &format!("value must have a maximum value of {largest}"),
            );
            return;
        }
        if let Some(smallest) = property.minimum().filter(|smallest| number < *smallest) {
            add(
                errors,
                path,
                &format!("value must have a minimum value of {smallest}"),
            );
            return;
        }
    }
    if let Some(values) = property
        .values
        .as_ref()
        .filter(|values| !values.iter().any(|value| value == text))
    {
        let values = values.join(", ");
        add(
            errors,
            path,
            &format!("value '{text}' does not have a value in the enumeration '{values}'"),
        );
    }
}

fn matches_whole(pattern: &str, text: &str) -> bool {
    // Perl prints compiled patterns as `(?^:…)` and accepts `{,n}`.
    let pattern = pattern.replace("(?^:", "(?:").replace("{,", "{0,");
    // A pattern that cannot be read here must not refuse what PVE accepts.
    Regex::new(&format!("^(?:{pattern})$")).map_or(true, |regex| regex.is_match(text))
}

fn add(errors: &mut BTreeMap<String, String>, path: &str, text: &str) {
    errors
        .entry(path.to_owned())
        // Perl joins with the two characters backslash and n here.
        .and_modify(|present| *present = format!("{present}\\n{text}"))
        .or_insert_with(|| text.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, pairs: &[(&str, &str)]) -> Result<Parameters, Refusal> {
        let schema = Schema::of(crate::config::Release::Eight).unwrap();
        let mut parameters = Parameters::default();
        for (name, value) in pairs {
            parameters.append(name, (*value).to_owned());
        }
        validate(schema, schema.endpoint(key).unwrap(), parameters)
    }

    fn error(key: &str, pairs: &[(&str, &str)], name: &str) -> String {
        check(key, pairs).unwrap_err().errors()[name].clone()
    }

    const CREATE: &str = "POST /cluster/backup";

    #[test]
    fn every_wrong_parameter_is_named_at_once() {
        let refusal = check(
            CREATE,
            &[("compress", "bz2"), ("mode", "hot"), ("foo", "1")],
        )
        .unwrap_err();
        assert_eq!(
            refusal.errors().keys().collect::<Vec<_>>(),
            ["compress", "foo", "mode"]
        );
        assert_eq!(
            refusal.errors()["mode"],
            "value 'hot' does not have a value in the enumeration 'snapshot, suspend, stop'"
        );
    }

    #[test]
    fn booleans_are_only_0_and_1() {
        for bad in ["true", "yes", "on", "TRUE", "", "2", "false"] {
            assert_eq!(
                error(CREATE, &[("enabled", bad)], "enabled"),
                format!("type check ('boolean') failed - got '{bad}'")
            );
        }
        assert!(check(CREATE, &[("enabled", "0")]).is_ok());
    }

    #[test]
    fn integers_take_signs_and_zeros_but_nothing_else() {
        for good in ["5", "05", "+5"] {
            assert!(check(CREATE, &[("lockwait", good)]).is_ok(), "{good}");
        }
        for bad in ["5.0", " 5", "5 ", "0x5", "1e1", ""] {
            assert!(check(CREATE, &[("lockwait", bad)]).is_err(), "{bad}");
        }
        assert_eq!(
            error(CREATE, &[("lockwait", "-1")], "lockwait"),
            "value must have a minimum value of 0"
        );
    }

    #[test]
    fn a_repeated_scalar_is_refused_and_a_repeated_list_is_joined() {
        assert_eq!(
            error(CREATE, &[("comment", "a"), ("comment", "b")], "comment"),
            "type check ('string') failed - got ARRAY"
        );
        let parameters = check(CREATE, &[("vmid", "100"), ("vmid", "101")]).unwrap();
        assert_eq!(parameters.text("vmid"), Some("100,101"));
    }

    #[test]
    fn requires_is_reported_under_the_required_name() {
        assert_eq!(
            error(CREATE, &[("protected", "1")], "storage"),
            "missing property - 'protected' requires this property"
        );
    }

    #[test]
    fn lengths_count_characters_and_missing_ones_are_named() {
        let long = "x".repeat(513);
        assert_eq!(
            error(CREATE, &[("comment", &long)], "comment"),
            "value may only be 512 characters long"
        );
        assert_eq!(
            error("POST /access/ticket", &[("username", "a")], "password"),
            "property is missing and it is not optional"
        );
    }
}
