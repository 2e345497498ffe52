//! `guest_backup`: says which disks of a guest backups take along.
//!
//! | file | what it does |
//! |---|---|
//! | `options`, `spec` | what may be said, and what it means |
//! | `observe` | the guest and its configuration |
//! | `disk` | what a line of a configuration says about backups |
//! | `plan` | which lines have to be written |
//! | `privileges` | the rights it needs |
//! | `apply` | writes them |
//! | `report` | says what came of it |

mod apply;
mod disk;
mod observe;
mod options;
mod plan;
mod privileges;
mod report;
#[cfg(test)]
mod run_tests;
mod spec;

use module_kit::plan::Plan;
use module_kit::{Context, Declaration, Failure, Module, Progress, Verdict};

pub use observe::Observed;
pub use plan::FlagAction;
pub use report::Report;
pub use spec::{Args, Spec};

/// The module.
#[derive(Debug)]
pub struct GuestBackup;

impl Module for GuestBackup {
    const DECLARATION: Declaration = options::DECLARATION;
    type Args = Args;
    type Spec = Spec;
    type Observed = Observed;
    type Action = FlagAction;
    type Done = observe::Configs;
    type Report = Report;

    fn spec(args: Args) -> Result<Spec, Failure> {
        Spec::new(args)
    }

    fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
        observe::observe(spec, context)
    }

    fn plan(spec: &Spec, observed: &Observed) -> Result<Plan<FlagAction>, Failure> {
        plan::plan(spec, observed)
    }

    fn apply(
        action: &FlagAction,
        _spec: &Spec,
        observed: &Observed,
        context: &Context<'_>,
    ) -> Result<observe::Configs, Failure> {
        apply::apply(action, observed, context)
    }

    fn report(
        _spec: &Spec,
        observed: &Observed,
        progress: &Progress<'_, observe::Configs>,
    ) -> Report {
        report::report(observed, progress)
    }

    fn verdict(report: &Report) -> Verdict {
        report::verdict(report)
    }

    fn render(report: &Report) -> String {
        report::render(report)
    }
}
