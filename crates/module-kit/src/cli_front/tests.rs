//! What is typed becomes the options of a play; what comes out is the object of a play.

use std::io::Write;

use serde_json::{Value, json};

use super::given::parsed;
use super::*;
use crate::sample::{Sample, applied};

const SAMPLE: Registered = Registered::of::<Sample>();

fn matches(arguments: &[&str]) -> Result<ArgMatches, clap::Error> {
    command(&SAMPLE)
        .try_get_matches_from(std::iter::once("sample").chain(arguments.iter().copied()))
}

fn no_environment(_: &str) -> Option<String> {
    None
}

fn options(
    arguments: &[&str],
    environment: Environment<'_>,
) -> Result<Map<String, Value>, Failure> {
    parsed(&SAMPLE, &matches(arguments).unwrap(), environment)
        .map(|parsed| connection::split(parsed.values).0)
}

fn outcome(arguments: &[&str]) -> (Outcome, Secrets) {
    let matches = matches(arguments).unwrap();
    let parsed = parsed(&SAMPLE, &matches, &no_environment).unwrap();
    run_parsed(&SAMPLE, &matches, &parsed, &no_environment)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn flags_become_options() {
    let secret = file("typed-secret\n");
    let path = secret.path().to_str().unwrap();
    let config = file("");
    let options = options(
        &[
            "--config",
            config.path().to_str().unwrap(),
            "--steps",
            "a,b",
            "--steps",
            "c",
            "--flag",
            "--nested.level",
            "-3",
            "--nested.token-file",
            path,
            "--fail-at=-x",
        ],
        &no_environment,
    )
    .unwrap();
    assert_eq!(
        Value::Object(options),
        json!({
            "steps": ["a", "b", "c"], "fail_at": "-x", "exit": 1, "secret": null,
            "nested": {"level": -3, "token": "typed-secret"}, "flag": true,
        })
    );
}

#[test]
fn a_flag_may_say_no() {
    for (typed, value) in [
        ("--flag", true),
        ("--flag=true", true),
        ("--flag=false", false),
    ] {
        let config = file("");
        let config = config.path().to_str().unwrap();
        let options = options(&["--config", config, typed], &no_environment).unwrap();
        assert_eq!(options["flag"], value, "{typed}");
    }
}

#[test]
fn secrets_have_only_flags_with_files() {
    for typed in [
        "--secret",
        "--secret=hunter2",
        "--nested.token=hunter2",
        "--api-password=hunter2",
    ] {
        let error = matches(&[typed, "hunter2"]).unwrap_err();
        assert!(error.use_stderr());
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let empty = file("\n");
    let config = file("");
    let config = config.path().to_str().unwrap();
    for (path, words) in [
        (
            empty.path().to_str().unwrap(),
            "is empty; it should hold secret",
        ),
        (
            "/nonexistent/file",
            "cannot read secret from `/nonexistent/file`",
        ),
    ] {
        let failure = options(
            &["--config", config, "--secret-file", path],
            &no_environment,
        )
        .unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(words), "{failure}");
    }
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let config = file("sample:\n  secret: of-the-file\n  exit: 3\n  work: [x]\n");
    let config = config.path().to_str().unwrap();
    let environment =
        |name: &str| (name == "SAMPLE_SECRET").then(|| "of-the-environment".to_owned());
    let read = |arguments: &[&str], environment: Environment<'_>| {
        let mut all = vec!["--config", config];
        all.extend(arguments);
        options(&all, environment).unwrap()
    };
    assert_eq!(read(&[], &no_environment)["secret"], "of-the-file");
    assert_eq!(read(&[], &environment)["secret"], "of-the-environment");
    assert_eq!(read(&[], &environment)["exit"], 3);
    assert_eq!(read(&["--exit", "4"], &environment)["exit"], 4);
    // An alias in the file is the option itself.
    assert_eq!(read(&[], &no_environment)["steps"], json!(["x"]));
    assert_eq!(
        read(&["--steps", "a"], &no_environment)["steps"],
        json!(["a"])
    );
}

#[test]
fn wrong_usage_names_the_way_to_help() {
    let config = file("");
    let config = config.path().to_str().unwrap();
    let failure = options(&["--config", config, "--exit", "x"], &no_environment).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.message.contains("exit"), "{failure}");
    assert_eq!(
        failure.hint.as_deref(),
        Some("`sample --help` names every option.")
    );
}

#[test]
fn a_dry_run_does_nothing_and_yes_asks_nobody() {
    let config = file("");
    let config = config.path().to_str().unwrap();
    let (dry, _) = outcome(&["--config", config, "--steps", "a", "--dry-run"]);
    assert_eq!(applied(), [""; 0]);
    assert!(dry.changed && dry.failure.is_none());
    for consent in ["--yes", "--force"] {
        let (done, _) = outcome(&["--config", config, "--steps", "a", consent]);
        assert_eq!(applied(), ["a"]);
        assert!(done.failure.is_none());
    }
}

#[test]
fn the_object_is_that_of_a_play() {
    let config = file("sample:\n  secret: hunter2-is-long\n");
    let config = config.path().to_str().unwrap();
    let shown = |arguments: &[&str]| {
        let mut all = vec!["--config", config];
        all.extend(arguments);
        let (outcome, secrets) = outcome(&all);
        let exit = outcome
            .failure
            .as_ref()
            .map_or(Exit::Done, |failure| failure.exit);
        let mut value = json(&outcome, exit);
        secrets.mask(&mut value);
        assert!(!value.to_string().contains("hunter2"), "{value}");
        value
    };
    let done = shown(&["--steps", "a", "--yes"]);
    let keys: Vec<&String> = done.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "changed",
            "warnings",
            "diff",
            "actions",
            "steps_done",
            "about",
            "exit_code"
        ]
    );
    assert_eq!(done["exit_code"], 0);

    let failed = shown(&["--steps", "a,b", "--fail-at", "b", "--yes"]);
    let keys: Vec<&String> = failed.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "changed",
            "warnings",
            "failed",
            "msg",
            "done",
            "remaining",
            "exit_code"
        ]
    );
    assert_eq!(failed["exit_code"], 7);
    assert_eq!(failed["remaining"], json!(["do b"]));
    applied();
}

#[test]
fn help_names_defaults_variables_and_exit_codes() {
    let help = command(&SAMPLE).render_long_help().to_string();
    for words in [
        "[default: 1]",
        "[env: SAMPLE_SECRET]",
        "File that holds: A secret.",
        "--nested.token-file <FILE>",
        "--dry-run",
        "--force",
        "130  interrupted",
        "Remembers `steps`.",
    ] {
        assert!(help.contains(words), "`{words}` is not in:\n{help}");
    }
}
