//! A request, its events and its result, as both sides know them.

use ansible_module::Diff;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Failure;
use crate::driver::{self, Preview};
use crate::exit::Exit;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Only look.
    Check,
    /// Look; but when the same is being done there, or was done and nobody read the result, tell
    /// about that.
    Plan,
    /// Do it, or tell about that.
    Apply,
}

/// A request. It may hold secrets: it travels through pipes and is never written down.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    /// The module.
    pub(super) module: String,
    /// Its options as they were given, without those of the connection.
    pub(super) options: Map<String, Value>,
    /// What is asked for.
    pub(super) mode: Mode,
    /// The sentences of the plan that was agreed to; nothing else is done.
    pub(super) agreed: Option<Vec<String>>,
}

/// Something that happened there. `hello` and `alive` are not for the caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// A run of the same request was found there.
    Found {
        run: String,
        started: i64,
        /// Whether it is still running.
        running: bool,
    },
    /// A run of the same request died without a result.
    Lost {
        run: String,
        started: i64,
        /// The tasks of Proxmox VE that it is known to have started.
        tasks: Vec<String>,
        /// The last of what it wrote to standard error.
        words: Vec<String>,
    },
    /// A run began.
    Started { run: String, at: i64 },
    /// How it gets on.
    Progress { text: String },
    /// It started a task of Proxmox VE.
    Task { upid: String },
    /// Something the user should know.
    Warning { text: String },
    /// The end.
    Result {
        /// The run; none when it only looked.
        run: Option<String>,
        at: i64,
        outcome: Box<Outcome>,
    },
}

/// A [`driver::Outcome`] on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    preview: Option<WirePreview>,
    changed: bool,
    report: Map<String, Value>,
    rendered: String,
    only_looks: bool,
    failure: Option<WireFailure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct WirePreview {
    actions: Vec<String>,
    diff: Diff,
    warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct WireFailure {
    exit: u8,
    message: String,
    hint: Option<String>,
    done: Vec<String>,
    remaining: Vec<String>,
}

impl From<driver::Outcome> for Outcome {
    fn from(outcome: driver::Outcome) -> Self {
        Self {
            preview: outcome.preview.map(|preview| WirePreview {
                actions: preview.actions,
                diff: preview.diff,
                warnings: preview.warnings,
            }),
            changed: outcome.changed,
            report: outcome.report,
            rendered: outcome.rendered,
            only_looks: outcome.only_looks,
            failure: outcome.failure.map(|failure| WireFailure {
                exit: failure.exit.code(),
                message: failure.message,
                hint: failure.hint,
                done: failure.done,
                remaining: failure.remaining,
            }),
        }
    }
}

impl From<Outcome> for driver::Outcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            preview: outcome.preview.map(|preview| Preview {
                actions: preview.actions,
                diff: preview.diff,
                warnings: preview.warnings,
            }),
            changed: outcome.changed,
            report: outcome.report,
            rendered: outcome.rendered,
            only_looks: outcome.only_looks,
            failure: outcome.failure.map(|failure| Failure {
                // Both sides are the same program, so a code that is none cannot come.
                exit: Exit::of_code(failure.exit).unwrap_or(Exit::NeedsAHand),
                message: failure.message,
                hint: failure.hint,
                done: failure.done,
                remaining: failure.remaining,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_outcome_comes_out_as_it_went_in() {
        let mut failure = Failure::refused("no").hint("ask");
        failure.done = vec!["a".to_owned()];
        failure.remaining = vec!["b".to_owned()];
        let outcome = driver::Outcome {
            preview: Some(Preview {
                actions: vec!["do it".to_owned()],
                diff: crate::plan::diff("x", json!({"a": 1}), json!("text")),
                warnings: vec!["mind".to_owned()],
            }),
            changed: true,
            report: json!({"key": [1, null]}).as_object().unwrap().clone(),
            rendered: "text\n".to_owned(),
            only_looks: false,
            failure: Some(failure),
        };
        let shown = format!("{outcome:?}");
        let event = Event::Result {
            run: Some("1-a-1".to_owned()),
            at: 5,
            outcome: Box::new(outcome.into()),
        };
        let text = serde_json::to_string(&event).unwrap();
        // The folder of a run is searched by these.
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["event"], "result");
        assert_eq!(value.pointer("/outcome/changed"), Some(&json!(true)));
        let back: Event = serde_json::from_str(&text).unwrap();
        let Event::Result { outcome, .. } = back else {
            panic!("{text}")
        };
        assert_eq!(format!("{:?}", driver::Outcome::from(*outcome)), shown);
    }
}
