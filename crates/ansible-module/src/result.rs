//! The result of a module: one line of JSON.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    args::InputError,
    ascii,
    control::Control,
    mask::Secrets,
    parse::{ArgumentError, Parsed},
};

/// Something that will go away, as Ansible shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deprecation {
    /// What is deprecated, and what to use.
    pub msg: String,
    /// The version of the collection in which it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The day after which it goes, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Whose version that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_name: Option<String>,
}

/// One difference, as `--diff` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// A text or a map: how it was.
    pub before: Value,
    /// A text or a map: how it is, or would be.
    pub after: Value,
    /// What `before` is: an object, a file.
    pub before_header: String,
    /// What `after` is.
    pub after_header: String,
}

/// Whether the module changed something, or would in check mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It did.
    Changed,
    /// All was as declared.
    Unchanged,
}

impl From<bool> for Change {
    fn from(changed: bool) -> Self {
        if changed {
            Self::Changed
        } else {
            Self::Unchanged
        }
    }
}

/// The builder of a result. Everything is masked when it is rendered, not before, so that no
/// order of calls lets a secret through.
///
/// Its own keys (`changed`, `failed`, `msg`, `diff`, `warnings`, `deprecations`, `exit_code`,
/// `invocation`) win over fields of the same name; fields that begin with `_ansible_` belong to
/// the controller and are left out.
#[derive(Debug, Clone)]
#[must_use = "a result does nothing until it is printed"]
pub struct Output {
    change: Change,
    failed: bool,
    message: Option<String>,
    fields: Map<String, Value>,
    diffs: Vec<Diff>,
    warnings: Vec<String>,
    deprecations: Vec<Deprecation>,
    exit_code: Option<u8>,
    invocation: Option<Map<String, Value>>,
    control: Control,
    secrets: Secrets,
}

impl Output {
    /// The result of a call that could be read: it carries on its warnings and its invocation.
    pub fn of(parsed: &Parsed) -> Self {
        Self {
            warnings: parsed.warnings.clone(),
            deprecations: parsed.deprecations.clone(),
            invocation: Some(parsed.invocation.clone()),
            control: parsed.control.clone(),
            secrets: parsed.secrets.clone(),
            ..Self::empty()
        }
    }

    /// The result of a call of which nothing is known.
    pub fn empty() -> Self {
        Self {
            change: Change::Unchanged,
            failed: false,
            message: None,
            fields: Map::new(),
            diffs: Vec::new(),
            warnings: Vec::new(),
            deprecations: Vec::new(),
            exit_code: None,
            invocation: None,
            control: Control::default(),
            secrets: Secrets::default(),
        }
    }

    /// Whether something changed. Nothing did, unless this says so.
    pub fn change(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    /// The module failed, with this message.
    pub fn fail(mut self, message: impl Into<String>) -> Self {
        self.failed = true;
        self.message = Some(message.into());
        self
    }

    /// A message of a module that did not fail.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// A value of the module's own.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Bytes of a program or a file as text; what is no UTF-8 becomes the replacement character.
    pub fn bytes(self, name: impl Into<String>, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.field(name, text)
    }

    /// Values of the module's own: the fields of a serialized result type.
    pub fn fields(mut self, fields: Map<String, Value>) -> Self {
        self.fields.extend(fields);
        self
    }

    /// A difference; returned only when the operator asked for `--diff`.
    pub fn diff(mut self, diff: Diff) -> Self {
        self.diffs.push(diff);
        self
    }

    /// A warning. The same one is shown once.
    pub fn warning(mut self, warning: impl Into<String>) -> Self {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        self
    }

    /// A deprecation.
    pub fn deprecation(mut self, deprecation: Deprecation) -> Self {
        if !self.deprecations.contains(&deprecation) {
            self.deprecations.push(deprecation);
        }
        self
    }

    /// The code with which the program ends, told as `exit_code`.
    pub fn exit_code(mut self, code: u8) -> Self {
        self.exit_code = Some(code);
        self
    }

    /// More to mask than the arguments held: a token or ticket made in this run.
    pub fn secrets(mut self, secrets: &Secrets) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// Whether the module failed.
    pub const fn is_failed(&self) -> bool {
        self.failed
    }

    /// The result as JSON, masked.
    pub fn into_value(self) -> Value {
        let mut result = Map::new();
        result.insert(
            "changed".to_owned(),
            (self.change == Change::Changed).into(),
        );
        if self.failed {
            result.insert("failed".to_owned(), true.into());
        }
        if let Some(message) = self.message {
            result.insert("msg".to_owned(), message.into());
        }
        for (name, value) in self.fields {
            if !is_reserved(&name) {
                result.entry(name).or_insert(value);
            }
        }
        if self.control.diff {
            insert_diff(&mut result, &self.diffs);
        }
        if !self.warnings.is_empty() {
            result.insert("warnings".to_owned(), self.warnings.into());
        }
        if !self.deprecations.is_empty() {
            let deprecations = self.deprecations.iter().map(to_value).collect();
            result.insert("deprecations".to_owned(), deprecations);
        }
        self.secrets.mask_map(&mut result);
        // From a fixed table, hence no secret: a secret `1` must not make a word of it.
        if let Some(code) = self.exit_code {
            result.insert("exit_code".to_owned(), code.into());
        }
        if let Some(mut arguments) = self.invocation
            && self.control.inject_invocation != Some(false)
        {
            self.secrets.mask_map(&mut arguments);
            let invocation = Map::from_iter([("module_args".to_owned(), arguments.into())]);
            result.insert("invocation".to_owned(), invocation.into());
        }
        Value::Object(result)
    }

    /// The result as one line of ASCII, with its line end.
    pub fn into_line(self) -> String {
        ascii::to_line(&self.into_value()) + "\n"
    }

    /// Writes the one line.
    pub fn write_to(self, mut writer: impl io::Write) -> io::Result<()> {
        writer.write_all(self.into_line().as_bytes())?;
        writer.flush()
    }

    /// Prints the one line on standard output.
    pub fn print(self) -> io::Result<()> {
        self.write_to(io::stdout().lock())
    }
}

impl From<&ArgumentError> for Output {
    fn from(error: &ArgumentError) -> Self {
        Self {
            warnings: error.warnings.clone(),
            deprecations: error.deprecations.clone(),
            invocation: Some(error.invocation.clone()),
            control: error.control.clone(),
            secrets: error.secrets.clone(),
            ..Self::empty()
        }
        .fail(error.message.as_str())
    }
}

impl From<&InputError> for Output {
    fn from(error: &InputError) -> Self {
        Self::empty().fail(error.to_string())
    }
}

fn is_reserved(name: &str) -> bool {
    name.starts_with("_ansible_")
        || matches!(
            name,
            "failed" | "msg" | "diff" | "warnings" | "deprecations" | "exit_code" | "invocation"
        )
}

/// One difference as an object, several as a list.
fn insert_diff(result: &mut Map<String, Value>, diffs: &[Diff]) {
    let mut diffs: Vec<Value> = diffs.iter().map(to_value).collect();
    let value = match diffs.len() {
        0 => return,
        1 => diffs.remove(0),
        _ => Value::Array(diffs),
    };
    result.insert("diff".to_owned(), value);
}

/// A struct of texts and values as JSON, which cannot fail.
fn to_value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(control: Control) -> Output {
        let mut secrets = Secrets::default();
        secrets.add("s3cret");
        secrets.add("1");
        Output::of(&Parsed {
            values: Map::new(),
            control,
            invocation: Map::from_iter([("user".to_owned(), json!("is s3cret"))]),
            warnings: vec!["about s3cret".to_owned()],
            deprecations: Vec::new(),
            secrets,
        })
    }

