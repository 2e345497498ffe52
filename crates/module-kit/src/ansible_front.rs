//! The front that Ansible calls: a JSON object in, one line of JSON out.

use std::process::ExitCode;

use ansible_module::{Output, Parsed, Source, panic, take_selector};

use crate::clock::SystemClock;
use crate::connection;
use crate::context::Context;
use crate::driver::{Mode, Outcome, Registered};
use crate::exit::Exit;
use crate::{Environment, Failure};

/// Runs the module that the arguments name, or `named` by the program's own name.
///
/// Reads no settings file: what a play says is all there is.
pub fn run(
    modules: &[Registered],
    named: Option<&str>,
    source: &Source,
    environment: Environment<'_>,
) -> ExitCode {
    panic::install(Exit::NeedsAHand.code());
    let (output, exit) = result(modules, named, source, environment);
    let printed = output.exit_code(exit.code()).print();
    match (exit, printed) {
        (Exit::Done, Ok(())) => ExitCode::SUCCESS,
        // Ansible looks at `failed`, not at the code; 1 is what a module ends with by custom.
        _ => ExitCode::FAILURE,
    }
}

fn result(
    modules: &[Registered],
    named: Option<&str>,
    source: &Source,
    environment: Environment<'_>,
) -> (Output, Exit) {
    let mut arguments = match source.read() {
        Ok(arguments) => arguments,
        Err(error) => return (Output::from(&error), Exit::Usage),
    };
    let selected = take_selector(&mut arguments).or_else(|| named.map(str::to_owned));
    let known: Vec<&str> = modules
        .iter()
        .map(|module| module.declaration.name)
        .collect();
    let Some(name) = selected else {
        let message = format!(
            "the arguments do not say which module is meant: `{}` is missing. In a play use the modules' own names ({}), whose action plugins add it",
            ansible_module::SELECTOR,
            known.join(", ")
        );
        return (Output::empty().fail(message), Exit::Usage);
    };
    let Some(module) = modules
        .iter()
        .find(|module| module.declaration.name == name)
    else {
        let message = format!(
            "there is no module `{name}` in this binary; it has {}",
            known.join(", ")
        );
        return (Output::empty().fail(message), Exit::Usage);
    };
    match ansible_module::parse(&name, &module.declaration.spec, arguments, &|variable| {
        environment(variable)
    }) {
        Ok(parsed) => {
            panic::protect(&parsed.secrets);
            run_parsed(module, &parsed, environment)
        }
        Err(error) => (Output::from(&*error), Exit::Usage),
    }
}

fn run_parsed(
    module: &Registered,
    parsed: &Parsed,
    environment: Environment<'_>,
) -> (Output, Exit) {
    let mode = if parsed.control.check_mode {
        Mode::Check
    } else {
        Mode::Apply
    };
    let (options, connection) = connection::split(parsed.values.clone());
    let connect = || connection::client(&connection, environment);
    let context =
        Context::new(&SystemClock, &connect).keeping_state(on_node::state_folder(environment));
    let outcome = module.run(options, &context, mode, &mut |_| Ok(()));
    render(Output::of(parsed), outcome)
}

fn render(mut output: Output, outcome: Outcome) -> (Output, Exit) {
    output = output.change(outcome.changed.into());
    if let Some(preview) = outcome.preview {
        for warning in preview.warnings {
            output = output.warning(warning);
        }
        // After a failure half-way the diff would tell of more than was done.
        if outcome.failure.is_none() {
            if outcome.changed {
                output = output.diff(preview.diff);
            }
            output = output.field("actions", preview.actions);
        }
    }
    output = output.fields(outcome.report);
    match outcome.failure {
        None => (output, Exit::Done),
        Some(failure) => {
            let exit = failure.exit;
            (fail(output, failure), exit)
        }
    }
}

