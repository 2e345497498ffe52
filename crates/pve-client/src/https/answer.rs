//! From the parts of an HTTP answer to the `data` of PVE, or to an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Error, Refusal, refusal};

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The words after the status; PVE puts the first line of its error there.
    pub(super) reason: String,
    pub(super) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "present")]
    data: Option<Value>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: BTreeMap<String, Value>,
}

/// How much of a foreign body is shown.
const SHOWN: usize = 200;

/// Reads an answer.
pub(super) fn data(answer: &Answer) -> Result<Value, Error> {
    let envelope = serde_json::from_slice::<Envelope>(&answer.body);
    match (answer.status, envelope) {
        (
            200..=299,
            Ok(Envelope {
                data: Some(data), ..
            }),
        ) => Ok(data),
        (200..=299, _) => Err(Error::protocol(format!(
            "status {}, but the body is not what PVE sends: {}",
            answer.status,
            shown(&answer.body)
        ))),
        (status @ (100..=199 | 300..=399), _) => Err(Error::protocol(format!(
            "status {status} {}, which PVE never sends",
            answer.reason
        ))),
        (status, Ok(envelope)) => Err(refusal(Refusal {
            status: Some(status),
            text: envelope.message.unwrap_or_else(|| answer.reason.clone()),
            parameters: envelope
                .errors
                .into_iter()
                .map(|(name, text)| match text {
                    Value::String(text) => (name, text),
                    other => (name, other.to_string()),
                })
                .collect(),
        })),
        (status, Err(_)) => Err(refusal(Refusal {
            status: Some(status),
            text: without_json(answer),
            parameters: BTreeMap::new(),
        })),
    }
}

/// `{"data":null}` is an answer without a result, `{}` is none of PVE's.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The text of an error whose body is empty (401) or plain (malformed requests, proxies).
fn without_json(answer: &Answer) -> String {
    let body = shown(&answer.body);
    if answer.reason.is_empty() {
        body
    } else {
        answer.reason.clone()
    }
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if text.is_empty() {
        return "it is empty".to_owned();
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
