//! A program with one module that needs no Proxmox VE: it writes lines into a file and takes its
//! time. Its fronts are those of `reprise`.

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use ansible_module::option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec};
use module_kit::fragment::api::API;
use module_kit::plan::{self, Plan};
use module_kit::{Context, Declaration, Exit, Failure, Module, Progress, Registered};
use module_kit::{cli_front, over_ssh};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const MODULES: &[Registered] = &[Registered::of::<Errand>()];

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary is where the environment is read"
    )]
    let environment = |name: &str| std::env::var(name).ok();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|word| word.to_str()) {
        Some(over_ssh::SERVE) => over_ssh::serve(MODULES, &environment),
        Some(over_ssh::DETACHED) => {
            let folder = arguments.last().cloned().unwrap_or_default();
            over_ssh::detached_run(MODULES, &folder, &environment)
        }
        _ => MODULES.first().map_or(ExitCode::FAILURE, |module| {
            cli_front::run(module, arguments, &environment)
        }),
    }
}

/// What is written, and how long it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    file: String,
    milliseconds: u64,
    secret: Option<String>,
    fail: bool,
}

/// The one thing it does.
#[derive(Debug, Serialize)]
pub struct Step(String);

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "write into `{}`", self.0)
    }
}

impl plan::Action for Step {}

/// What it tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Who did it.
    #[schemars(extend("returned" = "success"))]
    process: Option<u32>,
    /// The secret, which nobody may see.
    #[schemars(extend("returned" = "success"))]
    with: Option<String>,
}

/// The module.
#[derive(Debug)]
pub struct Errand;

impl Module for Errand {
    const DECLARATION: Declaration = Declaration {
        name: "errand",
        short_description: "Write into a file",
        description: &["Writes into a file and takes its time."],
        spec: ArgumentSpec {
            groups: &[
                OptionGroup {
                    title: "Errand",
                    options: &[
                        OptionSpec::new("file", Kind::Path, &["Where."]).required(),
                        OptionSpec::new("milliseconds", Kind::Int, &["How long."])
                            .default(Default::Int(0)),
                        OptionSpec::new("secret", Kind::Str, &["A secret."]).no_log(),
                        OptionSpec::new("fail", Kind::Bool, &["Whether it fails."])
                            .default(Default::Bool(false)),
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
    type Args = Args;
    type Spec = Args;
    type Observed = ();
    type Action = Step;
    type Done = ();
    type Report = Report;

    fn spec(args: Args) -> Result<Args, Failure> {
        Ok(args)
    }

    fn observe(_spec: &Args, _context: &Context<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn plan(spec: &Args, (): &()) -> Result<Plan<Step>, Failure> {
        Ok(Plan {
            actions: vec![Step(spec.file.clone())],
            diff: plan::diff("errand", json!({}), json!({"file": spec.file})),
            warnings: Vec::new(),
        })
    }

    fn apply(action: &Step, spec: &Args, (): &(), context: &Context<'_>) -> Result<(), Failure> {
        write(&action.0, &format!("begin {}", std::process::id()))?;
        if let Ok(task) = UPID.parse() {
            context.started(&task);
        }
        for step in 0..spec.milliseconds.div_ceil(20) {
            context.progress(&format!(
                "step {step} with {}",
                spec.secret.as_deref().unwrap_or("nothing")
            ));
            std::thread::sleep(Duration::from_millis(20));
        }
        write(&action.0, "end")?;
        if spec.fail {
            return Err(Failure::new(Exit::NeedsAHand, "it was told to fail"));
        }
        Ok(())
    }

    fn report(spec: &Args, (): &(), progress: &Progress<'_, ()>) -> Report {
        Report {
            process: matches!(progress, Progress::Applied(_)).then(std::process::id),
            with: spec.secret.clone(),
        }
    }

    fn render(report: &Report) -> String {
        format!("with {:?}\n", report.with)
    }
}

/// A task as Proxmox VE names one.
const UPID: &str = "UPID:pve1:00001234:00ABCDEF:6500AAAA:vzdump:100:root@pam:";

fn write(path: &str, line: &str) -> Result<(), Failure> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot write `{path}`: {error}")))
}
