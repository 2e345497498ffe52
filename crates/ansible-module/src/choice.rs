//! `choices` of an option.

use serde_json::Value;

use crate::{
    coerce::texts_read_as,
    option::OptionSpec,
    place::{Arguments, Failure, Place},
    python,
};

/// Checks that coerced values are among their choices, and undoes what YAML made of one.
pub(crate) fn check_choices(
    options: &[OptionSpec],
    arguments: &mut Arguments,
    place: &Place,
) -> Result<(), Failure> {
    for option in options.iter().filter(|option| !option.choices.is_empty()) {
        if let Some(value) = arguments.get_mut(option.name) {
            check_choice(option, value)
                .map_err(|message| format!("{message}{}", place.found_in()))?;
        }
    }
    Ok(())
}

fn check_choice(option: &OptionSpec, value: &mut Value) -> Result<(), String> {
    let chosen = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| option.choices.contains(&text))
    };
    let choices = option.choices.join(", ");
    if let Value::Array(elements) = value {
        let others: Vec<String> = elements
            .iter()
            .filter(|element| !chosen(element))
            .map(python::str)
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        return Err(format!(
            "value of {} must be one or more of: {choices}. Got no match for: {}",
            option.name,
            others.join(", ")
        ));
    }
    if chosen(value) {
        return Ok(());
    }
    // YAML makes booleans of `no` and `yes`: where one choice alone means the same, it was meant.
    let meant: Vec<&str> = option
        .choices
        .iter()
        .copied()
        .filter(|choice| texts_read_as(value.as_str().unwrap_or_default()).contains(choice))
        .collect();
    if let [only] = meant.as_slice() {
        *value = Value::from(*only);
        return Ok(());
    }
    Err(format!(
        "value of {} must be one of: {choices}, got: {}",
        option.name,
        python::str(value)
    ))
}
