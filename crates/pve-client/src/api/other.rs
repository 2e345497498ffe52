//! Keys of an answer that this program does not know: kept as text.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads every remaining key; scalars as PVE prints them, the rest as JSON text.
pub(super) fn other_texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, Value>::deserialize(deserializer)?;
    Ok(values
        .into_iter()
        .map(|(key, value)| (key, text(value)))
        .collect())
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Bool(flag) => u8::from(flag).to_string(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
