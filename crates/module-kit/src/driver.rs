//! Takes a module through its five steps, the same for every module and both fronts.

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::module::{Declaration, Module, Progress};
use crate::plan::{Diff, Plan};

/// Whether the plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Check mode, `--dry-run`: plan and report only.
    Check,
    /// Carry it out.
    Apply,
}

/// A plan as both fronts show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// A sentence for each action.
    pub actions: Vec<String>,
    /// The object before and after.
    pub diff: Diff,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Asked between plan and apply, when there is something to do.
pub type Consent<'a> = dyn FnMut(&Preview) -> Result<(), Failure> + 'a;

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was planned, if it came that far.
    pub preview: Option<Preview>,
    /// Whether something is different now, or would be.
    pub changed: bool,
    /// The result of the module, if it has one.
    pub report: Map<String, Value>,
    /// The result for a person.
    pub rendered: String,
    /// Whether the module only ever looks.
    pub only_looks: bool,
    /// Why it failed.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// A run that failed before anything was planned.
    pub(crate) fn failed(failure: Failure) -> Self {
        Self {
            failure: Some(failure),
            ..Self::empty()
        }
    }

    fn empty() -> Self {
        Self {
            preview: None,
            changed: false,
            report: Map::new(),
            rendered: String::new(),
            only_looks: false,
            failure: None,
        }
    }
}

/// What every module returns beside its own result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommonResult {
    /// What was done, or in check mode would be done, in order. Empty when nothing differs.
    #[schemars(extend("returned" = "success", "examples" = [["create backup job `reprise-prod`"]]))]
    pub actions: Vec<String>,
    /// The exit code that the command line would end with. 0 done, 1 failed, 2 wrong usage, 3 refused,
    /// 4 nothing found, 5 verdict below the threshold, 6 failed and undone, 7 needs a hand, 8 unhealthy.
    #[schemars(extend("returned" = "always"), example = 0)]
    pub exit_code: u8,
    /// When it failed half-way, the actions that were done before.
    #[schemars(extend("returned" = "when a plan failed half-way"))]
    pub done: Vec<String>,
    /// When it failed half-way, the actions that were not done. The next run does them.
    #[schemars(extend("returned" = "when a plan failed half-way"))]
    pub remaining: Vec<String>,
}

/// A module without its types, as the fronts and the generators see it.
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    /// Its declaration.
    pub declaration: &'static Declaration,
    /// The shape of its result.
    pub result_schema: fn() -> Schema,
    run: fn(Map<String, Value>, &Context<'_>, Mode, &mut Consent<'_>) -> Outcome,
}

impl Registered {
    /// The module `M`.
    pub const fn of<M: Module>() -> Self {
        Self {
            declaration: &M::DECLARATION,
            result_schema: || schemars::schema_for!(M::Report),
            run: run::<M>,
        }
    }

    /// Runs it with these coerced options.
    pub fn run(
        &self,
        options: Map<String, Value>,
        context: &Context<'_>,
        mode: Mode,
        consent: &mut Consent<'_>,
    ) -> Outcome {
        (self.run)(options, context, mode, consent)
    }
}

fn run<M: Module>(
    options: Map<String, Value>,
    context: &Context<'_>,
    mode: Mode,
    consent: &mut Consent<'_>,
) -> Outcome {
    let mut outcome = Outcome {
        only_looks: M::ONLY_LOOKS,
        ..Outcome::empty()
    };
    if let Err(failure) = steps::<M>(options, context, mode, consent, &mut outcome) {
        outcome.failure = Some(failure);
    }
    outcome
}

fn steps<M: Module>(
    options: Map<String, Value>,
    context: &Context<'_>,
    mode: Mode,
    consent: &mut Consent<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let args = args::<M>(options)?;
    let spec = M::spec(args)?;
    let observed = M::observe(&spec, context)?;
    let plan = M::plan(&spec, &observed)?;
    let preview = Preview {
        actions: plan.actions.iter().map(ToString::to_string).collect(),
        diff: plan.diff.clone(),
        warnings: plan.warnings.clone(),
    };
    outcome.preview = Some(preview.clone());

    let done = match mode {
        Mode::Check => None,
        Mode::Apply => {
            if !plan.is_empty() {
                consent(&preview)?;
            }
            Some(apply_all::<M>(&plan, &spec, &observed, context, outcome)?)
        }
    };
    let progress = match (&done, plan.is_empty()) {
        (None, false) => Progress::Predicted,
        (None, true) => Progress::Applied(&[]),
        (Some(done), _) => Progress::Applied(done),
    };
    outcome.changed = !plan.is_empty();
    let report = M::report(&spec, &observed, &progress);
    outcome.rendered = M::render(&report);
    let verdict = M::verdict(&report);
    let mut warnings = verdict.warnings;
    outcome.failure = verdict.failure;
    if mode == Mode::Apply
        && let Err(failure) = M::deliver(&report, &spec, &observed)
    {
        // What the result says is worse than a file that is missing.
        if outcome.failure.is_some() {
            warnings.push(failure.to_string());
        } else {
            outcome.failure = Some(failure);
        }
    }
    if let Some(preview) = &mut outcome.preview {
        preview.warnings.extend(warnings);
    }
    match serde_json::to_value(&report) {
        Ok(Value::Object(map)) => outcome.report = map,
        Ok(_) | Err(_) => {
            return Err(Failure::new(
                Exit::NeedsAHand,
                format!(
                    "the result of {} is no object: this is a defect",
                    M::DECLARATION.name
                ),
            ));
        }
    }
    Ok(())
}

/// The options as the module's own struct.
pub(crate) fn args<M: Module>(options: Map<String, Value>) -> Result<M::Args, Failure> {
    serde_json::from_value(Value::Object(options)).map_err(|error| {
        Failure::usage(format!(
            "the options of {} do not fit: {error}",
            M::DECLARATION.name
        ))
    })
}

fn apply_all<M: Module>(
    plan: &Plan<M::Action>,
    spec: &M::Spec,
    observed: &M::Observed,
    context: &Context<'_>,
    outcome: &mut Outcome,
) -> Result<Vec<M::Done>, Failure> {
    let mut done = Vec::with_capacity(plan.actions.len());
    for (index, action) in plan.actions.iter().enumerate() {
        match M::apply(action, spec, observed, context) {
            Ok(result) => done.push(result),
            Err(mut failure) => {
                let sentences = |actions: &[M::Action]| {
                    actions.iter().map(ToString::to_string).collect::<Vec<_>>()
                };
                let (before, rest) = plan.actions.split_at(index);
                failure.done = sentences(before);
                failure.remaining = sentences(rest);
                // Nothing was undone and something is left: the next run finishes it. The codes
                // that say "nothing changed" would be wrong.
                if !before.is_empty() && failure.exit != Exit::Interrupted {
                    failure.exit = Exit::NeedsAHand;
                }
                outcome.changed = failure.exit == Exit::NeedsAHand || !before.is_empty();
                return Err(failure.while_doing(&action.to_string()));
            }
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
