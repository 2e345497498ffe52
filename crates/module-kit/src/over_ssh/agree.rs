//! One question for all machines.

use on_node::Target;

use super::console::{self, Ended};
use super::near::{self, Call};
use super::wire::Mode;
use crate::Failure;
use crate::cli_front::terminal;
use crate::driver::Outcome;
use crate::exit::Exit;

/// Shows the plans and asks once for all machines; those where nothing differs are left alone.
pub(super) fn agree(call: &Call<'_>, ended: &mut [Ended]) {
    let mut open: Vec<(usize, Vec<String>)> = Vec::new();
    let mut plans = String::new();
    for (index, one) in ended.iter().enumerate() {
        let Some(preview) = one
            .outcome
            .preview
            .as_ref()
            .filter(|preview| one.is_plan() && !preview.actions.is_empty())
        else {
            continue;
        };
        for warning in &preview.warnings {
            plans.push_str(&console::prefixed(
                &one.name(),
                call.several,
                &format!("warning: {warning}\n"),
            ));
        }
        plans.push_str(&console::prefixed(
            &one.name(),
            call.several,
            &terminal::plan(preview),
        ));
        open.push((index, preview.actions.clone()));
    }
    if open.is_empty() {
        return;
    }
    let plans = call.secrets.mask_text(&plans);
    let answer = on_node::interruptible(move || terminal::ask_about(&plans)).unwrap_or_else(|| {
        Err(Failure::new(
            Exit::Interrupted,
            "interrupted, nothing was done",
        ))
    });
    if let Err(failure) = answer {
        for (index, _) in open {
            if let Some(one) = ended.get_mut(index) {
                one.outcome = Outcome::failed(failure.clone());
            }
        }
        return;
    }
    let asked: Vec<(&Target, Option<Vec<String>>)> = open
        .iter()
        .filter_map(|(index, actions)| {
            let target = ended.get(*index)?.target.as_ref()?;
            Some((target, Some(actions.clone())))
        })
        .collect();
    let done = near::at_once(call, Mode::Apply, &asked);
    for ((index, _), done) in open.into_iter().zip(done) {
        if let Some(one) = ended.get_mut(index) {
            *one = done;
        }
    }
}
