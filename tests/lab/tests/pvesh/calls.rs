//! Calls that are done at once.

use std::time::{Duration, Instant};

use reprise_lab::{Fault, FaultRule, TaskFault, TaskFaultRule};
use serde_json::json;

use crate::support::{World, stderr, stdout};

#[test]
fn a_job_is_made_read_changed_and_removed_as_root() {
    let world = World::start();
    let made = world.run(&[
        "create",
        "/cluster/backup",
        "--id",
        "j1",
        "--schedule=daily",
        "--all",
        "yes",
        "--script",
        "/bin/true",
        "--comment",
        "nächtlich",
        "--exclude-path",
        "/a b",
        "--exclude-path",
        "/c",
        "--output-format",
        "json",
    ]);
    assert_eq!(
        (made.status.code(), stdout(&made), stderr(&made)),
        (Some(0), String::new(), String::new())
    );
    let read = world.run(&["get", "cluster/backup/j1", "-output-format", "json"]);
    assert_eq!(
        stdout(&read),
        "{\"all\":1,\"comment\":\"nächtlich\",\"enabled\":1,\"exclude-path\":[\"/a b\",\"/c\"],\"id\":\"j1\",\"schedule\":\"daily\",\"script\":\"/bin/true\",\"type\":\"vzdump\"}\n"
    );
    let set = world.run(&["set", "/cluster/backup/j1", "--enabled", "off"]);
    assert_eq!(set.status.code(), Some(0));
    assert_eq!(world.json(&["get", "/cluster/backup/j1"])["enabled"], 0);
    assert_eq!(
        stdout(&world.run(&["ls", "/cluster/backup"])),
        "-rw-d        j1\n"
    );
    world.run(&["delete", "/cluster/backup/j1"]);
    assert_eq!(world.json(&["get", "/cluster/backup"]), json!([]));
    let entry = &world.node().journal()[0];
    assert_eq!(entry.identity.as_deref(), Some("root@pam"));
    assert_eq!((entry.method.as_str(), entry.status), ("POST", 200));
}

#[test]
fn errors_are_texts_and_codes_that_mean_nothing() {
    let world = World::start();
    for (words, code, text) in [
        (
            &["get", "/nodes/pve1/lxc/999/config"][..],
            2,
            "Configuration file 'nodes/pve1/lxc/999.conf' does not exist\n",
        ),
        (
            &["get", "/cluster/backup/nope"],
            255,
            "400 Parameter verification failed.\nid: No such job 'nope'\npvesh get <api_path> [OPTIONS] [FORMAT_OPTIONS]\n",
        ),
        (
            &["create", "/nodes/pve1/lxc", "--vmid", "461"],
            255,
            "400 Parameter verification failed.\nostemplate: property is missing and it is not optional\npvesh create <api_path> --ostemplate <string> --vmid <integer> [OPTIONS] [FORMAT_OPTIONS]\n",
        ),
        (
            &["set", "/cluster/backup/x", "--enabled", "maybe"],
            255,
            "400 unable to parse boolean option\npvesh set <api_path> [OPTIONS] [FORMAT_OPTIONS]\n",
        ),
        (
            &["get", "/version", "--noproxy"],
            255,
            "400 Parameter verification failed.\nnoproxy: property is not defined in schema and the schema does not allow additional properties\npvesh get <api_path> [OPTIONS] [FORMAT_OPTIONS]\n",
        ),
        (
            &["get", "/foo/bar"],
            1,
            "No 'get' handler defined for '/foo/bar'\n",
        ),
        (
            &["get", "/nodes/nosuch/status"],
            255,
            "hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Name or service not known\n",
        ),
    ] {
        let output = world.run(words);
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(code), text),
            "{words:?}"
        );
        assert_eq!(stdout(&output), "", "{words:?}");
    }
    let bare = world.run(&[]);
    assert_eq!(bare.status.code(), Some(255));
    assert!(stderr(&bare).starts_with("ERROR: no command specified\nUSAGE: pvesh <COMMAND>"));
    assert_eq!(
        world.json(&["--noproxy", "get", "/version"])["release"],
        "8.4"
    );
}

#[test]
fn faults_hit_pvesh_too() {
    let world = World::start();
    let fault = |fault| {
        world
            .node()
            .inject(FaultRule::new("/cluster/backup", fault).times(1));
    };
    let job = |id: &str| {
        let words = [
            "create",
            "/cluster/backup",
            "--all",
            "1",
            "--schedule",
            "daily",
        ];
        world.run(&[&words[..], &["--id", id]].concat()).status
    };
    fault(Fault::CutBefore);
    assert_eq!(job("j1").code(), None, "it was killed");
    assert_eq!(world.json(&["get", "/cluster/backup"]), json!([]));
    fault(Fault::CutAfterProcessing);
    assert_eq!(job("j1").code(), None, "it was killed");
    fault(Fault::CutBody(4));
    let cut = world.run(&["get", "/cluster/backup/j1", "--output-format", "json"]);
    assert_eq!((cut.status.code(), stdout(&cut).as_str()), (None, "{\"al"));
    fault(Fault::Status(500, "got no worker upid".to_owned()));
    let failed = world.run(&["get", "/cluster/backup"]);
    assert_eq!(
        (failed.status.code(), stderr(&failed).as_str()),
        (Some(255), "got no worker upid\n")
    );
    fault(Fault::Delay(Duration::from_millis(300)));
    let before = Instant::now();
    assert_eq!(world.json(&["get", "/cluster/backup"])[0]["id"], "j1");
    assert!(before.elapsed() >= Duration::from_millis(300));
    world.node().down().unwrap();
    let down = world.run(&["get", "/version"]);
    assert_eq!(down.status.code(), Some(255));
    assert!(
        stderr(&down).contains("the node does not answer"),
        "{down:?}"
    );
    world.node().up().unwrap();
    assert_eq!(world.json(&["get", "/version"])["release"], "8.4");
}

