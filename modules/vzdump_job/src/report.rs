//! The result.

use std::fmt::Write;

use jiff::Timestamp;
use module_kit::Progress;
use module_kit::settings::Settings;
use pve_client::api::{Guest, IncludedGuest, Job, ScheduleEvents};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::apply::Done;
use crate::job::key;
use crate::observe::Observed;
use crate::plan::desired;
use crate::run_report::{self, RunResult};
use crate::selection::{self, Selected};
use crate::spec::{Declared, Spec};

/// What `vzdump_job` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The id of the job.
    #[schemars(extend("returned" = "success", "examples" = ["reprise-prod"]))]
    pub id: String,
    /// The job as Proxmox VE has it, with its names. In check mode it is what is there before the
    /// change. Null when there is none.
    #[schemars(extend("returned" = "success", "examples" = [{"id": "reprise-prod", "type": "vzdump", "enabled": true, "all": true, "schedule": "03:00", "storage": "local-backup", "compress": "zstd"}]))]
    pub job: Option<Map<String, Value>>,
    /// When the job runs next, in Unix seconds. In check mode, when it would. Null when it is disabled,
    /// absent, or its schedule never comes.
    #[schemars(extend("returned" = "success", "examples" = [1_795_316_400]))]
    pub next_run: Option<i64>,
    /// The same as a date in UTC.
    #[schemars(extend("returned" = "success", "examples" = ["2026-11-23T03:00:00Z"]))]
    pub next_run_iso: Option<String>,
    /// The guests that the job saves, as far as they can be seen.
    #[schemars(extend("returned" = "when state is present"))]
    pub guests: Vec<CoveredGuest>,
    /// The visible guests that the job does not save, and the numbers it names that no visible guest has.
    #[schemars(extend("returned" = "when state is present"))]
    pub left_out: Vec<LeftOutGuest>,
    /// Why the lists of guests may be incomplete. Null when they are complete.
    #[schemars(extend("returned" = "success", "examples" = ["guests may be hidden (missing: `VM.Audit` on `/vms`)"]))]
    pub guests_unknown: Option<String>,
    /// What became of each guest that the job should save.
    #[schemars(extend("returned" = "when state is run, not in check mode"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<Vec<RunResult>>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) warnings: Vec<String>,
}

/// A guest that the job saves.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CoveredGuest {
    /// Its number.
    #[schemars(extend("examples" = [101]))]
    pub vmid: u32,
    /// Its name.
    #[schemars(extend("examples" = ["web"]))]
    pub name: Option<String>,
    /// `qemu` or `lxc`.
    #[serde(rename = "type")]
    #[schemars(extend("examples" = ["qemu"]))]
    pub kind: Option<String>,
    /// Its disks and mount points. Null in check mode when the job or its selection is new: Proxmox VE
    /// tells the disks of a job that exists.
    pub disks: Option<Vec<Disk>>,
}

/// A disk or mount point.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Disk {
    /// Its key in the configuration of the guest.
    #[schemars(extend("examples" = ["scsi0"]))]
    pub key: String,
    /// Its volume.
    #[schemars(extend("examples" = ["local-lvm:vm-101-disk-0"]))]
    pub volume: Option<String>,
    /// Whether it is saved.
    pub included: bool,
    /// Why, or why not.
    #[schemars(extend("examples" = ["enabled"]))]
    pub reason: Option<String>,
}

/// A guest that the job does not save.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LeftOutGuest {
    /// Its number.
    #[schemars(extend("examples" = [102]))]
    pub vmid: u32,
    /// Its name.
    #[schemars(extend("examples" = ["scratch"]))]
    pub name: Option<String>,
    /// Why.
    #[schemars(extend("examples" = ["excluded by the job"]))]
    pub reason: String,
}

pub(crate) fn report(spec: &Spec, observed: &Observed, progress: &Progress<'_, Done>) -> Report {
    let there = observed.job(spec.id().as_str());
    match spec {
        Spec::Absent(id) => Report {
            id: id.to_string(),
            job: match progress {
                Progress::Predicted => there.and_then(|present| object(&present.job)),
                Progress::Applied(_) => None,
            },
            next_run: None,
            next_run_iso: None,
            guests: Vec::new(),
            left_out: Vec::new(),
            guests_unknown: None,
            runs: None,
            warnings: Vec::new(),
        },
        Spec::Run { id, .. } => of_run(id.as_str(), observed, progress),
        Spec::Present(declared) => of_declared(declared, observed, progress),
    }
}

