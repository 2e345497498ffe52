//! The rules between options, in core's words and core's order.

use serde_json::{Map, Value};

use crate::{
    option::{Constraints, Default, RequiredIf},
    python,
};

/// `mutually_exclusive`, checked before defaults are set. An option given as null counts.
pub(crate) fn mutually_exclusive(
    constraints: &Constraints,
    given: &Map<String, Value>,
) -> Result<(), String> {
    let broken: Vec<String> = constraints
        .mutually_exclusive
        .iter()
        .filter(|names| present(names, given).count() > 1)
        .map(|names| names.join("|"))
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!(
        "parameters are mutually exclusive: {}",
        broken.join(", ")
    ))
}

/// The other rules, checked after defaults are set and values are coerced.
pub(crate) fn requirements(
    constraints: &Constraints,
    given: &Map<String, Value>,
) -> Result<(), String> {
    for names in constraints.required_together {
        let count = present(names, given).count();
        if count > 0 && count < names.len() {
            return Err(format!(
                "parameters are required together: {}",
                names.join(", ")
            ));
        }
    }
    for names in constraints.required_one_of {
        if present(names, given).next().is_none() {
            return Err(format!(
                "one of the following is required: {}",
                names.join(", ")
            ));
        }
    }
    for rule in constraints.required_if {
        required_if(rule, given)?;
    }
    for (name, needed) in constraints.required_by {
        let set = |name: &str| given.get(name).is_some_and(|value| !value.is_null());
        let missing: Vec<&str> = needed.iter().copied().filter(|other| !set(other)).collect();
        if set(name) && !missing.is_empty() {
            return Err(format!(
                "missing parameter(s) required by '{name}': {}",
                missing.join(", ")
            ));
        }
    }
    Ok(())
}

fn required_if(rule: &RequiredIf, given: &Map<String, Value>) -> Result<(), String> {
    let Some(wanted) = default_value(&rule.value) else {
        return Ok(());
    };
    if !given
        .get(rule.option)
        .is_some_and(|value| equal(value, &wanted))
    {
        return Ok(());
    }
    let missing: Vec<&str> = rule
        .required
        .iter()
        .copied()
        .filter(|name| !given.contains_key(*name))
        .collect();
    let (word, tolerated) = if rule.any {
        ("any", rule.required.len().saturating_sub(1))
    } else {
        ("all", 0)
    };
    if missing.len() <= tolerated {
        return Ok(());
    }
    Err(format!(
        "{} is {} but {word} of the following are missing: {}",
        rule.option,
        python::str(&wanted),
        missing.join(", ")
    ))
}

/// The names among `names` that were given, each once.
fn present<'a>(
    names: &'a [&'a str],
    given: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    names
        .iter()
        .copied()
        .filter(|name| given.contains_key(*name))
}

/// Equal as in Python, where `1`, `1.0` and `True` are the same.
fn equal(left: &Value, right: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        other => other.as_f64(),
    };
    left == right
        || number(left)
            .zip(number(right))
            .is_some_and(|(left, right)| left.total_cmp(&right).is_eq())
}

/// A declared value as JSON; none for [`Default::None`].
pub(crate) fn default_value(default: &Default) -> Option<Value> {
    match default {
        Default::None => None,
        Default::Str(text) => Some(Value::from(*text)),
        Default::Int(int) => Some(Value::from(*int)),
        Default::Bool(flag) => Some(Value::from(*flag)),
        Default::List(texts) => Some(texts.iter().copied().map(Value::from).collect()),
    }
}
