//! What the user sees of several machines.

use std::process::ExitCode;

use ansible_module::Secrets;
use clap::ArgMatches;
use on_node::Target;
use serde_json::json;

use crate::cli_front::{self, terminal};
use crate::driver::Outcome;
use crate::exit::Exit;

/// How the call to a machine ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// The machine; none when it never came to that.
    pub(super) target: Option<Target>,
    /// The run there, if there was one.
    pub(super) run: Option<String>,
    /// What came of it.
    pub(super) outcome: Outcome,
}

impl Ended {
    /// Whether it only looked.
    pub(super) fn is_plan(&self) -> bool {
        self.run.is_none() && self.outcome.failure.is_none()
    }

    /// The machine's name.
    pub(super) fn name(&self) -> String {
        self.target
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    fn exit(&self) -> Exit {
        self.outcome
            .failure
            .as_ref()
            .map_or(Exit::Done, |failure| failure.exit)
    }
}

/// Every line with the machine's name before it, when there are several.
pub(super) fn prefixed(name: &str, several: bool, text: &str) -> String {
    if !several {
        return text.to_owned();
    }
    let mut whole = String::new();
    for line in text.lines() {
        for part in [name, ": ", line, "\n"] {
            whole.push_str(part);
        }
    }
    whole
}

/// Shows how all of them ended; the worst of them is the end.
pub(super) fn finish(
    matches: &ArgMatches,
    ended: &[Ended],
    several: bool,
    secrets: &Secrets,
) -> ExitCode {
    terminal::clear();
    let mut printed = Ok(());
    for one in ended {
        let name = one.name();
        if matches.get_flag("json") {
            let mut value = cli_front::json(&one.outcome, one.exit());
            if let (Some(object), Some(target)) = (value.as_object_mut(), &one.target) {
                object.insert("on".to_owned(), json!(target.to_string()));
                object.insert("run".to_owned(), json!(one.run));
            }
            secrets.mask(&mut value);
            printed = printed.and(cli_front::print(&value.to_string()));
            continue;
        }
        let mut shown = terminal::shown(&one.outcome, matches.get_flag("dry-run"), secrets);
        for text in [&mut shown.warnings, &mut shown.result, &mut shown.error] {
            *text = prefixed(&name, several, text);
        }
        printed = printed.and(shown.print());
    }
    let changed = ended.iter().any(|one| one.outcome.changed);
    let lost = terminal::lost(changed && !matches.get_flag("dry-run"));
    terminal::ended(printed, worst(ended.iter().map(Ended::exit)), lost).into()
}

/// The end of several: what needs somebody most.
fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    const BY_NEED: [Exit; 10] = [
        Exit::Done,
        Exit::NothingFound,
        Exit::BelowThreshold,
        Exit::Refused,
        Exit::Usage,
        Exit::Failed,
        Exit::Undone,
        Exit::Unhealthy,
        Exit::NeedsAHand,
        Exit::Interrupted,
    ];
    exits
        .max_by_key(|exit| BY_NEED.iter().position(|one| one == exit))
        .unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_what_needs_somebody_most() {
        assert_eq!(worst(std::iter::empty()), Exit::Done);
        let of = |exits: &[Exit]| worst(exits.iter().copied());
        assert_eq!(of(&[Exit::Done, Exit::Done]), Exit::Done);
        assert_eq!(of(&[Exit::NeedsAHand, Exit::Failed]), Exit::NeedsAHand);
        assert_eq!(of(&[Exit::Unhealthy, Exit::NeedsAHand]), Exit::NeedsAHand);
        // Each code has its place.
        for exit in Exit::ALL {
            assert_eq!(of(&[Exit::Done, exit]), exit);
        }
    }

    #[test]
    fn only_of_several_machines_every_line_says_which() {
        assert_eq!(prefixed("a", false, "x\ny\n"), "x\ny\n");
        assert_eq!(prefixed("a", true, "x\ny"), "a: x\na: y\n");
    }
}
