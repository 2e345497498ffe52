//! `pve_storage`: declares the storage that backups go to.
//!
//! | file | what it does |
//! |---|---|
//! | `options`, `args` | what may be said, and what was said |
//! | `spec` | what it means |
//! | `observe` | what is there |
//! | `plan` | what has to be done |
//! | `apply` | does it |
//! | `privileges` | the rights it needs |
//! | `report` | says what came of it |
//! | `definition` | the parameters of a storage in Proxmox VE |

mod apply;
mod args;
mod definition;
mod observe;
mod options;
mod plan;
mod privileges;
mod report;
#[cfg(test)]
mod run_tests;
mod spec;

use module_kit::plan::Plan;
use module_kit::{Context, Declaration, Failure, Module, Progress};

pub use args::Args;
pub use observe::{Observed, Present};
pub use plan::StorageAction;
pub use report::Report;
pub use spec::{Declared, Password, Spec};

/// The module.
#[derive(Debug)]
pub struct PveStorage;

impl Module for PveStorage {
    const DECLARATION: Declaration = options::DECLARATION;
    type Args = Args;
    type Spec = Spec;
    type Observed = Observed;
    type Action = StorageAction;
    type Done = Option<Present>;
    type Report = Report;

    fn spec(args: Args) -> Result<Spec, Failure> {
        Spec::new(&args)
    }

    fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
        observe::observe(spec, context)
    }

    fn plan(spec: &Spec, observed: &Observed) -> Result<Plan<StorageAction>, Failure> {
        plan::plan(spec, observed)
    }

    fn apply(
        action: &StorageAction,
        spec: &Spec,
        observed: &Observed,
        context: &Context<'_>,
    ) -> Result<Option<Present>, Failure> {
        apply::apply(action, spec, observed, context)
    }

    fn report(
        spec: &Spec,
        observed: &Observed,
        progress: &Progress<'_, Option<Present>>,
    ) -> Report {
        report::report(spec, observed, progress)
    }

    fn render(report: &Report) -> String {
        report::render(report)
    }
}
