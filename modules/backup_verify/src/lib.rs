//! `backup_verify`: says of every archive whether it can be restored.
//!
//! | file | what it does |
//! |---|---|
//! | `options`, `options_memory`, `args` | what may be said, and what was said |
//! | `spec`, `remembering` | what it means |
//! | `fail_on` | what makes a run fail |
//! | `privileges` | the rights with which it sees everything |
//! | `observe` | looks: asks, lists, reads |
//! | `asked`, `storages`, `last_backups` | what Proxmox VE knows |
//! | `files` | files and folders |
//! | `matching` | which file is which archive of Proxmox VE |
//! | `verifying` | reads what there is, as far as it is not known |
//! | `memory` | what earlier runs read, and what is read now |
//! | `sharing` | storages of several nodes: who reads, and what the others believe |
//! | `noted` | digests in notes and proofs, for when the ledger is lost |
//! | `reading` | reads archives, several beside each other |
//! | `fresh` | archives that a backup made just now, for who made them |
//! | `running` | which files a backup writes now |
//! | `plan`, `apply` | nothing: what is remembered and noted is no change |
//! | `judge` | what archives of one guest mean for each other |
//! | `report`, `archive_result` | says what came of it |
//! | `verdict` | whether that counts as failed |
//! | `table` | says it to people |
//! | `page` | says it to people on a page, with a matrix of guests and days |
//! | `metrics` | says it to Prometheus |
//! | `output` | writes page and metrics |

#[cfg(test)]
mod agree_tests;
mod apply;
mod archive_result;
mod args;
mod asked;
#[cfg(test)]
mod asked_tests;
mod fail_on;
mod files;
mod fresh;
mod judge;
mod last_backups;
mod matching;
mod memory;
pub mod metrics;
mod noted;
mod observe;
mod options;
mod options_memory;
mod output;
mod page;
mod plan;
mod privileges;
mod reading;
mod relisted;
mod remembering;
mod removed;
mod report;
#[cfg(test)]
mod run_tests;
mod running;
mod sharing;
mod spec;
mod storages;
mod table;
mod verdict;
mod verifying;

use module_kit::plan::Plan;
use module_kit::{Context, Declaration, Failure, Module, Progress, Verdict};

pub use args::Args;
pub use asked::Asked;
pub use fail_on::FailOn;
pub use fresh::{Fresh, FreshArchive, Made, verify_fresh};
pub use observe::{Listed, Observed, OnStorage, Verified};
pub use output::ReportFile;
pub use page::Format;
pub use plan::Nothing;
pub use remembering::{Place, Remembering};
pub use report::{ArchiveResult, ReasonResult, Report, Summary};
pub use spec::{Ask, Spec};
pub use verdict::sentence;

/// The module.
#[derive(Debug)]
pub struct BackupVerify;

impl Module for BackupVerify {
    const DECLARATION: Declaration = options::DECLARATION;
    const ONLY_LOOKS: bool = true;
    type Args = Args;
    type Spec = Spec;
    type Observed = Observed;
    type Action = Nothing;
    type Done = Nothing;
    type Report = Report;

    fn spec(args: Args) -> Result<Spec, Failure> {
        Spec::new(&args)
    }

    fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
        // Before hours of reading, and not after them.
        output::check(spec)?;
        observe::observe(spec, context)
    }

    fn plan(_spec: &Spec, _observed: &Observed) -> Result<Plan<Nothing>, Failure> {
        Ok(plan::plan())
    }

    fn apply(
        action: &Nothing,
        _spec: &Spec,
        _observed: &Observed,
        _context: &Context<'_>,
    ) -> Result<Nothing, Failure> {
        apply::apply(action)
    }

    fn report(spec: &Spec, observed: &Observed, _progress: &Progress<'_, Nothing>) -> Report {
        report::report(spec, observed)
    }

    fn deliver(report: &Report, spec: &Spec, observed: &Observed) -> Result<(), Failure> {
        output::write(report, spec, observed)
    }

    fn verdict(report: &Report) -> Verdict {
        verdict::verdict(report)
    }

    fn render(report: &Report) -> String {
        table::render(report)
    }
}
