//! `cargo xtask test`: every gate, one after the other, and a table of how they ended.

mod ansible;
mod context;
mod products;
mod rust;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use self::context::{Context, Depth};
use crate::workspace::{ARCHITECTURES, Workspace};
use crate::{files, tidy};

/// One thing that must hold.
struct Gate {
    name: &'static str,
    about: &'static str,
    when: Depth,
    run: fn(&Context) -> Result<()>,
}

const fn gate(name: &'static str, about: &'static str, run: fn(&Context) -> Result<()>) -> Gate {
    Gate {
        name,
        about,
        when: Depth::Normal,
        run,
    }
}

const fn deep(name: &'static str, about: &'static str, run: fn(&Context) -> Result<()>) -> Gate {
    Gate {
        name,
        about,
        when: Depth::Deep,
        run,
    }
}

/// In this order: what is quick and says most comes first.
const GATES: &[Gate] = &[
    gate("tidy", "the rules of the repository", |context| {
        tidy::run(context.workspace())
    }),
    gate("fmt", "rustfmt", rust::fmt),
    gate("codegen", "generated files are up to date", rust::codegen),
    gate("clippy", "no warning", rust::clippy),
    gate("doc", "rustdoc without a warning", rust::doc),
    gate(
        "build",
        "static binaries of both architectures, at most 12 MB each",
        products::build,
    ),
    gate(
        "tarball",
        "at most 16 MB, reproducible, installs and verifies",
        products::tarball,
    ),
    gate(
        "aarch64",
        "the aarch64 binary runs under the emulator",
        products::aarch64,
    ),
    gate(
        "tests",
        "unit, property, differential and end-to-end tests",
        rust::tests,
    ),
    gate(
        "oracle",
        "the kept answers are those of ansible-core",
        rust::oracle,
    ),
    gate(
        "licenses",
        "cargo-deny: licences, sources, bans",
        rust::licenses,
    ),
    gate(
        "ansible-doc",
        "every module is listed and documented",
        ansible::doc,
    ),
    gate("ansible-lint", "profile production", ansible::lint),
    gate(
        "sanity",
        "ansible-test sanity without ignore entries",
        ansible::sanity,
    ),
    gate("antsibull-docs", "documentation markup", ansible::docs),
    gate("changelog", "antsibull-changelog", ansible::changelog),
    gate(
        "galaxy-importer",
        "Galaxy takes the tarball and lists every module",
        ansible::importer,
    ),
    deep(
        "sweep",
        "each byte of small archives flipped: as many are seen as is kept",
        rust::sweep,
    ),
    deep(
        "tools",
        "zstd, gzip, lzop and tar still say of damages what docs/formats/detection.md says",
        rust::tools,
    ),
    gate(
        "molecule",
        "the scenarios that users run, on nodes of the lab",
        ansible::molecule,
    ),
    deep(
        "oracle-all-cores",
        "the kept answers are those of every ansible-core",
        rust::oracle_all_cores,
    ),
    deep(
        "tests-oldest-core",
        "end-to-end tests on the oldest ansible-core",
        rust::tests_oldest_core,
    ),
    deep(
        "tests-newest-core",
        "end-to-end tests on the newest ansible-core",
        rust::tests_newest_core,
    ),
];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    deep: bool,
    list: bool,
    real: Option<String>,
    only: Vec<String>,
}

/// How a gate ended.
struct Outcome {
    name: &'static str,
    time: Duration,
    error: Option<String>,
}