#[test]
fn a_call_costs_what_it_costs_on_a_node() {
    let cost = Duration::from_millis(250);
    let world = World::with(|config| config.delay_of_pvesh = cost);
    let before = Instant::now();
    assert_eq!(world.json(&["get", "/version"])["release"], "8.4");
    assert!(before.elapsed() >= cost);
}

#[test]
fn a_failing_task_is_no_failing_program() {
    let world = World::start();
    let rule = TaskFaultRule::new("vzdump", TaskFault::Fail("no more".to_owned()));
    world.node().inject_into_tasks(rule.after_lines(2).times(1));
    let words = ["create", "/nodes/pve1/vzdump", "--vmid", "300"];
    let ran = world.run(&[&words[..], &["--storage", "backups", "--quiet"]].concat());
    assert_eq!(
        (ran.status.code(), stderr(&ran).as_str()),
        (Some(0), "job errors\n")
    );
    assert!(stdout(&ran).contains("ERROR: Backup of VM 300 failed - no more\n"));
    assert!(!stdout(&ran).contains("UPID"), "{ran:?}");
}

#[test]
fn a_user_gets_roles_and_a_token_and_takes_them_along_when_it_goes() {
    let world = World::start();
    let done = |words: &[&str]| {
        let ended = world.run(words);
        assert_eq!(
            ended.status.code(),
            Some(0),
            "{words:?}: {}",
            stderr(&ended)
        );
        stdout(&ended)
    };
    let user = ["create", "/access/users", "--userid", "backup@pve"];
    done(&[&user[..], &["--comment", "made by a test"]].concat());
    done(&[
        "create",
        "/access/roles",
        "--roleid",
        "Look",
        "--privs",
        "VM.Audit Sys.Audit",
    ]);
    done(&[
        "set",
        "/access/roles/Look",
        "--privs",
        "VM.Backup",
        "--append",
        "1",
    ]);
    done(&[
        "set",
        "/access/acl",
        "--path",
        "/vms",
        "--users",
        "backup@pve",
        "--roles",
        "Look",
    ]);
    let token = "/access/users/backup@pve/token/one";
    let secret = done(&[
        "create",
        token,
        "--privsep",
        "0",
        "--comment",
        "x",
        "--output-format",
        "json",
    ]);
    let start = "{\"full-tokenid\":\"backup@pve!one\",\"info\":{\"comment\":\"x\",\"privsep\":\"0\"},\"value\":\"";
    assert!(secret.starts_with(start), "{secret}");

    let listed = world.json(&["get", "/access/users"]);
    let mut listed = listed.as_array().unwrap().iter();
    let one = listed.find(|user| user["userid"] == "backup@pve").unwrap();
    assert_eq!(
        *one,
        json!({"userid": "backup@pve", "comment": "made by a test", "enable": 1, "expire": 0, "realm-type": "pve"})
    );
    let roles = world.json(&["get", "/access/roles"]);
    let looking = |role: &&serde_json::Value| role["roleid"] == "Look";
    let role = roles.as_array().unwrap().iter().find(looking).unwrap();
    assert_eq!(
        *role,
        json!({"roleid": "Look", "privs": "Sys.Audit,VM.Audit,VM.Backup", "special": 0})
    );
    assert_eq!(
        world.json(&["get", "/access/roles/PVEDatastoreUser"]),
        json!({"Datastore.AllocateSpace": 1, "Datastore.Audit": 1})
    );

    done(&["delete", "/access/users/backup@pve"]);
    assert_eq!(world.json(&["get", "/access/acl"]), json!([]));
    done(&["delete", "/access/roles/Look"]);
    // One that is gone is gone again without a word.
    done(&["delete", "/access/users/backup@pve"]);
}

#[test]
fn users_and_roles_are_refused_in_the_words_of_a_node() {
    let world = World::start();
    for (words, text) in [
        (
            &["create", "/access/users", "--userid", "root@pam"][..],
            "create user failed: user 'root@pam' already exists\n",
        ),
        (
            &["create", "/access/roles", "--roleid", "NoAccess"],
            "create role failed: role 'NoAccess' already exists\n",
        ),
        (
            &["delete", "/access/roles/PVEAdmin"],
            "auto-generated role 'PVEAdmin' cannot be deleted\n",
        ),
        (
            &["delete", "/access/roles/Gone"],
            "delete role failed: role 'Gone' does not exist\n",
        ),
        (
            &["get", "/access/users/nobody@pve"],
            "no such user ('nobody@pve')\n",
        ),
    ] {
        let ended = world.run(words);
        assert_eq!(stderr(&ended), text, "{words:?}");
        assert_ne!(ended.status.code(), Some(0));
    }
}
