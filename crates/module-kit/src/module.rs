//! What a module is: one declaration and five steps.

use ansible_module::option::ArgumentSpec;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::failure::Failure;
use crate::plan::{Action, Plan};
use crate::privileges::Operation;

/// What stands in the documentation of a module, beside its options and its result.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// The name of the task, and of the command.
    pub name: &'static str,
    /// One line.
    pub short_description: &'static str,
    /// Paragraphs.
    pub description: &'static [&'static str],
    /// What it accepts.
    pub spec: ArgumentSpec,
    /// What it does, and the least rights that each of these needs.
    pub operations: &'static [Operation],
    /// What a user should know beside that.
    pub notes: &'static [&'static str],
    /// Modules that a reader may look for next.
    pub see_also: &'static [&'static str],
    /// Tasks to copy, as YAML.
    pub examples: &'static str,
    /// The version of the collection it came with.
    pub version_added: &'static str,
}

/// How far a run has come when its report is made.
#[derive(Debug)]
pub enum Progress<'a, Done> {
    /// Check mode: nothing was done, the report predicts.
    Predicted,
    /// Every action of the plan was done; these are their results, in order.
    Applied(&'a [Done]),
}

/// What a result says of the run that made it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Why the run counts as failed.
    pub failure: Option<Failure>,
    /// What the user should know although it is no error.
    pub warnings: Vec<String>,
}

/// A module: spec, observe, plan, apply, report.
pub trait Module {
    /// What it is called and what it accepts.
    const DECLARATION: Declaration;
    /// Whether it only ever looks: it has nothing to do, and its result stands for itself.
    const ONLY_LOOKS: bool = false;
    /// The options, coerced but not yet understood.
    type Args: DeserializeOwned;
    /// What the options mean.
    type Spec;
    /// The present.
    type Observed;
    /// One thing it can do.
    type Action: Action;
    /// What one action really did.
    type Done;
    /// The result, without what all modules return.
    type Report: Serialize + JsonSchema;

    /// Understands the options. No IO.
    fn spec(args: Self::Args) -> Result<Self::Spec, Failure>;

    /// Reads the present. Changes nothing.
    fn observe(spec: &Self::Spec, context: &Context<'_>) -> Result<Self::Observed, Failure>;

    /// Decides. Pure.
    fn plan(spec: &Self::Spec, observed: &Self::Observed) -> Result<Plan<Self::Action>, Failure>;

    /// Does one action, after its guard was checked again.
    fn apply(
        action: &Self::Action,
        spec: &Self::Spec,
        observed: &Self::Observed,
        context: &Context<'_>,
    ) -> Result<Self::Done, Failure>;

    /// The result.
    fn report(
        spec: &Self::Spec,
        observed: &Self::Observed,
        progress: &Progress<'_, Self::Done>,
    ) -> Self::Report;

    /// Writes the result to files that the user named, after everything else and never in check
    /// mode. When it fails the result counts all the same, and the run fails.
    fn deliver(
        _report: &Self::Report,
        _spec: &Self::Spec,
        _observed: &Self::Observed,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// What the result says of the run itself: whether it counts as failed although every action
    /// was done, and what the user should know.
    fn verdict(_report: &Self::Report) -> Verdict {
        Verdict::default()
    }

    /// The result for a person.
    fn render(report: &Self::Report) -> String;
}