/// Runs the gates that the arguments select.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let options = parse(arguments)?;
    if options.list {
        for gate in GATES {
            println!("{:18} {}", gate.name, gate.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let context = Context::new(workspace.clone());
    if let Some(file) = options.real {
        rust::tests_on_the_real_thing(&context, &file)?;
        return Ok(ExitCode::SUCCESS);
    }
    let outcomes: Vec<_> = select(&options)?
        .into_iter()
        .map(|gate| pass(gate, &context))
        .collect();
    print_table(&outcomes);
    print_sizes(workspace);
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.error.is_some())
        .count();
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--deep" => options.deep = true,
            "--list" => options.list = true,
            "--real" => options.real = Some(rest.next().context("--real needs a FILE")?.clone()),
            "--only" => {
                let names = rest.next().context("--only needs the names of gates")?;
                options.only.extend(names.split(',').map(str::to_owned));
            }
            other => bail!(
                "`{other}` is not an option of `cargo xtask test`; `cargo xtask help` shows them"
            ),
        }
    }
    Ok(options)
}

fn select(options: &Options) -> Result<Vec<&'static Gate>> {
    if let Some(unknown) = options
        .only
        .iter()
        .find(|name| GATES.iter().all(|gate| gate.name != **name))
    {
        bail!("there is no gate `{unknown}`; `cargo xtask test --list` shows them");
    }
    let wanted = |gate: &&Gate| {
        if options.only.is_empty() {
            gate.when == Depth::Normal || options.deep
        } else {
            options.only.iter().any(|name| gate.name == *name)
        }
    };
    Ok(GATES.iter().filter(wanted).collect())
}

fn pass(gate: &Gate, context: &Context) -> Outcome {
    println!("\n==> {}: {}", gate.name, gate.about);
    let start = Instant::now();
    let error = (gate.run)(context).err().map(|error| format!("{error:#}"));
    let time = start.elapsed();
    match &error {
        None => println!("<== {}: passed in {:.1} s", gate.name, time.as_secs_f64()),
        Some(error) => println!(
            "<== {}: FAILED after {:.1} s: {error}",
            gate.name,
            time.as_secs_f64()
        ),
    }
    Outcome {
        name: gate.name,
        time,
        error,
    }
}

fn print_table(outcomes: &[Outcome]) {
    println!("\n{:18} {:7} {:>8}", "gate", "result", "seconds");
    for outcome in outcomes {
        let result = if outcome.error.is_some() {
            "FAILED"
        } else {
            "passed"
        };
        println!(
            "{:18} {result:7} {:8.1}",
            outcome.name,
            outcome.time.as_secs_f64()
        );
    }
    for outcome in outcomes {
        if let Some(error) = outcome
            .error
            .as_ref()
            .and_then(|error| error.lines().next())
        {
            println!("{} failed: {error}", outcome.name);
        }
    }
}

fn print_sizes(workspace: &Workspace) {
    let mut products = ARCHITECTURES
        .map(|architecture| workspace.binary(architecture))
        .to_vec();
    products.push(workspace.tarball());
    for product in products {
        if let Ok(about) = std::fs::metadata(&product) {
            println!(
                "{}: {}",
                files::name(&product),
                files::megabytes(about.len())
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GATES, Options, parse, select};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read() {
        let options = parse(&words("--deep --only tidy,fmt --only doc --real pve.json")).unwrap();
        let expected = Options {
            deep: true,
            list: false,
            real: Some("pve.json".to_owned()),
            only: words("tidy fmt doc"),
        };
        assert_eq!(options, expected);
        assert!(parse(&words("--fast")).is_err());
        assert!(parse(&words("--real")).is_err());
    }

    #[test]
    fn deep_gates_run_only_when_asked() {
        let names = |line| -> Vec<_> {
            let gates = select(&parse(&words(line)).unwrap()).unwrap();
            gates.iter().map(|gate| gate.name).collect()
        };
        assert!(!names("").contains(&"tests-oldest-core"));
        assert_eq!(names("--deep").len(), GATES.len());
        assert_eq!(
            names("--only tests-oldest-core,fmt"),
            ["fmt", "tests-oldest-core"]
        );
    }

    #[test]
    fn unknown_gates_are_refused() {
        let error = select(&parse(&words("--only tidi")).unwrap())
            .err()
            .unwrap();
        assert!(error.to_string().contains("no gate `tidi`"));
    }
}