    fn diff(after: &str) -> Diff {
        Diff {
            before: json!({}),
            after: json!({"password": after}),
            before_header: "absent".to_owned(),
            after_header: "job".to_owned(),
        }
    }

    #[test]
    fn everything_is_masked_but_keys_booleans_and_the_exit_code() {
        let control = Control {
            diff: true,
            ..Control::default()
        };
        let deprecation = Deprecation {
            msg: "no s3cret".to_owned(),
            version: Some("2.0.0".to_owned()),
            date: None,
            collection_name: None,
        };
        let result = call(control)
            .change(Change::Changed)
            .fail("cannot use s3cret")
            .exit_code(1)
            .field("changed", "never")
            .field("invocation", "never")
            .field("_ansible_x", "never")
            .field("s3cret", json!(["s3cret", 21, true]))
            .bytes("stdout", b"\xff s3cret")
            .diff(diff("s3cret"))
            .warning("about s3cret")
            .warning("more")
            .deprecation(deprecation)
            .into_value();
        let placeholder = crate::mask::PLACEHOLDER;
        assert_eq!(
            result,
            json!({
                "changed": true,
                "failed": true,
                "msg": "cannot use ********",
                "s3cret": [placeholder, placeholder, true],
                "stdout": "\u{fffd} ********",
                "diff": {
                    "before": {},
                    "after": {"password": placeholder},
                    "before_header": "absent",
                    "after_header": "job",
                },
                "warnings": ["about ********", "more"],
                "deprecations": [{"msg": "no ********", "version": "2.0.0"}],
                "exit_code": 1,
                "invocation": {"module_args": {"user": "is ********"}},
            })
        );
    }

    #[test]
    fn what_nobody_asked_for_is_left_out() {
        let quiet = Control {
            inject_invocation: Some(false),
            ..Control::default()
        };
        let result = call(quiet).diff(diff("x")).into_value();
        assert_eq!(
            result,
            json!({"changed": false, "warnings": ["about ********"]})
        );
    }

    #[test]
    fn several_diffs_are_a_list() {
        let control = Control {
            diff: true,
            ..Control::default()
        };
        let result = call(control).diff(diff("a")).diff(diff("b")).into_value();
        assert_eq!(result["diff"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn it_is_one_line_of_ascii() {
        let mut written = Vec::new();
        Output::empty()
            .message("h\u{e9}\nx")
            .field("list", vec!["\u{1f600}"])
            .write_to(&mut written)
            .unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "{\"changed\":false,\"msg\":\"h\\u00e9\\nx\",\"list\":[\"\\ud83d\\ude00\"]}\n"
        );
    }

    #[test]
    fn errors_of_input_and_arguments_are_failed_results() {
        let error = crate::args::read_from(&b"[]"[..], "a test").unwrap_err();
        let result = Output::from(&error).into_value();
        assert_eq!(result["failed"], json!(true));
        assert!(result["msg"].as_str().unwrap().contains("a test"));
        assert_eq!(result.get("invocation"), None);
    }
}
