//! Property strings: `keep-last=3,keep-daily=7` and their like.

use std::collections::BTreeMap;

use super::validate::check_property;
use super::{Properties, Schema};
use crate::parameters::Parameter;

/// Splits a property string into its keys.
///
/// # Errors
/// The text that PVE puts behind `invalid format - `.
pub(crate) fn parse(
    schema: &Schema,
    keys: &Properties,
    text: &str,
    path: &str,
) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for part in text.split(',') {
        if part.trim().is_empty() {
            continue;
        }
        let (key, value) = split(keys, part)?;
        let key = keys
            .get(&key)
            .and_then(|property| property.alias.clone())
            .unwrap_or(key);
        let value = match keys.get(&key).and_then(|property| property.kind.as_deref()) {
            Some("boolean") => boolean(value),
            _ => value.to_owned(),
        };
        if values.insert(key.clone(), value).is_some() {
            return Err(format!(
                "duplicate key in comma-separated list property: {key}\n"
            ));
        }
    }
    check(schema, keys, &values, path)?;
    Ok(values)
}

fn split<'text>(keys: &Properties, part: &'text str) -> Result<(String, &'text str), String> {
    match part.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), value)),
        Some(_) => Err("missing key in comma-separated list property\n".to_owned()),
        None => {
            let default = keys.iter().find(|(_, property)| property.is_default_key());
            match default {
                Some((key, _)) => Ok((key.clone(), part)),
                None => {
                    Err("value without key, but schema does not define a default key\n".to_owned())
                }
            }
        }
    }
}

// Inside property strings PVE is generous with the names of true and false.
fn boolean(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => "1".to_owned(),
        "0" | "off" | "no" | "false" => "0".to_owned(),
        _ => text.to_owned(),
    }
}

fn check(
    schema: &Schema,
    keys: &Properties,
    values: &BTreeMap<String, String>,
    path: &str,
) -> Result<(), String> {
    let mut errors = BTreeMap::new();
    for (key, property) in keys {
        let value = values.get(key).map(|text| Parameter::Text(text.clone()));
        check_property(
            schema,
            property,
            value.as_ref(),
            &format!("{path}.{key}"),
            &mut errors,
        );
    }
    for key in values.keys().filter(|key| !keys.contains_key(*key)) {
        errors.insert(
            format!("{path}.{key}"),
            "property is not defined in schema and the schema does not allow additional properties"
                .to_owned(),
        );
    }
    if errors.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = errors
        .iter()
        .map(|(key, text)| format!("{key}: {text}\n"))
        .collect();
    Err(format!("format error\n{}", lines.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prune(text: &str) -> Result<BTreeMap<String, String>, String> {
        let schema = Schema::of(crate::config::Release::Eight).unwrap();
        let keys = schema.property_string("prune-backups").unwrap();
        parse(schema, keys, text, "prune-backups")
    }

    #[test]
    fn the_texts_of_broken_retention_are_those_of_pve() {
        assert_eq!(
            prune("keep-last=x").unwrap_err(),
            "format error\nprune-backups.keep-last: type check ('integer') failed - got 'x'\n"
        );
        assert_eq!(
            prune("keep-last=-1").unwrap_err(),
            "format error\nprune-backups.keep-last: value must have a minimum value of 0\n"
        );
        assert_eq!(
            prune("keep-last=1,keep-last=2").unwrap_err(),
            "duplicate key in comma-separated list property: keep-last\n"
        );
        assert_eq!(
            prune("5").unwrap_err(),
            "value without key, but schema does not define a default key\n"
        );
        assert_eq!(prune("keep-last=3").unwrap()["keep-last"], "3");
        assert!(prune("").unwrap().is_empty());
    }
}
