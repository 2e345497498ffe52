//! The order of the steps, check mode, consent, and a failure half-way.

use serde_json::{Value, json};

use super::*;
use crate::sample::{Sample, applied};
use crate::testing::{self, Server};

fn run(mode: Mode, options: Value, consent: &mut Consent<'_>) -> Outcome {
    let options = testing::options(&Sample::DECLARATION, options).unwrap();
    Server::default()
        .with_context(|context| Registered::of::<Sample>().run(options, context, mode, consent))
}

fn apply(options: Value) -> Outcome {
    run(Mode::Apply, options, &mut |_| Ok(()))
}

#[test]
fn actions_are_done_in_order() {
    let outcome = apply(json!({"steps": ["a", "b"]}));
    assert_eq!(applied(), ["a", "b"]);
    assert!(outcome.changed && outcome.failure.is_none());
    assert_eq!(outcome.report["steps_done"], json!(["a", "b"]));
    assert_eq!(outcome.preview.unwrap().actions, ["do a", "do b"]);
    assert!(outcome.rendered.starts_with("did a+b;"));
}

#[test]
fn check_mode_never_applies_and_asks_nobody() {
    let outcome = run(Mode::Check, json!({"steps": ["a"]}), &mut |_| {
        panic!("asked")
    });
    assert_eq!(applied(), [""; 0]);
    assert!(outcome.changed && outcome.failure.is_none());
    assert_eq!(outcome.report["steps_done"], json!([]));
    assert_eq!(outcome.preview.unwrap().actions, ["do a"]);
}

#[test]
fn nothing_to_do_is_no_change_and_asks_nobody() {
    for mode in [Mode::Apply, Mode::Check] {
        let outcome = run(mode, json!({}), &mut |_| panic!("asked"));
        assert!(!outcome.changed && outcome.failure.is_none());
    }
}

#[test]
fn without_consent_nothing_is_done() {
    let mut asked = Vec::new();
    let outcome = run(Mode::Apply, json!({"steps": ["a"]}), &mut |preview| {
        asked.clone_from(&preview.actions);
        Err(Failure::refused("not confirmed"))
    });
    assert_eq!(asked, ["do a"]);
    assert_eq!(applied(), [""; 0]);
    assert!(!outcome.changed);
    assert_eq!(outcome.failure.unwrap().exit, Exit::Refused);
}

#[test]
fn a_failure_half_way_says_what_was_done_and_what_is_left() {
    for code in [1, 2, 3, 4, 6, 7] {
        let outcome = apply(json!({"steps": ["a", "b", "c"], "fail_at": "b", "exit": code}));
        assert_eq!(applied(), ["a"]);
        assert!(outcome.changed);
        let failure = outcome.failure.unwrap();
        assert_eq!(failure.exit, Exit::NeedsAHand, "code {code}");
        assert_eq!(failure.message, "do b: it broke");
        assert_eq!(failure.hint.as_deref(), Some("Mend it."));
        assert_eq!(failure.done, ["do a"]);
        assert_eq!(failure.remaining, ["do b", "do c"]);
        assert!(outcome.report.is_empty());
    }
    let interrupted = apply(json!({"steps": ["a", "b"], "fail_at": "b", "exit": 130}));
    assert_eq!(interrupted.failure.unwrap().exit, Exit::Interrupted);
    applied();
}

#[test]
fn a_failure_of_the_first_action_keeps_its_code() {
    for (code, changed) in [(1, false), (3, false), (4, false), (7, true)] {
        let outcome = apply(json!({"steps": ["a", "b"], "fail_at": "a", "exit": code}));
        let failure = outcome.failure.unwrap();
        assert_eq!(i64::from(failure.exit.code()), code);
        assert!(failure.done.is_empty());
        assert_eq!(failure.remaining, ["do a", "do b"]);
        // What needs a hand may have been done.
        assert_eq!(outcome.changed, changed, "code {code}");
    }
    assert_eq!(applied(), [""; 0]);
}

#[test]
fn what_is_refused_before_has_no_plan() {
    for (step, exit) in [("nonsense", Exit::Usage), ("refused", Exit::Refused)] {
        let outcome = apply(json!({"steps": ["a", step]}));
        assert_eq!(outcome.failure.unwrap().exit, exit);
        assert!(outcome.preview.is_none() && !outcome.changed);
    }
    assert_eq!(applied(), [""; 0]);
}

#[test]
fn options_that_do_not_fit_name_the_module() {
    let options = Map::from_iter([("steps".to_owned(), json!("a"))]);
    let outcome = Server::default().with_context(|context| {
        Registered::of::<Sample>().run(options, context, Mode::Apply, &mut |_| Ok(()))
    });
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(
        failure
            .message
            .starts_with("the options of sample do not fit: "),
        "{failure}"
    );
}

#[test]
fn a_table_and_a_struct_that_differ_are_found() {
    assert_eq!(testing::table_and_args::<Sample>(json!({})), [""; 0]);
    let names = testing::field_names::<crate::sample::SampleArgs>();
    assert_eq!(
        names,
        ["steps", "fail_at", "exit", "secret", "nested", "flag"]
    );
}

#[test]
fn a_result_is_delivered_last_and_never_in_check_mode() {
    let options = json!({"steps": ["a"], "fail_at": "never"});
    apply(options.clone());
    assert_eq!(applied(), ["a", "delivered 1"]);
    run(Mode::Check, options, &mut |_| Ok(()));
    assert_eq!(applied(), [""; 0]);
}

#[test]
fn what_could_not_be_delivered_fails_the_run_and_hides_nothing_worse() {
    let outcome = apply(json!({"steps": ["a"], "fail_at": "delivery"}));
    assert_eq!(outcome.failure.unwrap().message, "cannot deliver");
    assert_eq!(outcome.report["steps_done"], json!(["a"]));
    let outcome = apply(json!({"steps": ["bad"], "fail_at": "delivery"}));
    assert_eq!(outcome.failure.unwrap().message, "it is bad");
    let warnings = outcome.preview.unwrap().warnings;
    assert!(
        warnings.contains(&"cannot deliver".to_owned()),
        "{warnings:?}"
    );
}