fn of_declared(declared: &Declared, observed: &Observed, progress: &Progress<'_, Done>) -> Report {
    let there = observed.job(declared.id.as_str());
    let written = match progress {
        Progress::Predicted => None,
        Progress::Applied(done) => done.iter().find_map(|done| match done {
            Done::Written { job, included } => Some((&**job, included)),
            Done::Removed | Done::Ran { .. } => None,
        }),
    };
    let job = written
        .map(|(job, _)| job)
        .or_else(|| there.map(|present| &present.job));
    let next_run = if !declared.enabled {
        None
    } else if written.is_some() {
        job.and_then(|job| job.next_run)
    } else {
        first_run(observed)
    };
    let surroundings = observed.surroundings.as_ref();
    let selected = surroundings
        .and_then(|surroundings| selection::select(declared, &surroundings.guests).ok());
    let included = match (written, there) {
        (Some((_, included)), _) => Some(included.as_slice()),
        (None, Some(present)) if saves_the_same(&present.settings, declared, selected.as_ref()) => {
            observed.included.as_deref()
        }
        (None, _) => None,
    };
    let guests = match (included, &selected) {
        // A number without a guest stands there too, with the type `unknown`.
        (Some(included), _) => included
            .iter()
            .filter(|guest| guest.exists())
            .map(with_disks)
            .collect(),
        (None, Some(selected)) => selected.covered.iter().map(without_disks).collect(),
        (None, None) => Vec::new(),
    };
    let left_out =
        selected
            .iter()
            .flat_map(|selected| &selected.left_out)
            .map(|(guest, reason)| LeftOutGuest {
                vmid: guest.vmid.get(),
                name: guest.name.clone(),
                reason: reason.text().to_owned(),
            });
    let missing = selected
        .iter()
        .flat_map(|selected| &selected.missing)
        .map(|vmid| LeftOutGuest {
            vmid: vmid.get(),
            name: None,
            reason: "no such guest, or hidden".to_owned(),
        });
    Report {
        id: declared.id.to_string(),
        job: job.and_then(object),
        next_run,
        next_run_iso: next_run.and_then(iso),
        guests,
        left_out: left_out.chain(missing).collect(),
        guests_unknown: surroundings
            .and_then(|surroundings| surroundings.guests.gaps.first())
            .map(ToString::to_string),
        runs: None,
        warnings: Vec::new(),
    }
}

fn of_run(id: &str, observed: &Observed, progress: &Progress<'_, Done>) -> Report {
    let job = observed.job(id).map(|present| &present.job);
    let next_run = job
        .filter(|job| job.is_enabled())
        .and_then(|job| job.next_run);
    let ran = match progress {
        Progress::Predicted => None,
        Progress::Applied(done) => done.iter().find_map(|done| match done {
            Done::Ran { guests, warnings } => Some((guests, warnings)),
            Done::Written { .. } | Done::Removed => None,
        }),
    };
    let included = observed
        .included
        .iter()
        .flatten()
        .filter(|guest| guest.exists());
    Report {
        id: id.to_owned(),
        job: job.and_then(object),
        next_run,
        next_run_iso: next_run.and_then(iso),
        guests: included.map(with_disks).collect(),
        left_out: Vec::new(),
        guests_unknown: observed.run_guests.gaps.first().map(ToString::to_string),
        runs: ran.map(|(guests, _)| guests.iter().map(RunResult::new).collect()),
        warnings: ran.map_or_else(Vec::new, |(_, warnings)| warnings.clone()),
    }
}

/// Whether the job there saves the guests that the declared one saves.
fn saves_the_same(there: &Settings, declared: &Declared, selected: Option<&Selected>) -> bool {
    let Some(selected) = selected else {
        return false;
    };
    let decides = |name: &str| key::SELECTION.contains(&name) || name == key::NODE;
    there.filtered(decides) == desired(declared, selected).filtered(decides)
}

fn first_run(observed: &Observed) -> Option<i64> {
    match observed
        .surroundings
        .as_ref()
        .map(|surroundings| &surroundings.schedule)
    {
        Some(ScheduleEvents::Valid(runs)) => runs.first().copied(),
        Some(ScheduleEvents::Invalid(_)) | None => None,
    }
}

fn iso(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds)
        .ok()
        .map(|time| time.to_string())
}

fn object(job: &Job) -> Option<Map<String, Value>> {
    match serde_json::to_value(job) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

fn with_disks(guest: &IncludedGuest) -> CoveredGuest {
    let disks = guest.volumes.iter().map(|volume| Disk {
        key: volume.key.clone(),
        volume: volume.volume.clone(),
        included: volume.included,
        reason: volume.reason.clone(),
    });
    CoveredGuest {
        vmid: guest.vmid.get(),
        name: guest.name.clone(),
        kind: guest.kind.clone(),
        disks: Some(disks.collect()),
    }
}

fn without_disks(guest: &Guest) -> CoveredGuest {
    CoveredGuest {
        vmid: guest.vmid.get(),
        name: guest.name.clone(),
        kind: Some(guest.kind.to_string()),
        disks: None,
    }
}

pub(crate) fn render(report: &Report) -> String {
    let mut text = format!("Job {}\n", report.id);
    // Writing to a text cannot fail.
    if let Some(next_run) = &report.next_run_iso {
        writeln!(text, "  next run  {next_run}").ok();
    }
    if let Some(runs) = &report.runs {
        run_report::render(runs, &mut text);
        return text;
    }
    for guest in &report.guests {
        let name = guest.name.as_deref().unwrap_or("-");
        writeln!(text, "  saves     {} {name}", guest.vmid).ok();
        for disk in guest.disks.iter().flatten().filter(|disk| !disk.included) {
            let reason = disk.reason.as_deref().unwrap_or("no reason given");
            writeln!(text, "            without {} ({reason})", disk.key).ok();
        }
    }
    for guest in &report.left_out {
        let name = guest.name.as_deref().unwrap_or("-");
        writeln!(text, "  leaves    {} {name} ({})", guest.vmid, guest.reason).ok();
    }
    if let Some(gap) = &report.guests_unknown {
        writeln!(text, "  unknown   {gap}").ok();
    }
    text
}
