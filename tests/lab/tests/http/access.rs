//! Logging in, tokens, rights, and what is hidden instead of refused.

use reprise_lab::{GuestKind, Separation};
use serde_json::{Value, json};

use crate::support::{Api, NOON, OneNode, client, send};

fn token(lab: &OneNode, id: &str, separation: Separation) -> Api {
    let secret = lab.node().add_token(id, separation).unwrap();
    Api::new(lab.node(), id, &secret)
}

#[test]
fn a_401_has_no_body_and_says_why_in_the_reason_only() {
    let lab = OneNode::start();
    let url = format!("{}/api2/json/version", lab.node().url());
    let client = client(lab.node());
    let ask = |value: Option<&str>| {
        let request = client.get(&url);
        let request = match value {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        let answer = send(request).unwrap();
        assert_eq!((answer.status, answer.text.as_str()), (401, ""));
        answer.reason
    };
    assert_eq!(ask(None), "No ticket");
    assert_eq!(ask(Some("pveapitoken=root@pam!x=y")), "No ticket");
    assert_eq!(
        ask(Some("PVEAPIToken=root@pam!x=y")),
        "Authentication failed!"
    );
    assert_eq!(
        ask(Some("PVEAPIToken root@pam!x:y")),
        "Authentication failed!"
    );
}

#[test]
fn tickets_need_a_csrf_token_for_writes_and_end_after_two_hours() {
    let lab = OneNode::start();
    let client = client(lab.node());
    let base = format!("{}/api2/json", lab.node().url());
    let form = [
        ("username", "root@pam"),
        ("password", lab.node().password()),
    ];
    let login = send(client.post(format!("{base}/access/ticket")).form(&form))
        .unwrap()
        .data();
    let ticket = login["ticket"].as_str().unwrap();
    assert!(ticket.starts_with("PVE:root@pam:"), "{ticket}");
    let cookie = format!(
        "PVEAuthCookie={}",
        ticket.replace(':', "%3A").replace('+', "%2B")
    );
    let job = [
        ("id", "j1"),
        ("all", "1"),
        ("schedule", "daily"),
        ("script", "/bin/true"),
    ];
    let write = |csrf: Option<&str>| {
        let request = client
            .post(format!("{base}/cluster/backup"))
            .header("Cookie", &cookie)
            .form(&job);
        let request = match csrf {
            Some(csrf) => request.header("CSRFPreventionToken", csrf),
            None => request,
        };
        send(request).unwrap()
    };
    let refused = write(None);
    assert_eq!(
        (refused.status, refused.reason.as_str()),
        (401, "Permission denied - invalid csrf token")
    );
    assert_eq!(refused.text, "");
    // A login of root@pam is root: `script` is allowed.
    assert_eq!(
        write(login["CSRFPreventionToken"].as_str()).data(),
        Value::Null
    );
    let read = || {
        send(
            client
                .get(format!("{base}/version"))
                .header("Cookie", &cookie),
        )
        .unwrap()
    };
    assert_eq!(read().status, 200);
    lab.clock.set(NOON + 2 * 3600 + 1);
    assert_eq!(read().status, 401);
    // The old ticket is no password any more; within its time it renews itself.
    let renew = || {
        let form = [("username", "root@pam"), ("password", ticket)];
        send(client.post(format!("{base}/access/ticket")).form(&form))
            .unwrap()
            .status
    };
    assert_eq!(renew(), 401);
    lab.clock.set(NOON + 3600);
    assert_eq!(renew(), 200);
}

#[test]
fn a_token_of_root_is_not_root() {
    let lab = OneNode::start();
    let full = token(&lab, "root@pam!full", Separation::Shared);
    let answer = full.post(
        "/cluster/backup",
        &[("all", "1"), ("schedule", "daily"), ("script", "/x")],
    );
    assert_eq!(answer.status, 400);
    assert_eq!(answer.error("script"), "Only root may set this option.");
    let answer = full.get("/cluster/backup-info");
    assert_eq!(
        (answer.status, answer.reason.as_str()),
        (403, "Permission check failed (user != root@pam)")
    );
    let separated = token(&lab, "root@pam!sep", Separation::Separated);
    assert_eq!(
        separated.get("/cluster/backup").reason,
        "Permission check failed (/, Sys.Audit)"
    );
    assert_eq!(separated.get("/access/permissions").data(), json!({}));
}

#[test]
fn expired_tokens_and_disabled_users_fail_alike() {
    let lab = OneNode::start();
    let secret = lab
        .node()
        .add_token_until("root@pam!old", Separation::Shared, NOON - 1)
        .unwrap();
    let old = Api::new(lab.node(), "root@pam!old", &secret);
    assert_eq!(old.get("/version").reason, "Authentication failed!");
    lab.node().add_user("gone@pve", "x");
    let gone = token(&lab, "gone@pve!tk", Separation::Shared);
    assert_eq!(gone.get("/version").status, 200);
    lab.node().disable_user("gone@pve");
    assert_eq!(gone.get("/version").reason, "Authentication failed!");
}

#[test]
fn lists_hide_what_one_may_not_see() {
    let lab = OneNode::start();
    let node = lab.node();
    node.add_guest(100, GuestKind::Qemu, &[("name", "a")])
        .unwrap();
    node.add_guest(101, GuestKind::Lxc, &[("hostname", "b")])
        .unwrap();
    node.add_user("u@pve", "x");
    let user = token(&lab, "u@pve!tk", Separation::Shared);
    assert_eq!(user.get("/storage").data(), json!([]));
    assert_eq!(user.get("/nodes/pve1/qemu").data(), json!([]));
    let resources = user.get("/cluster/resources").data();
    assert_eq!(resources.as_array().unwrap().len(), 1, "only the node");
    assert_eq!(resources[0].get("maxmem"), None);
    node.grant("/vms/101", "u@pve", "PVEAuditor");
    assert_eq!(user.get("/nodes/pve1/lxc").data()[0]["vmid"], 101);
    // A role of a pool reaches its members.
    node.add_pool("p1", &[100]);
    node.grant("/pool/p1", "u@pve", "PVEVMUser");
    assert_eq!(user.get("/nodes/pve1/qemu").data()[0]["name"], "a");
    node.withdraw("/pool/p1", "u@pve");
    assert_eq!(user.get("/nodes/pve1/qemu").data(), json!([]));
    // The check comes before the question whether the thing exists.
    assert_eq!(
        user.get("/nodes/pve1/qemu/999/config").reason,
        "Permission check failed (/vms/999, VM.Audit)"
    );
}

#[test]
fn writing_jobs_needs_the_right_to_allocate_their_storage() {
    let lab = OneNode::start();
    let node = lab.node();
    node.add_storage("backups", "dir", &[("path", "/b"), ("content", "backup")])
        .unwrap();
    node.add_user("jobs@pve", "x");
    node.add_role("Jobs", "Sys.Audit,Sys.Modify");
    node.grant("/", "jobs@pve", "Jobs");
    let user = token(&lab, "jobs@pve!tk", Separation::Shared);
    let job = [
        ("id", "j1"),
        ("all", "1"),
        ("schedule", "daily"),
        ("storage", "backups"),
    ];
    let without = &job[..3];
    assert_eq!(
        user.post("/cluster/backup", without).reason,
        "Permission check failed (/storage/local, Datastore.Allocate)"
    );
    node.add_job(
        "j1",
        &[("all", "1"), ("schedule", "daily"), ("storage", "backups")],
    );
    // The check on the storage as it stands happens inside the lock.
    let answer = user.put("/cluster/backup/j1", &[("comment", "c")]);
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.reason,
        "403 Permission check failed (/storage/backups, Datastore.Allocate)"
    );
    assert_eq!(user.delete("/cluster/backup/j1").status, 200);
    node.add_role("Store", "Datastore.Allocate");
    node.grant("/storage/backups", "jobs@pve", "Store");
    assert_eq!(user.post("/cluster/backup", &job).status, 200);
    assert_eq!(
        user.put("/cluster/backup/j1", &[("delete", "storage")])
            .reason,
        "Permission check failed (/storage/local, Datastore.Allocate)"
    );
}
