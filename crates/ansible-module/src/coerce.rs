//! One value turned into one kind, as the `check_type_*` functions of ansible-core do it.

use serde_json::{Value, json};

use crate::{
    Environment, mapping,
    number::{self, NotInt},
    option::Kind,
    path, python,
};

/// The value as its kind wants it, or the reason why it cannot be that.
///
/// The elements of a list and the keys of a dict are left as they came.
pub(crate) fn coerce(
    kind: &Kind,
    value: &Value,
    environment: Environment<'_>,
) -> Result<Value, String> {
    match kind {
        Kind::Str => Ok(Value::String(text(value))),
        Kind::Int => int(value),
        Kind::Float => float(value),
        Kind::Bool => boolean(value).map(Value::Bool),
        Kind::Path => path::expand(&text(value), environment).map(Value::String),
        Kind::Raw => Ok(value.clone()),
        Kind::Dict(_) => dictionary(value),
        Kind::List(_) => list(value),
    }
}

/// The kind's name in an argument spec.
pub(crate) const fn kind_name(kind: &Kind) -> &'static str {
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

fn text(value: &Value) -> String {
    match value {
        // An empty template result is null since core 2.19, and was an empty text before.
        Value::Null => String::new(),
        other => python::str(other),
    }
}

fn int(value: &Value) -> Result<Value, String> {
    number::int(value).map(Value::from).map_err(|why| {
        let given = python::repr(value);
        match why {
            NotInt::Unreadable => format!("\"{given}\" cannot be converted to an int"),
            NotInt::TooLarge => format!(
                "\"{given}\" cannot be converted to an int: whole numbers go from {} to {}",
                i64::MIN,
                i64::MAX
            ),
        }
    })
}

fn float(value: &Value) -> Result<Value, String> {
    number::float(value)
        .map(Value::from)
        .ok_or_else(|| format!("{} cannot be converted to a float", class(value)))
}

const TRUE: [&str; 6] = ["y", "yes", "on", "1", "true", "t"];
const FALSE: [&str; 6] = ["n", "no", "off", "0", "false", "f"];

/// The texts among the choices that mean what YAML may have made of them: `no` becomes `False`.
pub(crate) fn texts_read_as(boolean: &str) -> &'static [&'static str] {
    match boolean {
        "True" => &TRUE,
        "False" => &FALSE,
        _ => &[],
    }
}

/// The boolean that a value stands for.
pub(crate) fn boolean(value: &Value) -> Result<bool, String> {
    let known = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(text) => {
            let text = text.to_lowercase();
            let text = text.trim();
            if TRUE.contains(&text) {
                Some(true)
            } else {
                FALSE.contains(&text).then_some(false)
            }
        }
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(format!("{} cannot be converted to a bool", class(value)));
        }
    };
    known.ok_or_else(|| {
        let valid: Vec<String> = TRUE
            .iter()
            .chain(&FALSE)
            .map(|text| format!("'{text}'"))
            .collect();
        format!(
            "The value '{}' is not a valid boolean. Valid booleans include: {}, 1, 0",
            python::str(value),
            valid.join(", ")
        )
    })
}

fn dictionary(value: &Value) -> Result<Value, String> {
    match value {
        Value::Object(_) => Ok(value.clone()),
        Value::String(text) => mapping::from_text(text).map(Value::Object),
        _ => Err(format!("{} cannot be converted to a dict", class(value))),
    }
}

fn list(value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(_) => Ok(value.clone()),
        Value::String(text) => Ok(text.split(',').map(Value::from).collect()),
        Value::Number(_) | Value::Bool(_) => Ok(json!([python::str(value)])),
        Value::Null | Value::Object(_) => {
            Err(format!("{} cannot be converted to a list", class(value)))
        }
    }
}

fn class(value: &Value) -> String {
    format!("<class '{}'>", python::type_name(value))
}
