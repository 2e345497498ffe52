//! What PVE says when it refuses, as kinds, texts and hints.

use std::collections::BTreeMap;

use pve_client::{Error, ErrorKind, Identity, NotSent, Refusal, refusal};

use crate::support::refused;

fn text(status: Option<u16>, text: &str) -> Error {
    refusal(Refusal {
        status,
        text: text.to_owned(),
        parameters: BTreeMap::new(),
    })
}

fn word(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Refused { .. } => "refused",
        ErrorKind::NotAllowed { .. } => "not allowed",
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::NotFound => "not found",
        ErrorKind::Conflict => "conflict",
        ErrorKind::Locked => "locked",
        ErrorKind::NotSent(_) => "not sent",
        ErrorKind::MayHaveBeenProcessed => "maybe",
        ErrorKind::Server => "server",
        ErrorKind::Protocol => "protocol",
        _ => "new",
    }
}

fn parameter(error: &Error, name: &str) -> String {
    match error.kind() {
        ErrorKind::Refused { parameters } => parameters.get(name).cloned().unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_recorded_refusal_has_its_kind() {
    for (name, kind) in [
        ("version-noauth", "unauthenticated"),
        ("version-badtoken", "unauthenticated"),
        ("ticket-bad", "unauthenticated"),
        ("ticket-missing", "refused"),
        ("ticket-post-auditor", "not allowed"),
        ("nobody-storage-content", "not allowed"),
        ("job-min", "refused"),
        ("job-dup", "conflict"),
        ("job-get-missing", "not found"),
        ("included-missing", "not found"),
        ("job-put-missing", "not found"),
        ("job-bad-schedule", "refused"),
        ("job-vmid-all", "refused"),
        ("job-none", "refused"),
        // A 403 for a pool that is not there.
        ("job-pool", "not found"),
        ("job-unknown-param", "refused"),
        ("job-bad-prune", "refused"),
        ("job-dow-only", "refused"),
        ("job-dumpdir", "refused"),
        ("put-del-schedule", "refused"),
        ("put-empty", "refused"),
        ("comment-newline", "refused"),
        ("job-notes-nl", "refused"),
        ("other-id", "refused"),
        ("storage-get-missing", "not found"),
        ("storage-put-missing", "not found"),
        ("status-missing", "not found"),
        ("post-dup", "conflict"),
        ("badnode", "not found"),
        ("vol-put-prot-third", "refused"),
        ("prune-imgonly", "refused"),
        ("task-status-bad", "refused"),
        ("task-status-unknown", "not found"),
        ("extractconfig-garbage", "not found"),
        ("no-such-path", "server"),
        ("qemu-create-dup", "conflict"),
        ("restore-exists", "conflict"),
        ("nextid-taken", "conflict"),
        ("restore-bad-archive", "not allowed"),
        ("lock-as-token", "not allowed"),
        ("config-locked", "locked"),
        // Nobody holds a lock whose file cannot be opened.
        ("lock-file-gone", "server"),
        ("lxc-stop", "refused"),
        ("agent-notrunning", "refused"),
        ("lxc-restore-protected", "refused"),
        ("content-disabled", "refused"),
        // The storage is there, its folder is not mounted.
        ("st-path-gone", "server"),
        ("gone-content", "server"),
        ("bad-then-post", "server"),
        ("json-error", "server"),
    ] {
        assert_eq!(word(&refused(name)), kind, "{name}: {}", refused(name));
    }
}

#[test]
fn parameters_are_read_from_errors_and_from_the_wrapped_text() {
    let proper = refused("job-min");
    assert_eq!(
        parameter(&proper, "schedule"),
        "neither 'starttime' nor 'schedule' were set"
    );
    let wrapped = refused("job-vmid-all");
    assert_eq!(
        parameter(&wrapped, "all"),
        "option conflicts with option 'vmid'"
    );
    assert_eq!(
        parameter(&refused("put-del-schedule"), "delete"),
        "unknown option 'schedule'"
    );
    let several = refused("job-bad-prune");
    assert!(parameter(&several, "prune-backups").contains("got 'x'"));
    assert!(
        wrapped
            .to_string()
            .contains("`all`: option conflicts with option 'vmid'"),
        "{wrapped}"
    );
}

#[test]
fn a_missing_job_is_told_in_three_ways() {
    for error in [
        refused("job-get-missing"),
        refused("job-put-missing"),
        text(
            Some(500),
            "400 Parameter verification failed.\nid: No such job 'x'\n",
        ),
    ] {
        assert_eq!(word(&error), "not found", "{error}");
    }
}

#[test]
fn a_wrapped_text_may_go_on_in_the_next_line() {
    let error = text(
        Some(500),
        "400 Parameter verification failed.\nschedule: invalid format - foo\n  more of it\nnode: bad\n",
    );
    assert_eq!(
        parameter(&error, "schedule"),
        "invalid format - foo more of it"
    );
    assert_eq!(parameter(&error, "node"), "bad");
}

#[test]
fn missing_privileges_are_named_with_their_path() {
    let error = refused("nobody-storage-content");
    let ErrorKind::NotAllowed { path, privileges } = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(path.as_deref(), Some("/storage/backups"));
    let names: Vec<&str> = privileges.iter().map(AsRef::as_ref).collect();
    assert_eq!(names, ["Datastore.Audit", "Datastore.AllocateSpace"]);
}

#[test]
fn a_403_wrapped_in_500_and_a_403_without_parentheses() {
    let wrapped = text(
        Some(500),
        "403 Permission check failed (/storage/B, Datastore.Allocate)\n",
    );
    assert_eq!(word(&wrapped), "not allowed");
    assert!(
        wrapped.hint().unwrap().contains("/storage/B"),
        "{:?}",
        wrapped.hint()
    );
    let bare = text(Some(403), "Permission check failed");
    assert!(matches!(
        bare.kind(),
        ErrorKind::NotAllowed { path: None, .. }
    ));
    let root = text(Some(403), "Permission check failed (user != root@pam)");
    assert!(matches!(
        root.kind(),
        ErrorKind::NotAllowed { path: None, .. }
    ));
}

fn asked_by(user: &str, token: Option<&str>) -> Identity {
    Identity {
        user: user.to_owned(),
        token: token.map(str::to_owned),
    }
}

#[test]
fn the_hint_grants_the_missing_right_to_this_caller() {
    let error =
        refused("ticket-post-auditor").asked_by(&asked_by("backup@pve", None), "https://pve1:8006");
    assert_eq!(
        error.hint().unwrap(),
        "grant it on the node:\n  \
         pveum role add RepriseRootSysModify --privs \"Sys.Audit,VM.Audit,Datastore.Audit,Pool.Audit,Sys.Modify\"\n  \
         pveum acl modify / --users 'backup@pve' --roles RepriseRootSysModify\n\
         an entry on `/` replaces, for this user, what comes from the paths above it; \
         so the role repeats the audit privileges"
    );
    let storage =
        refused("nobody-storage-content").asked_by(&asked_by("backup@pve", Some("cli")), "x");
    let hint = storage.hint().unwrap();
    for part in [
        "--privs \"Datastore.Audit\"",
        "pveum acl modify /storage/backups --users 'backup@pve' --roles RepriseStorageDatastoreAudit",
        "pveum acl modify /storage/backups --tokens 'backup@pve!cli' --roles RepriseStorageDatastoreAudit",
        "privilege separation",
        "one of these would do: `Datastore.AllocateSpace`",
    ] {
        assert!(hint.contains(part), "{part} is not in:\n{hint}");
    }
}

#[test]
fn a_token_of_root_is_told_about_its_own_rights_only() {
    let error = refused("ticket-post-auditor").asked_by(&asked_by("root@pam", Some("lab")), "x");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("--tokens 'root@pam!lab'") && !hint.contains("--users"),
        "{hint}"
    );
}

#[test]
fn what_only_root_may_do_is_said_so() {
    let error = refused("job-dumpdir").asked_by(&asked_by("root@pam", Some("lab")), "x");
    let hint = error.hint().unwrap();
    assert!(hint.contains("a token is never root"), "{hint}");
    let error = refused("lock-as-token").asked_by(&asked_by("root@pam", Some("lab")), "x");
    assert!(
        error.hint().unwrap().contains("a token is never root"),
        "{:?}",
        error.hint()
    );
}

#[test]
fn one_bad_job_that_blocks_all_is_explained() {
    let hint = refused("bad-then-post").hint().unwrap();
    assert!(hint.contains("/etc/pve/jobs.cfg"), "{hint}");
}

#[test]
fn gateways_and_lost_nodes() {
    assert_eq!(word(&text(Some(595), "Connection refused")), "not sent");
    assert!(matches!(
        text(Some(595), "x").kind(),
        ErrorKind::NotSent(NotSent::OtherNode)
    ));
    for status in [502, 503, 504, 596, 599] {
        assert_eq!(word(&text(Some(status), "x")), "maybe", "{status}");
    }
}

#[test]
fn pvesh_has_only_the_text() {
    let refused = text(
        None,
        "400 Parameter verification failed.\nschedule: neither 'starttime' nor 'schedule' were set\n",
    );
    assert_eq!(word(&refused), "refused");
    assert_eq!(
        word(&text(None, "storage 'nope' does not exist\n")),
        "not found"
    );
    assert_eq!(word(&text(None, "")), "server");
}

#[test]
fn the_same_change_by_two_is_a_conflict() {
    let error = text(
        Some(500),
        "detected modified configuration - file changed by other user? Try again.\n",
    );
    assert_eq!(word(&error), "conflict");
    assert!(error.hint().unwrap().contains("run again"));
}

#[test]
fn the_text_says_what_where_and_why() {
    let error = refused("job-dup")
        .during("create backup job `nightly`")
        .asked_by(&asked_by("backup@pve", None), "https://pve1:8006");
    assert_eq!(
        error.to_string(),
        "could not create backup job `nightly` on https://pve1:8006: conflict: Job 'nightly' already exists"
    );
}
