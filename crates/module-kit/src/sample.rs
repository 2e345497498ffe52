//! A module that does nothing but remember, for the tests of the driver and the fronts.

use std::cell::RefCell;
use std::fmt;

use ansible_module::option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fragment::api::API;
use crate::plan::{self, Plan};
use crate::{Context, Declaration, Exit, Failure, Module, Progress, Verdict};

thread_local! {
    /// What the sample did in this thread.
    static DONE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What was applied since the last call.
pub(crate) fn applied() -> Vec<String> {
    DONE.take()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SampleArgs {
    pub(crate) steps: Vec<String>,
    pub(crate) fail_at: Option<String>,
    pub(crate) exit: i64,
    pub(crate) secret: Option<String>,
    pub(crate) nested: Option<Nested>,
    pub(crate) flag: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nested {
    pub(crate) level: i64,
    pub(crate) token: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Step(pub(crate) String);

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "do {}", self.0)
    }
}

impl plan::Action for Step {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SampleReport {
    /// What was done.
    #[schemars(extend("returned" = "success"))]
    pub(crate) steps_done: Vec<String>,
    /// How deep, whether a flag is set, and the secret, which must never be seen.
    #[schemars(extend("returned" = "success"))]
    pub(crate) about: String,
}

#[derive(Debug)]
pub(crate) struct Sample;

impl Module for Sample {
    const DECLARATION: Declaration = Declaration {
        name: "sample",
        short_description: "Remember",
        description: &["Remembers O(steps)."],
        spec: ArgumentSpec {
            groups: &[
                OptionGroup {
                    title: "Sample",
                    options: &[
                        OptionSpec::new("steps", Kind::List(&Kind::Str), &["What is done."])
                            .aliases(&["work"])
                            .default(Default::List(&[])),
                        OptionSpec::new("fail_at", Kind::Str, &["The step that fails."]),
                        OptionSpec::new("exit", Kind::Int, &["How it fails."])
                            .default(Default::Int(1)),
                        OptionSpec::new("secret", Kind::Str, &["A secret."])
                            .no_log()
                            .environment(&["SAMPLE_SECRET"]),
                        OptionSpec::new(
                            "nested",
                            Kind::Dict(&[
                                OptionSpec::new("level", Kind::Int, &["How deep."])
                                    .default(Default::Int(1)),
                                OptionSpec::new("token", Kind::Str, &["A secret below."]).no_log(),
                            ]),
                            &["Something below."],
                        ),
                        OptionSpec::new("flag", Kind::Bool, &["A flag."]),
                    ],
                },
                API,
            ],
            constraints: Constraints::NONE,
        },
        operations: &[],
        notes: &[],
        see_also: &[],
        examples: "",
        version_added: "0.1.0",
    };
    type Args = SampleArgs;
    type Spec = SampleArgs;
    type Observed = ();
    type Action = Step;
    type Done = String;
    type Report = SampleReport;

    fn spec(args: SampleArgs) -> Result<SampleArgs, Failure> {
        if args.steps.iter().any(|step| step == "nonsense") {
            return Err(Failure::usage("steps: `nonsense` is none").hint("Say something else."));
        }
        Ok(args)
    }

    fn observe(_spec: &SampleArgs, _context: &Context<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn plan(spec: &SampleArgs, (): &()) -> Result<Plan<Step>, Failure> {
        if spec.steps.iter().any(|step| step == "refused") {
            return Err(Failure::refused("refused is refused"));
        }
        Ok(Plan {
            actions: spec.steps.iter().cloned().map(Step).collect(),
            diff: plan::diff(
                "sample",
                json!({}),
                json!({"steps": spec.steps, "with": spec.secret}),
            ),
            warnings: vec![format!(
                "careful with {}",
                spec.secret.as_deref().unwrap_or("it")
            )],
        })
    }

    fn apply(
        action: &Step,
        spec: &SampleArgs,
        (): &(),
        _context: &Context<'_>,
    ) -> Result<String, Failure> {
        if spec.fail_at.as_ref() == Some(&action.0) {
            let exit = Exit::ALL
                .into_iter()
                .find(|exit| i64::from(exit.code()) == spec.exit)
                .unwrap();
            return Err(Failure::new(exit, "it broke").hint("Mend it."));
        }
        DONE.with_borrow_mut(|done| done.push(action.0.clone()));
        Ok(action.0.clone())
    }

    fn report(spec: &SampleArgs, (): &(), progress: &Progress<'_, String>) -> SampleReport {
        let nested = spec.nested.as_ref();
        SampleReport {
            steps_done: match progress {
                Progress::Predicted => Vec::new(),
                Progress::Applied(done) => done.to_vec(),
            },
            about: format!(
                "level {:?} flag {:?} secrets {:?} {:?}",
                nested.map(|nested| nested.level),
                spec.flag,
                spec.secret,
                nested.and_then(|nested| nested.token.as_ref()),
            ),
        }
    }

    fn deliver(report: &SampleReport, spec: &SampleArgs, (): &()) -> Result<(), Failure> {
        if spec.fail_at.as_deref() == Some("delivery") {
            return Err(Failure::new(Exit::Failed, "cannot deliver"));
        }
        if spec.fail_at.as_deref() == Some("never") {
            let steps = report.steps_done.len();
            DONE.with_borrow_mut(|done| done.push(format!("delivered {steps}")));
        }
        Ok(())
    }

    fn verdict(report: &SampleReport) -> Verdict {
        let is_bad = report.steps_done.iter().any(|step| step == "bad");
        Verdict {
            failure: is_bad.then(|| Failure::new(Exit::BelowThreshold, "it is bad")),
            warnings: Vec::new(),
        }
    }

    fn render(report: &SampleReport) -> String {
        format!("did {}; {}\n", report.steps_done.join("+"), report.about)
    }
}
