//! What a person reads, and what is asked of them. Results go to standard output, everything
//! else to standard error.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use ansible_module::{Diff, Secrets};
use serde_json::Value;

use crate::Failure;
use crate::driver::{Outcome, Preview};
use crate::exit::Exit;

/// Prints a result. A reader that is gone is no error of ours; a file that did not get all of it
/// is one, because it would pass for the result.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Failed,
            format!("the result cannot be written to standard output: {error}"),
        )
        .hint("What was written of it is not whole. Free space there, or name another file.")),
        _ => Ok(()),
    }
}

/// How a call ends whose result was printed: without it there is no good end, but `lost`.
pub(crate) fn ended(printed: Result<(), Failure>, exit: Exit, lost: Exit) -> Exit {
    match printed {
        Ok(()) => exit,
        Err(failure) => {
            error(&failure);
            if exit == Exit::Done { lost } else { exit }
        }
    }
}

/// How a call ends that did this, when nobody could be told.
pub(crate) const fn lost(changed: bool) -> Exit {
    if changed {
        Exit::NeedsAHand
    } else {
        Exit::Failed
    }
}

/// Prints what is no result.
pub(crate) fn tell(text: &str) {
    writeln!(io::stderr(), "{text}").ok();
}

/// Shows how long work gets on, in one line that the next one overwrites; nothing where nobody
/// looks.
pub(crate) fn progress(line: &str) {
    if io::stderr().is_terminal() {
        let short: String = line.chars().take(100).collect();
        write!(io::stderr(), "\r\x1b[K{short}\r").ok();
    }
}

/// Takes the line of progress away.
pub(crate) fn clear() {
    if io::stderr().is_terminal() {
        write!(io::stderr(), "\r\x1b[K").ok();
    }
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Prints an error that came before a module was chosen.
pub fn error(failure: &Failure) {
    tell(&format!("error: {failure}"));
}

/// Prints what clap has to say: help goes to standard output and is no error.
pub fn usage(error: &clap::Error) -> ExitCode {
    error.print().ok();
    if error.use_stderr() {
        Exit::Usage.into()
    } else {
        Exit::Done.into()
    }
}

/// Shows the plan and asks.
pub(super) fn ask(preview: &Preview, secrets: &Secrets) -> Result<(), Failure> {
    ask_about(&secrets.mask_text(&plan(preview)))
}

/// Shows this plan and asks.
pub(crate) fn ask_about(plan: &str) -> Result<(), Failure> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::refused(format!(
            "nobody is there to ask, so nothing was done. The plan:\n{plan}"
        ))
        .hint("Say `--yes` to have it done, or `--dry-run` to look only."));
    }
    tell(plan);
    write!(io::stderr(), "Do it? [y/N] ").ok();
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::refused(format!("no answer could be read: {error}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::refused("not confirmed, nothing was done")),
    }
}

/// How a run ended, as text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// What should be known before the result is read; for standard error.
    pub(crate) warnings: String,
    /// For standard output.
    pub(crate) result: String,
    /// Why it failed; for standard error.
    pub(crate) error: String,
}

impl Shown {
    /// Prints it.
    pub(crate) fn print(&self) -> Result<(), Failure> {
        let say = |text: &str| {
            if !text.trim_end().is_empty() {
                tell(text.trim_end());
            }
        };
        say(&self.warnings);
        let result = self.result.trim_end();
        let printed = if result.is_empty() {
            Ok(())
        } else {
            print(result)
        };
        say(&self.error);
        printed
    }
}

/// How a run ended.
pub(crate) fn shown(outcome: &Outcome, predicted: bool, secrets: &Secrets) -> Shown {
    let mut shown = Shown::default();
    if let Some(preview) = &outcome.preview {
        for sentence in &preview.warnings {
            let _unused = writeln!(shown.warnings, "warning: {sentence}");
        }
        // A result that counts as failed is shown all the same: it says what failed.
        if outcome.failure.is_none() || !outcome.rendered.is_empty() {
            let head = match (predicted, outcome.changed) {
                // Who only looks has nothing to do, and that is no news.
                (_, false) if outcome.only_looks => "",
                (_, false) => "Nothing to do.\n",
                (true, true) => "Would be done:\n",
                (false, true) => "Done:\n",
            };
            shown.result.push_str(head);
            shown.result.push_str(&plan(preview));
            shown.result.push_str(&outcome.rendered);
        }
    }
    if let Some(failure) = &outcome.failure {
        let _unused = writeln!(shown.error, "error: {failure}");
        for (head, sentences) in [
            ("Done before:", &failure.done),
            ("Not done:", &failure.remaining),
        ] {
            if !sentences.is_empty() {
                let _unused = writeln!(shown.error, "{head}\n  {}", sentences.join("\n  "));
            }
        }
    }
    for text in [&mut shown.warnings, &mut shown.result, &mut shown.error] {
        *text = secrets.mask_text(text);
    }
    shown
}

/// A plan as text.
pub(crate) fn plan(preview: &Preview) -> String {
    let mut text = String::new();
    for action in &preview.actions {
        let _unused = writeln!(text, "  {action}");
    }
    text.push_str(&difference(&preview.diff));
    text
}

/// The entries that differ, one line each.
fn difference(diff: &Diff) -> String {
    let (Value::Object(before), Value::Object(after)) = (&diff.before, &diff.after) else {
        return String::new();
    };
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut text = String::new();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            for (sign, value) in [('-', old), ('+', new)] {
                if let Some(value) = value {
                    let _unused = writeln!(text, "    {sign} {name}: {}", value_text(value));
                }
            }
        }
    }
    text
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn preview() -> Preview {
        Preview {
            actions: vec!["do it".to_owned()],
            diff: crate::plan::diff(
                "x",
                json!({"a": "1", "same": ["x"], "gone": 5}),
                json!({"a": "2", "same": ["x"], "new": ["y", "z"]}),
            ),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_plan_shows_only_what_differs() {
        assert_eq!(
            plan(&preview()),
            "  do it\n    - a: 1\n    + a: 2\n    - gone: 5\n    + new: [\"y\",\"z\"]\n"
        );
    }

    #[test]
    fn who_only_looks_does_not_say_that_there_is_nothing_to_do() {
        let head = |only_looks| {
            let outcome = Outcome {
                preview: Some(Preview {
                    actions: Vec::new(),
                    diff: crate::plan::diff("x", json!({}), json!({})),
                    warnings: Vec::new(),
                }),
                rendered: "the result\n".to_owned(),
                only_looks,
                ..Outcome::failed(Failure::refused("below"))
            };
            shown(&outcome, false, &Secrets::default()).result
        };
        assert_eq!(head(true), "the result\n");
        assert_eq!(head(false), "Nothing to do.\nthe result\n");
    }

    #[test]
    fn where_nobody_can_answer_nothing_is_done_and_no_secret_shown() {
        // A test runs without a terminal on at least one of the two.
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            return;
        }
        let mut secrets = Secrets::default();
        secrets.add("hunter2-is-long");
        let mut preview = preview();
        preview.actions.push("do hunter2-is-long".to_owned());
        let failure = ask(&preview, &secrets).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.message.contains("do it"), "{failure}");
        assert!(!failure.message.contains("hunter2"), "{failure}");
        assert!(failure.hint.unwrap().contains("--yes"));
    }
}
