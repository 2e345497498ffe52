//! Every form of error that the real program was seen to give.

use pve_client::{ApiPath, ErrorKind, Params, Transport};
use serde_json::Value;

use crate::fake::Fake;

fn kind(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Refused { .. } => "refused",
        ErrorKind::NotAllowed { .. } => "not allowed",
        ErrorKind::NotFound => "not found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Locked => "locked",
        ErrorKind::Server => "server",
        _ => "other",
    }
}

#[test]
fn recorded_errors_have_their_kind_and_lose_the_usage() {
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("../fixtures/pvesh-errors.json")).unwrap();
    assert!(recorded.len() > 50);
    for one in recorded {
        let stderr = one["stderr"].as_str().unwrap();
        let fake = Fake::saying("", stderr, one["rc"].as_i64().unwrap());
        let error = fake
            .transport()
            .read(&ApiPath::new("version"), &Params::new())
            .unwrap_err();
        assert_eq!(kind(error.kind()), one["kind"], "{stderr}");
        assert!(!error.to_string().contains("api_path"), "{error}");
        if let ErrorKind::Refused { parameters } = error.kind() {
            let mut names: Vec<&str> = parameters.keys().map(String::as_str).collect();
            names.sort_unstable();
            let expected: Vec<&str> = one["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            assert_eq!(names, expected, "{stderr}");
        }
    }
}
