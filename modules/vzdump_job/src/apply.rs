//! One action at a time; each checks its guard again and returns what really is there afterwards.

use module_kit::settings::Settings;
use module_kit::{Context, Exit, Failure, joined};
use pve_client::Client;
use pve_client::api::{IncludedGuest, Job};

use crate::job;
use crate::plan::JobAction;
use crate::proof;
use crate::run_now::{self, GuestResult};

/// What one action did.
#[derive(Debug, Clone)]
pub enum Done {
    /// The job is there, as it was read back.
    Written {
        /// The job.
        job: Box<Job>,
        /// What it saves.
        included: Vec<IncludedGuest>,
    },
    /// A job is gone.
    Removed,
    /// The job ran.
    Ran {
        /// What became of each guest.
        guests: Vec<GuestResult>,
        /// What the user should know of reading the archives.
        warnings: Vec<String>,
    },
}

pub(crate) fn apply(action: &JobAction, context: &Context<'_>) -> Result<Done, Failure> {
    let client = context.client()?;
    match action {
        JobAction::Create { id, settings } => {
            client.create_job(id, &settings.to_changes())?;
            read_back(client, id.as_str(), settings)
        }
        JobAction::Update { id, change, from } => {
            let now = guarded(client, id.as_str(), from)?.ok_or_else(|| changed(id.as_str()))?;
            client.update_job(id.as_str(), &change.to_changes())?;
            read_back(
                client,
                id.as_str(),
                &change.applied_to(&job::settings(&now)),
            )
        }
        JobAction::Run {
            id,
            nodes,
            settings,
            partly,
            timeout,
            verify,
        } => {
            guarded(client, id.as_str(), settings)?.ok_or_else(|| changed(id.as_str()))?;
            let mut guests = if *partly {
                run_now::run(&run_now::partly(settings), nodes, *timeout, context)?
            } else {
                run_now::run(settings, nodes, *timeout, context)?
            };
            let warnings = verify.as_ref().map_or_else(Vec::new, |ledger| {
                proof::prove(&mut guests, ledger, settings, context)
            });
            Ok(Done::Ran { guests, warnings })
        }
        JobAction::Delete { id, from, .. } => {
            // Gone meanwhile is what was wanted.
            if guarded(client, id, from)?.is_some() {
                client.delete_job(id)?;
            }
            Ok(Done::Removed)
        }
    }
}

/// The job as it is now, which must be as it was when the plan was made: Proxmox VE has no lock
/// or checksum for jobs.
fn guarded(client: &Client, id: &str, from: &Settings) -> Result<Option<Job>, Failure> {
    match client.job(id)? {
        Some(now) if job::settings(&now) != *from => Err(changed(id)),
        other => Ok(other),
    }
}

fn changed(id: &str) -> Failure {
    Failure::refused(format!("job `{id}` was changed by somebody else meanwhile"))
        .hint("Run again: it is read afresh.")
}

/// What is there now. Whatever fails from here on, the job was written.
fn read_back(client: &Client, id: &str, wanted: &Settings) -> Result<Done, Failure> {
    written(client, id, wanted).map_err(|failure| Failure {
        exit: Exit::NeedsAHand,
        ..failure
    })
}

/// The job, which must be what was written.
fn written(client: &Client, id: &str, wanted: &Settings) -> Result<Done, Failure> {
    let (jobs, included) = std::thread::scope(|scope| {
        let included = scope.spawn(|| client.included_volumes(id));
        (client.jobs(), joined(included))
    });
    let listed = jobs?.into_iter().find(|job| job.id == id);
    let Some(job) = listed else {
        return Err(Failure::new(Exit::NeedsAHand, format!("job `{id}` was written, but is not there"))
            .hint("Look at /etc/pve/jobs.cfg on the node: a job that Proxmox VE cannot read stands there."));
    };
    let difference = job::settings(&job).change_to(wanted, &[]);
    if !difference.is_empty() {
        return Err(Failure::new(
            Exit::NeedsAHand,
            format!(
                "job `{id}` was written, but Proxmox VE made something else of it ({})",
                difference.sentence()
            ),
        )
        .hint("Compare it with what was declared (`pvesh get /cluster/backup`), then run again."));
    }
    Ok(Done::Written {
        job: Box::new(job),
        included: included?.unwrap_or_default(),
    })
}
