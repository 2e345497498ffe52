//! `backup_verify`: says of every archive whether it can be restored.
//!
//! | file | what it does |
//! |---|---|
//! | `options`, `args` | what may be said, and what was said |
//! | `spec` | what it means |
//! | `observe` | lists files and folders |
//! | `memory` | what earlier runs read, and what is read now |
//! | `reading` | reads archives, several beside each other |
//! | `running` | which files a backup writes now |
//! | `plan`, `apply` | nothing: verification changes nothing |
//! | `judge` | what archives of one guest mean for each other |
//! | `report`, `table` | says what came of it, to programs and to people |

mod apply;
mod args;
mod judge;
mod memory;
mod observe;
mod options;
mod plan;
mod reading;
mod report;
#[cfg(test)]
mod run_tests;
mod running;
mod spec;
mod table;

use module_kit::plan::Plan;
use module_kit::{Context, Declaration, Failure, Module, Progress, Verdict};

pub use args::Args;
pub use observe::Observed;
pub use plan::Nothing;
pub use report::Report;
pub use spec::Spec;

/// The module.
#[derive(Debug)]
pub struct BackupVerify;

impl Module for BackupVerify {
    const DECLARATION: Declaration = options::DECLARATION;
    type Args = Args;
    type Spec = Spec;
    type Observed = Observed;
    type Action = Nothing;
    type Done = Nothing;
    type Report = Report;

    fn spec(args: Args) -> Result<Spec, Failure> {
        Spec::new(args)
    }

    fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
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

    fn verdict(report: &Report) -> Verdict {
        report::verdict(report)
    }

    fn render(report: &Report) -> String {
        table::render(report)
    }
}