fn fail(mut output: Output, failure: Failure) -> Output {
    let message = failure.to_string();
    if !failure.done.is_empty() {
        output = output.field("done", failure.done);
    }
    if !failure.remaining.is_empty() {
        output = output.field("remaining", failure.remaining);
    }
    output.fail(message)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::{Value, json};

    use super::*;
    use crate::sample::{Sample, applied};

    const MODULES: &[Registered] = &[Registered::of::<Sample>()];

    fn of_text(text: &str, named: Option<&str>) -> (Value, Exit) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let source = Source::from(file.path().as_os_str());
        let environment = |name: &str| (name == "SAMPLE_SECRET").then(|| "env-secret".to_owned());
        let (output, exit) = result(MODULES, named, &source, &environment);
        (output.exit_code(exit.code()).into_value(), exit)
    }

    fn of(arguments: &Value) -> (Value, Exit) {
        of_text(&arguments.to_string(), None)
    }

    #[test]
    fn the_selector_or_the_name_of_the_program_says_which_module() {
        let (value, exit) = of(&json!({"_module": "sample", "steps": ["a"]}));
        assert_eq!((exit, &value["changed"]), (Exit::Done, &json!(true)));
        let (value, exit) = of_text(r#"{"steps": ["a"]}"#, Some("sample"));
        assert_eq!((exit, &value["actions"]), (Exit::Done, &json!(["do a"])));
        assert_eq!(applied(), ["a", "a"]);
        for (text, words) in [
            (r#"{"steps": []}"#, "`_module` is missing"),
            (
                r#"{"_module": "simple"}"#,
                "there is no module `simple` in this binary; it has sample",
            ),
            ("{", ""),
        ] {
            let (value, exit) = of_text(text, None);
            assert_eq!(exit, Exit::Usage);
            assert_eq!(value["failed"], true);
            assert_eq!(value["exit_code"], 2);
            assert!(value["msg"].as_str().unwrap().contains(words), "{value}");
        }
    }

    #[test]
    fn a_result_has_its_keys() {
        let arguments = json!({
            "_module": "sample", "steps": ["a"], "_ansible_diff": true, "_ansible_check_mode": true,
        });
        let (value, _) = of(&arguments);
        assert_eq!(applied(), [""; 0]);
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "changed",
                "actions",
                "steps_done",
                "about",
                "diff",
                "warnings",
                "exit_code",
                "invocation"
            ]
        );
        assert_eq!(value["diff"]["after"]["steps"], json!(["a"]));
        assert_eq!(value["exit_code"], 0);
    }

    #[test]
    fn without_a_difference_or_without_the_wish_there_is_no_diff() {
        let (value, _) = of(&json!({"_module": "sample", "steps": [], "_ansible_diff": true}));
        assert_eq!(value.get("diff"), None);
        assert_eq!(value["changed"], false);
        assert_eq!(value["actions"], json!([]));
        let (value, _) = of(&json!({"_module": "sample", "steps": ["a"]}));
        assert_eq!(value.get("diff"), None);
        applied();
    }

    #[test]
    fn a_failure_half_way_tells_what_is_left_and_shows_no_diff() {
        let (value, exit) = of(&json!({
            "_module": "sample", "steps": ["a", "b"], "fail_at": "b", "_ansible_diff": true,
        }));
        assert_eq!(exit, Exit::NeedsAHand);
        assert_eq!(value["failed"], true);
        assert_eq!(value["changed"], true);
        assert_eq!(value["msg"], "do b: it broke\nMend it.");
        assert_eq!(value["done"], json!(["do a"]));
        assert_eq!(value["remaining"], json!(["do b"]));
        assert_eq!(value["exit_code"], 7);
        assert_eq!(value.get("diff"), None);
        assert_eq!(value.get("actions"), None);
        assert_eq!(applied(), ["a"]);
    }

    #[test]
    fn no_secret_is_in_a_result_of_any_kind() {
        for more in [
            json!({"steps": ["a"]}),
            json!({"steps": ["a"], "fail_at": "a"}),
            json!({"steps": ["refused"]}),
            json!({"steps": 5, "exit": "env-secret"}),
            json!({"unknown": "arg-secret"}),
        ] {
            let mut arguments = json!({
                "_module": "sample", "_ansible_diff": true,
                "nested": {"token": "arg-secret"}, "api_password": "api-secret",
            });
            arguments
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let text = of(&arguments).0.to_string();
            for secret in ["env-secret", "arg-secret", "api-secret"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        applied();
    }
}
