//! What a machine says during a call, and what is made of its end.

use on_node::{Line, Target};
use serde_json::{Value, json};

use super::near::Call;
use super::shown_time;
use super::wire::{Event, Mode};
use crate::Failure;
use crate::cli_front::terminal;
use crate::driver::{Outcome, Preview};
use crate::exit::Exit;

/// What was seen of a call before its end.
#[derive(Default)]
pub(super) struct Seen {
    run: Option<String>,
    notes: Vec<String>,
    result: Option<(Option<String>, Outcome)>,
}

impl Seen {
    /// The run and its outcome, however the call ended.
    pub(super) fn ended(
        self,
        told: Result<(), on_node::Error>,
        target: &Target,
        mode: Mode,
    ) -> (Option<String>, Outcome) {
        let (run, mut outcome) = match (told, self.result) {
            (_, Some(result)) => result,
            (Ok(()), None) => {
                let failure = Failure::new(
                    Exit::NeedsAHand,
                    format!("`{target}` ended without a result: this is a defect"),
                );
                (None, Outcome::failed(failure))
            }
            (Err(error), None) => {
                let failure = without_result(error, mode, self.run.as_deref());
                (self.run, Outcome::failed(failure))
            }
        };
        note(&mut outcome, self.notes);
        (run, outcome)
    }
}

/// What the user should know beside an outcome.
fn note(outcome: &mut Outcome, notes: Vec<String>) {
    if notes.is_empty() {
        return;
    }
    let preview = outcome.preview.get_or_insert_with(|| Preview {
        actions: Vec::new(),
        diff: crate::plan::diff("", json!({}), json!({})),
        warnings: Vec::new(),
    });
    preview.warnings.splice(0..0, notes);
}

/// What the user is told when the connection is gone and the run may not be.
fn without_result(error: on_node::Error, mode: Mode, run: Option<&str>) -> Failure {
    let lost = matches!(
        error.kind,
        on_node::Kind::LostAfter | on_node::Kind::Interrupted
    );
    let mut failure = Failure::from(error);
    if !lost {
        return failure;
    }
    match (run, mode) {
        (Some(run), _) => failure.hint(format!(
            "Run `{run}` goes on there. Give the same command again: it finds the run, or its result."
        )),
        (None, Mode::Apply) => failure.hint(
            "Whether a run was started there is not known. Give the same command again: it finds the run or its result, or starts it.",
        ),
        (None, Mode::Check | Mode::Plan) => {
            if failure.exit == Exit::NeedsAHand {
                failure.exit = Exit::Failed;
            }
            failure.hint("Nothing was done there. Try again.")
        }
    }
}

/// Takes in an event.
pub(super) fn hear(call: &Call<'_>, target: &Target, value: Value, seen: &mut Seen) -> Line {
    // `alive` and what a newer program may add are no news.
    let Ok(event) = serde_json::from_value::<Event>(value) else {
        return Line::More;
    };
    let tell = |text: &str| {
        let text = call.secrets.mask_text(text);
        terminal::progress(&if call.several {
            format!("{target}: {text}")
        } else {
            text
        });
    };
    match event {
        Event::Found {
            run,
            started,
            running,
        } => {
            seen.notes.push(if running {
                format!(
                    "the same was already being done on `{target}`: this is run `{run}`, started at {}",
                    shown_time(started)
                )
            } else {
                format!(
                    "the same was done on `{target}` and nobody was told: this is the result of run `{run}`, started at {}; it was not done again",
                    shown_time(started)
                )
            });
            seen.run = Some(run);
        }
        Event::Lost {
            run,
            started,
            tasks,
            words,
        } => seen
            .notes
            .push(lost_note(target, &run, started, &tasks, &words)),
        Event::Started { run, .. } => seen.run = Some(run),
        Event::Progress { text } => tell(&text),
        Event::Task { upid } => tell(&format!("task {upid}")),
        Event::Warning { text } => seen.notes.push(text),
        Event::Result { run, at, outcome } => {
            if run.is_some() && !seen.notes.is_empty() {
                seen.notes
                    .push(format!("run on `{target}` ended at {}", shown_time(at)));
            }
            seen.result = Some((run, (*outcome).into()));
            return Line::Last;
        }
    }
    Line::More
}

fn lost_note(
    target: &Target,
    run: &str,
    started: i64,
    tasks: &[String],
    words: &[String],
) -> String {
    let mut note = format!(
        "run `{run}` on `{target}`, started at {}, was killed or ended by a restart, without a result",
        shown_time(started)
    );
    if !tasks.is_empty() {
        note.push_str("; it had started ");
        note.push_str(&tasks.join(", "));
    }
    if !words.is_empty() {
        note.push_str("; its last words: ");
        note.push_str(&words.join(" / "));
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: on_node::Kind) -> on_node::Error {
        on_node::Error {
            kind,
            message: "gone".to_owned(),
            hint: None,
        }
    }

    #[test]
    fn what_may_go_on_there_is_said_with_its_name() {
        use on_node::Kind::{Interrupted, LostAfter, NotReached};
        for (kind, mode, run, exit, says) in [
            (
                LostAfter,
                Mode::Apply,
                Some("1-a-1"),
                Exit::NeedsAHand,
                "`1-a-1` goes on there",
            ),
            (LostAfter, Mode::Apply, None, Exit::NeedsAHand, "not known"),
            (
                LostAfter,
                Mode::Plan,
                None,
                Exit::Failed,
                "Nothing was done",
            ),
            (
                Interrupted,
                Mode::Apply,
                Some("1-a-1"),
                Exit::Interrupted,
                "`1-a-1` goes on there",
            ),
            (
                Interrupted,
                Mode::Check,
                None,
                Exit::Interrupted,
                "Nothing was done",
            ),
        ] {
            let failure = without_result(error(kind), mode, run);
            assert_eq!(failure.exit, exit, "{failure}");
            assert!(failure.hint.as_deref().unwrap().contains(says), "{failure}");
        }
        let failure = without_result(error(NotReached), Mode::Apply, None);
        assert_eq!((failure.exit, failure.hint), (Exit::Failed, None));
    }

    #[test]
    fn a_dead_run_is_told_with_its_tasks() {
        let target: Target = "root@pve1".parse().unwrap();
        let note = lost_note(
            &target,
            "1-a-1",
            0,
            &["UPID:a".to_owned()],
            &["b".to_owned()],
        );
        for part in [
            "root@pve1",
            "1970-01-01T00:00:00Z",
            "UPID:a",
            "last words: b",
        ] {
            assert!(note.contains(part), "{note}");
        }
    }
}
