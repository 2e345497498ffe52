//! What must hold on the lab and on a real server alike, through the installed collection and
//! through clients that nobody here wrote. What it makes it removes: jobs, storages, tokens, a user
//! and roles whose names begin with [`PREFIX`], backups of one container, one virtual machine.

mod coverage;
mod errors;
mod foreign;
mod guests;
mod jobs;
mod playbooks;
pub mod rights;
mod runs;
mod storages;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::ansible::{Controller, Play, Played};
use crate::api::Api;
use crate::environment::told;
use crate::server::Server;
use crate::trial::say;

/// How everything that the suite makes is called.
pub const PREFIX: &str = "reprise-test-";

/// What the suite works with.
#[derive(Debug)]
pub struct Suite<'a> {
    controller: &'a Controller,
    server: &'a Server,
    api: Api,
    left_out: Vec<String>,
}

/// One part: makes things, looks at them, takes them away.
type Part = fn(&mut Suite<'_>) -> Result<()>;

/// Lets the modules work on a server and says what was left out, and why.
///
/// # Errors
/// With everything that does not hold.
pub fn run(controller: &Controller, server: &Server) -> Result<()> {
    let parts: [(&str, Part); 9] = [
        ("storages", storages::run),
        ("a job by password and fingerprint", jobs::by_password),
        ("errors as users cause them", errors::run),
        ("a job that runs", runs::run),
        ("the plays site and backup", playbooks::run),
        ("coverage", coverage::run),
        ("a token with few rights", rights::enough),
        ("a token without rights", rights::none),
        // The longest comes last.
        ("jobs", jobs::run),
    ];
    let left_out = "faults and a node that is down: they need the lab";
    run_parts(controller, server, &parts, vec![left_out.to_owned()])
}

/// Lets clients that nobody here wrote work on a server.
///
/// # Errors
/// With everything that does not hold.
pub fn run_foreign(controller: &Controller, server: &Server) -> Result<()> {
    let parts: [(&str, Part); 5] = [
        ("proxmox_storage", foreign::storages),
        ("proxmox_backup_schedule", foreign::schedules),
        ("proxmox_backup", foreign::backups),
        ("proxmox_snap", foreign::snapshots),
        ("proxmoxer", foreign::library),
    ];
    run_parts(controller, server, &parts, Vec::new())
}

fn run_parts(
    controller: &Controller,
    server: &Server,
    parts: &[(&str, Part)],
    left_out: Vec<String>,
) -> Result<()> {
    let api = Api::new(server)?;
    api.clean(PREFIX)?;
    let mut suite = Suite {
        controller,
        server,
        api,
        left_out,
    };
    let mut failures = Vec::new();
    // While one part is being written, the others need not be waited for.
    let only = told("REPRISE_SUITE_ONLY");
    let chosen = |name: &str| only.as_ref().is_none_or(|only| only == name);
    for (name, part) in parts.iter().filter(|(name, _)| chosen(name)) {
        match part(&mut suite) {
            Ok(()) => say(&format!("{}: {name}: holds", server.url)),
            Err(error) => failures.push(format!("{name}: {error:#}")),
        }
    }
    // Also after a failure: nothing may stay on somebody's server.
    let cleaned = suite.api.clean(PREFIX);
    for left_out in &suite.left_out {
        say(&format!("{}: left out: {left_out}", server.url));
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    cleaned
}

impl Suite<'_> {
    fn play(&self) -> Result<Play> {
        Ok(Play::new().connected(&self.server.by_token()?))
    }

    /// Runs a play for real after check mode has predicted it: what is changed, and the diff.
    fn predicted(&self, play: &Play) -> Result<Played> {
        let check = play.clone().argument("--check").argument("--diff");
        let predicted = check.run(self.controller)?.succeeded()?;
        let done = play
            .clone()
            .argument("--diff")
            .run(self.controller)?
            .succeeded()?;
        ensure!(
            predicted.tasks.len() == done.tasks.len(),
            "check mode ran other tasks"
        );
        for (before, after) in predicted.tasks.iter().zip(&done.tasks) {
            ensure!(
                before.changed() == after.changed(),
                "`{}`: check mode predicted changed={}, the run said {}",
                after.task,
                before.changed(),
                after.changed()
            );
            ensure!(
                before.result.get("diff") == after.result.get("diff"),
                "`{}`: check mode predicted another diff: {} and {}",
                after.task,
                before.result.get("diff").unwrap_or(&Value::Null),
                after.result.get("diff").unwrap_or(&Value::Null)
            );
        }
        Ok(done)
    }

    /// Runs a play that has nothing to change.
    fn unchanged(&self, play: &Play) -> Result<Played> {
        let again = play.clone().run(self.controller)?.succeeded()?;
        let changed: Vec<&str> = again
            .tasks
            .iter()
            .filter(|task| task.changed())
            .map(|task| task.task.as_str())
            .collect();
        ensure!(changed.is_empty(), "the second run changed {changed:?}");
        ensure!(again.changes()? == 0, "the recap counts changes");
        Ok(again)
    }
}

/// A value as a play has to write it, where `{{` would be Jinja's.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains("{{") => {
            Value::String(format!("{{% raw %}}{text}{{% endraw %}}"))
        }
        Value::Array(list) => list.into_iter().map(literal).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, literal(value)))
            .collect(),
        other => other,
    }
}
