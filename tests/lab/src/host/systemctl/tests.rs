use std::fs;

use tempfile::TempDir;

use super::*;

/// A node with a service that ends by itself and its timer.
fn node() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("etc/systemd/system");
    fs::create_dir_all(&units).unwrap();
    fs::write(
        units.join("check.service"),
        "[Unit]\nDescription=Checks\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    )
    .unwrap();
    fs::write(
        units.join("check.timer"),
        "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    )
    .unwrap();
    root
}

fn call(root: &TempDir, line: &str) -> Outcome {
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    run(root.path(), &words).unwrap()
}

fn property(root: &TempDir, unit: &str, name: &str) -> String {
    let shown = call(root, &format!("show --value -p {name} {unit}"));
    shown.out.trim_end().to_owned()
}

#[test]
fn enabling_makes_the_link_once_and_disabling_takes_it_away() {
    let root = node();
    let link = root
        .path()
        .join("etc/systemd/system/timers.target.wants/check.timer");
    assert_eq!(call(&root, "is-enabled check.timer").out, "disabled\n");
    let first = call(&root, "enable check.timer");
    assert_eq!(
        first.err,
        "Created symlink /etc/systemd/system/timers.target.wants/check.timer \u{2192} \
         /etc/systemd/system/check.timer.\n"
    );
    assert!(link.is_symlink());
    assert_eq!(call(&root, "enable check.timer"), Outcome::default());
    let asked = call(&root, "is-enabled check.timer");
    assert_eq!((asked.code, asked.out.as_str()), (0, "enabled\n"));
    call(&root, "disable --now check.timer");
    assert!(!link.is_symlink());
    assert_eq!(call(&root, "is-enabled check.timer").code, 1);
}

#[test]
fn a_unit_without_installation_is_static_and_says_so() {
    let root = node();
    assert_eq!(call(&root, "is-enabled check").out, "static\n");
    let enabled = call(&root, "enable check");
    assert_eq!(enabled.code, 0);
    assert!(
        enabled.err.contains("no installation config"),
        "{enabled:?}"
    );
}

#[test]
fn timers_wait_when_started_and_services_that_end_are_dead_again() {
    let root = node();
    assert_eq!(call(&root, "is-active check.timer").code, 3);
    assert_eq!(call(&root, "enable --now check.timer").code, 0);
    assert_eq!(call(&root, "is-active check.timer").out, "active\n");
    assert_eq!(property(&root, "check.timer", "SubState"), "waiting");
    assert_eq!(property(&root, "check.timer", "Triggers"), "check.service");
    assert_eq!(property(&root, "check", "TriggeredBy"), "check.timer");
    assert_eq!(call(&root, "start check").code, 0);
    assert_eq!(property(&root, "check", "ActiveState"), "inactive");
    assert!(call(&root, "list-timers").out.contains("check.timer"));
    assert_eq!(call(&root, "stop check.timer").code, 0);
    assert_eq!(call(&root, "status check.timer").code, 3);
}

#[test]
fn a_service_really_runs_on_request_and_its_failure_is_seen() {
    let root = node();
    let node = Node {
        root: root.path().to_owned(),
    };
    fs::write(node.lab().unwrap().join(RUN_UNITS), "").unwrap();
    let trace = root.path().join("trace");
    let unit = format!(
        "[Service]\nType=oneshot\nEnvironment=WORD=seen\nExecStart=/bin/sh -c 'echo ${{WORD}} > {}'\n\
         ExecStart=-/bin/false\n",
        trace.display()
    );
    let path = root.path().join("etc/systemd/system/check.service");
    fs::write(&path, unit).unwrap();
    assert_eq!(call(&root, "start check").code, 0);
    assert_eq!(fs::read_to_string(&trace).unwrap(), "seen\n");

    fs::write(
        &path,
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 5'\n",
    )
    .unwrap();
    let failed = call(&root, "start check");
    assert_eq!(failed.code, 1);
    assert!(
        failed.err.contains("Job for check.service failed"),
        "{failed:?}"
    );
    assert_eq!(call(&root, "is-failed check").code, 0);
    assert_eq!(property(&root, "check", "ExecMainStatus"), "5");
    call(&root, "reset-failed");
    assert_eq!(call(&root, "is-failed check").out, "inactive\n");
}

#[test]
fn changed_files_are_noticed_until_they_are_read_again() {
    let root = node();
    call(&root, "start check.timer");
    let path = root.path().join("etc/systemd/system/check.timer");
    fs::write(&path, "[Timer]\nOnCalendar=weekly\n").unwrap();
    assert_eq!(property(&root, "check.timer", "NeedDaemonReload"), "yes");
    assert!(call(&root, "restart check.timer").code == 0);
    assert_eq!(property(&root, "check.timer", "NeedDaemonReload"), "yes");
    assert_eq!(call(&root, "daemon-reload"), Outcome::default());
    assert_eq!(property(&root, "check.timer", "NeedDaemonReload"), "no");
}

#[test]
fn unknown_units_have_the_codes_and_texts_of_systemd() {
    let root = node();
    let expected = [
        (
            "start no",
            5,
            "Failed to start no.service: Unit no.service not found.\n",
        ),
        (
            "stop no",
            5,
            "Failed to stop no.service: Unit no.service not loaded.\n",
        ),
        (
            "enable no",
            1,
            "Failed to enable unit: Unit file no.service does not exist.\n",
        ),
        (
            "is-enabled no",
            1,
            "Failed to get unit file state for no.service: No such file or directory\n",
        ),
        ("status no", 4, "Unit no.service could not be found.\n"),
        ("cat no", 1, "No files found for no.service.\n"),
        ("frobnicate", 1, "Unknown command verb frobnicate.\n"),
        (
            "start --frob no",
            1,
            "systemctl: unrecognized option '--frob'\n",
        ),
    ];
    for (line, code, text) in expected {
        assert_eq!(call(&root, line), Outcome::failed(code, text), "{line}");
    }
    let active = call(&root, "is-active no");
    assert_eq!((active.code, active.out.as_str()), (3, "inactive\n"));
    assert_eq!(property(&root, "no", "LoadState"), "not-found");
}

#[test]
fn a_masked_unit_cannot_be_started_until_it_is_unmasked() {
    let root = node();
    let refused = call(&root, "mask check");
    assert_eq!(
        refused.err,
        "Failed to mask unit: File /etc/systemd/system/check.service already exists.\n"
    );
    assert_eq!(call(&root, "mask other").code, 0);
    assert_eq!(call(&root, "is-enabled other").out, "masked\n");
    let started = call(&root, "start other");
    assert_eq!(
        started.err,
        "Failed to start other.service: Unit other.service is masked.\n"
    );
    assert_eq!(call(&root, "unmask other").code, 0);
    assert_eq!(call(&root, "start other").code, 5);
}

#[test]
fn an_instance_uses_the_file_of_its_template() {
    let root = node();
    let units = root.path().join("etc/systemd/system");
    fs::write(
        units.join("check@.service"),
        "[Service]\nType=oneshot\nExecStart=/bin/true %i\n[Install]\nWantedBy=multi-user.target\n",
    )
    .unwrap();
    assert_eq!(call(&root, "enable check@one").code, 0);
    assert_eq!(call(&root, "is-enabled check@one").out, "enabled\n");
    assert_eq!(call(&root, "is-enabled check@two").out, "disabled\n");
    assert_eq!(call(&root, "start check@one").code, 0);
}
