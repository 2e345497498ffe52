//! A whole module in one file: what a program must do to be an Ansible module with this crate.
//!
//! `tests/process.rs` runs it; by hand: `echo '{"name": "x"}' | cargo run --example probe -- -`.

use std::{ffi::OsString, process::ExitCode};

use ansible_module::{
    Change, Diff, Output, Source,
    option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec},
    panic, parse,
};
use serde_json::json;

const SPEC: ArgumentSpec = ArgumentSpec {
    groups: &[OptionGroup {
        title: "Options",
        options: &[
            OptionSpec::new("name", Kind::Str, &["What is greeted."]).required(),
            OptionSpec::new("password", Kind::Str, &["A secret."])
                .no_log()
                .environment(&["PROBE_PASSWORD"]),
            OptionSpec::new("crash", Kind::Bool, &["Whether to panic."])
                .default(Default::Bool(false)),
        ],
    }],
    constraints: Constraints::NONE,
};

fn main() -> ExitCode {
    panic::install(7);
    let argument = std::env::args_os()
        .nth(1)
        .unwrap_or_else(|| OsString::from("-"));
    let output = run(&Source::from(argument.as_os_str()));
    let code = ExitCode::from(u8::from(output.is_failed()));
    // Nobody is left to tell when standard output is gone.
    output.print().ok();
    code
}

fn run(source: &Source) -> Output {
    #[expect(clippy::disallowed_methods, reason = "this is a front")]
    let environment = |name: &str| std::env::var(name).ok();
    let input = match source.read() {
        Ok(input) => input,
        Err(error) => return Output::from(&error).exit_code(2),
    };
    let parsed = match parse("probe", &SPEC, input, &environment) {
        Ok(parsed) => parsed,
        Err(error) => return Output::from(&*error).exit_code(2),
    };
    panic::protect(&parsed.secrets);
    let text = |name: &str| parsed.values.get(name).and_then(|value| value.as_str());
    let password = text("password").unwrap_or("none");
    let crash = parsed.values.get("crash") == Some(&json!(true));
    assert!(!crash, "asked to, with the password {password}");
    let greeting = format!("hello {}, {password}", text("name").unwrap_or_default());
    Output::of(&parsed)
        .change(Change::Changed)
        .field("greeting", greeting.as_str())
        .diff(Diff {
            before: json!(""),
            after: json!(greeting + "\n"),
            before_header: "nothing".to_owned(),
            after_header: "a greeting".to_owned(),
        })
}
