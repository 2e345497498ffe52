//! Reads and plain writes.

use std::time::{Duration, Instant};

use pve_client::{ApiPath, Client, ErrorKind, Method, Params, Request, SystemTimer, Transport};
use serde_json::{Value, json};

use crate::fake::{Fake, version};

#[test]
fn an_answer_is_the_data_of_http() {
    let fake = Fake::saying(
        "{\"release\":\"8.4\",\"version\":\"8.4.21\"}\n",
        "perl: warning: Setting locale failed.\nno connection to syslog available\n",
        0,
    );
    let answer = fake.transport().read(&version(), &Params::new()).unwrap();
    assert_eq!(answer, json!({"release": "8.4", "version": "8.4.21"}));
    assert_eq!(fake.calls(), ["get /version --output-format=json"]);
    let empty = Fake::saying("", "", 0);
    assert_eq!(
        empty.transport().read(&version(), &Params::new()).unwrap(),
        Value::Null
    );
}

#[test]
fn the_program_finds_a_locale_that_reads_its_arguments() {
    let fake = Fake::doing("printf '\"%s %s\"' \"$LC_ALL\" \"$(pwd)\"; cat");
    let answer = fake.transport().read(&version(), &Params::new()).unwrap();
    assert_eq!(answer, json!("C.UTF-8 /"), "and nothing waits on stdin");
}

#[test]
fn much_on_both_outputs_blocks_nobody() {
    let fake = Fake::doing(
        "i=0; while [ $i -lt 3000 ]; do echo 'a warning of many words that fills the pipe' >&2; echo 'a line of the same length before the answer'; i=$((i+1)); done; echo '[1]'",
    );
    let answer = fake.transport().read(&version(), &Params::new()).unwrap();
    assert_eq!(answer, json!([1]));
}

#[test]
fn a_read_that_hangs_is_ended_and_counts_as_an_outage() {
    let mut fake = Fake::doing("echo $$ > \"$here/pid\"; exec sleep 60");
    fake.settings.patience.read = Duration::from_millis(500);
    let start = Instant::now();
    let error = fake
        .transport()
        .read(&version(), &Params::new())
        .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(error.kind(), &ErrorKind::Server);
    assert!(error.is_outage() && error.retry_is_safe(), "{error}");
    let process = format!("/proc/{}", fake.text("pid").trim());
    assert!(!std::fs::exists(process).unwrap());
}

#[test]
fn a_program_that_is_not_there() {
    let mut fake = Fake::saying("", "", 0);
    fake.settings.program = fake.path("no-such-program");
    let transport = fake.transport();
    let read = transport.read(&version(), &Params::new()).unwrap_err();
    assert!(read.to_string().contains("no-such-program"), "{read}");
    let written = transport
        .write(Method::Put, &version(), &Params::new())
        .unwrap_err();
    assert!(written.to_string().contains("no-such-program"), "{written}");
    assert!(written.retry_is_safe(), "{written:?}");
}

#[test]
fn reads_run_side_by_side_but_not_all_at_once() {
    let fake = Fake::doing(
        "echo + >> \"$here/trace\"; sleep 0.4; echo - >> \"$here/trace\"; echo \"\\\"$2\\\"\"",
    );
    let requests: Vec<Request> = (0..10)
        .map(|number| Request::new(ApiPath::new("nodes").join(number.to_string())))
        .collect();
    let answers = fake.transport().read_all(&requests);
    let expected: Vec<Value> = (0..10).map(|n| json!(format!("/nodes/{n}"))).collect();
    let answers: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, expected, "in the order of the requests");
    let mut running = 0_i32;
    let most = fake
        .text("trace")
        .lines()
        .map(|line| {
            running += if line == "+" { 1 } else { -1 };
            running
        })
        .max();
    assert!((2..=4).contains(&most.unwrap()), "{most:?} at once");
}

#[test]
fn a_write_says_its_words_and_takes_what_comes() {
    let fake = Fake::saying("update VM 110: -onboot 1\n", "some remark\n", 0);
    let params = Params::new()
        .with("onboot", true)
        .with("description", "ä\n--x");
    let path = ApiPath::new("nodes/pve1/qemu/110/config");
    let answer = fake.transport().write(Method::Put, &path, &params).unwrap();
    assert_eq!(answer, Value::Null);
    assert_eq!(
        fake.text("calls"),
        "set /nodes/pve1/qemu/110/config --onboot=1 --description=ä\n--x --output-format=json\n"
    );
    let left = std::fs::read_dir(&fake.settings.outputs).unwrap().count();
    assert_eq!(left, 0, "no output is left behind");
}

#[test]
fn outputs_go_elsewhere_when_the_folder_cannot_be_made() {
    let mut fake = Fake::saying("\"done\"", "", 0);
    fake.settings.outputs = fake.path("do").join("below-a-file");
    let answer = fake
        .transport()
        .write(Method::Post, &version(), &Params::new())
        .unwrap();
    assert_eq!(answer, json!("done"));
}

#[test]
fn root_is_not_asked_for_rights() {
    let fake = Fake::saying("[]", "", 0);
    let client = Client::pvesh(
        fake.settings.clone(),
        std::sync::Arc::new(SystemTimer::default()),
    );
    assert_eq!(client.identity().to_string(), "root@pam");
    assert!(client.storages().unwrap().is_complete());
    assert!(client.resources().unwrap().guests.is_complete());
    let rights = client.permissions().unwrap();
    assert!(rights.has("/vms/100", "VM.Backup") && rights.has_below("/", "Sys.Modify"));
    assert!(!rights.is_empty());
    let archives = rights.gap_for_archives(&"backups".parse().unwrap(), None);
    assert!(archives.is_none() && rights.gap_for_pools().is_none());
    assert!(client.permissions_on("/").unwrap().has("/", "Sys.Audit"));
    assert_eq!(fake.calls().len(), 2, "{:?}", fake.calls());
}
