//! `vzdump_job`: declares a scheduled backup job.
//!
//! | file | what it does |
//! |---|---|
//! | `options`, `args` | what may be said, and what was said |
//! | `spec`, `schedule`, `notes`, `mail` | what it means |
//! | `observe` | what is there |
//! | `plan`, `selection` | what has to be done |
//! | `advice`, `forecast` | what a job needs and does not have |
//! | `apply` | does it |
//! | `run_now` | `state: run`, and what became of each guest |
//! | `proof` | reads the archives of a run, by the engine of `backup_verify` |
//! | `privileges` | the rights it needs |
//! | `report`, `run_report` | says what came of it |
//! | `job` | the parameters of a job in Proxmox VE |

mod advice;
mod apply;
mod args;
#[cfg(test)]
mod fixture;
mod forecast;
mod job;
mod mail;
mod notes;
mod observe;
mod options;
mod plan;
mod privileges;
mod proof;
mod report;
mod run_now;
#[cfg(test)]
mod run_now_tests;
mod run_report;
#[cfg(test)]
mod run_tests;
mod schedule;
mod selection;
mod spec;

use module_kit::plan::Plan;
use module_kit::{Context, Declaration, Failure, Module, Progress, Verdict};

pub use apply::Done;
pub use args::Args;
pub use observe::{Observed, PresentJob, Surroundings};
pub use plan::JobAction;
pub use report::{CoveredGuest, Disk, LeftOutGuest, Report};
pub use run_now::{GuestResult, NodeRun};
pub use run_report::RunResult;
pub use spec::{Declared, Selection, Spec};

/// The module.
#[derive(Debug)]
pub struct VzdumpJob;

impl Module for VzdumpJob {
    const DECLARATION: Declaration = options::DECLARATION;
    type Args = Args;
    type Spec = Spec;
    type Observed = Observed;
    type Action = JobAction;
    type Done = Done;
    type Report = Report;

    fn spec(args: Args) -> Result<Spec, Failure> {
        Spec::new(&args)
    }

    fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
        observe::observe(spec, context)
    }

    fn plan(spec: &Spec, observed: &Observed) -> Result<Plan<JobAction>, Failure> {
        plan::plan(spec, observed)
    }

    fn apply(
        action: &JobAction,
        _spec: &Spec,
        _observed: &Observed,
        context: &Context<'_>,
    ) -> Result<Done, Failure> {
        apply::apply(action, context)
    }

    fn report(spec: &Spec, observed: &Observed, progress: &Progress<'_, Done>) -> Report {
        report::report(spec, observed, progress)
    }

    fn verdict(report: &Report) -> Verdict {
        run_report::verdict(report)
    }

    fn render(report: &Report) -> String {
        report::render(report)
    }
}
