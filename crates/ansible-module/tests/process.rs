//! The example module as a process: what Ansible would see of it.

#![cfg(test)]

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

/// The example, which cargo builds beside the tests of this package.
fn probe() -> Command {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().unwrap().parent().unwrap();
    let program = folder.join("examples/probe");
    assert!(
        program.exists(),
        "run this with `cargo test -p ansible-module`, which builds examples"
    );
    #[expect(clippy::disallowed_methods, reason = "the test is about the process")]
    let mut command = Command::new(program);
    command
        .env_remove("PROBE_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(mut command: Command, input: &str) -> (Value, Output) {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_ascii());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
    assert!(text.ends_with('\n'), "{text}");
    (serde_json::from_str(&text).unwrap(), output)
}

fn stdin(input: &Value) -> (Value, Output) {
    let mut command = probe();
    command.arg("-");
    run(command, &input.to_string())
}

#[test]
fn arguments_come_by_file_and_the_environment_stands_in() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("probe-args");
    let arguments = json!({"name": "w\u{f6}rld", "_ansible_diff": true, "_module": "probe"});
    std::fs::write(&file, arguments.to_string()).unwrap();
    let mut command = probe();
    command.arg(&file).env("PROBE_PASSWORD", "hunter2");
    let (result, output) = run(command, "");
    assert_eq!(
        result,
        json!({
            "changed": true,
            "greeting": "hello w\u{f6}rld, ********",
            "diff": {
                "before": "",
                "after": "hello w\u{f6}rld, ********\n",
                "before_header": "nothing",
                "after_header": "a greeting",
            },
            "invocation": {"module_args": {
                "name": "w\u{f6}rld",
                "password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
                "crash": false,
            }},
        })
    );
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}

#[test]
fn a_panic_is_one_failed_result_without_secrets() {
    let (result, output) = stdin(&json!({"name": "x", "password": "hunter2", "crash": "yes"}));
    let message = result["msg"].as_str().unwrap();
    assert!(
        message.contains("asked to, with the password ********"),
        "{message}"
    );
    assert!(message.contains("examples/probe.rs:"), "{message}");
    assert_eq!(result["failed"], json!(true));
    assert_eq!(result["changed"], json!(false));
    assert_eq!(result["exit_code"], json!(7));
    assert_eq!(output.status.code(), Some(7));
    assert!(output.stderr.is_empty());
}

#[test]
fn what_cannot_be_read_is_a_failed_result() {
    let mut command = probe();
    command.arg("/nonexistent/args");
    let (result, output) = run(command, "");
    assert!(
        result["msg"]
            .as_str()
            .unwrap()
            .contains("`/nonexistent/args`"),
        "{result}"
    );
    assert_eq!(result["failed"], json!(true));
    assert_eq!(output.status.code(), Some(1));

    let (result, _) = stdin(&json!([1]));
    assert!(
        result["msg"]
            .as_str()
            .unwrap()
            .contains("one JSON object, not a list"),
        "{result}"
    );
}

#[test]
fn a_refused_argument_is_a_failed_result_in_the_words_of_core() {
    let (result, _) = stdin(&json!({"nam": "x", "password": "hunter2", "crash": "hunter2"}));
    assert_eq!(
        result,
        json!({
            "changed": false,
            "failed": true,
            "msg": "missing required arguments: name",
            "exit_code": 2,
            "invocation": {"module_args": {
                "password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
                "crash": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
            }},
        })
    );
}
