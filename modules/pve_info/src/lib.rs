//! `pve_info`: what a server has, for plays that check before they act.
//!
//! | file | what it does |
//! |---|---|
//! | `options` | what may be said: the connection, and nothing else |
//! | `privileges` | the rights with which it sees everything |
//! | `spec` | what it means: there is one thing to ask |
//! | `observe` | what is there |
//! | `plan` | nothing is ever to be done |
//! | `apply` | there is no action that it could be given |
//! | `report` | says what there is |

mod apply;
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

pub use observe::Observed;
pub use plan::NoAction;
pub use report::Report;
pub use spec::{Args, Spec};

/// The module.
#[derive(Debug)]
pub struct PveInfo;

impl Module for PveInfo {
    const DECLARATION: Declaration = options::DECLARATION;
    const ONLY_LOOKS: bool = true;
    type Args = Args;
    type Spec = Spec;
    type Observed = Observed;
    type Action = NoAction;
    type Done = ();
    type Report = Report;

    fn spec(args: Args) -> Result<Spec, Failure> {
        Ok(Spec::from(args))
    }

    fn observe(_spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
        observe::observe(context)
    }

    fn plan(_spec: &Spec, _observed: &Observed) -> Result<Plan<NoAction>, Failure> {
        Ok(plan::plan())
    }

    fn apply(
        action: &NoAction,
        _spec: &Spec,
        _observed: &Observed,
        _context: &Context<'_>,
    ) -> Result<(), Failure> {
        apply::apply(*action)
    }

    fn report(_spec: &Spec, observed: &Observed, _progress: &Progress<'_, ()>) -> Report {
        report::report(observed)
    }

    fn render(report: &Report) -> String {
        report::render(report)
    }
}
