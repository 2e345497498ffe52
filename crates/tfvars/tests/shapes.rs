//! The shapes of files that are about, and what is read from each.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the report"
)]

use serde_json::{Value, json};
use tfvars::{Error, Kind, Map, Variables, connection, inventory};

const UUID: &str = "0f2c1f3e-6a5b-4c3d-9e8f-001122334455";

fn map(pairs: &[&str]) -> Map {
    let mut map = Map::default();
    for pair in pairs {
        map.add_pair(pair).unwrap();
    }
    map
}

fn call(text: &str, pairs: &[&str], given: &[(&str, &str)]) -> Result<Value, Error> {
    let file = Variables::parse("t.tfvars", text)?;
    let given = |name: &str| {
        let found = given.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    connection(&file, &map(pairs), &given).map(Value::Object)
}

fn hosts(text: &str, pairs: &[&str]) -> Result<Value, Error> {
    let file = Variables::parse("t.tfvars", text)?;
    inventory(&file, &map(pairs)).map(|inventory| inventory.to_value())
}

/// `name@address` of each host in each group.
fn brief(text: &str, pairs: &[&str]) -> String {
    let value = hosts(text, pairs).unwrap();
    let mut lines = Vec::new();
    for (group, members) in value.as_object().unwrap() {
        if let Some(hosts) = members["hosts"].as_array() {
            let hosts: Vec<String> = hosts
                .iter()
                .map(|host| {
                    let host = host.as_str().unwrap();
                    let address = &value["_meta"]["hostvars"][host]["ansible_host"];
                    format!("{host}@{}", address.as_str().unwrap())
                })
                .collect();
            lines.push(format!("{group}: {}", hosts.join(" ")));
        }
    }
    lines.join("; ")
}

const BPG: &str = r#"
proxmox_endpoint  = "https://192.0.2.10:8006/"
proxmox_api_token = "terraform@pve!reprise=0f2c1f3e-6a5b-4c3d-9e8f-001122334455"
proxmox_insecure  = true
nodes = {
  prod = { ip = "192.0.2.10" }
  lab  = { ip = "192.0.2.20" }
  mon  = { ip = "192.0.2.30/24" }
}
"#;

#[test]
fn variables_for_bpg() {
    assert_eq!(
        call(BPG, &[], &[]).unwrap(),
        json!({
            "api_host": "192.0.2.10",
            "api_port": "8006",
            "api_token_id": "terraform@pve!reprise",
            "api_token_secret": UUID,
        })
    );
    assert_eq!(
        hosts(BPG, &["ansible_user=ssh"]).unwrap_err().to_string(),
        "`t.tfvars`: there is no variable `ssh`; the file has `proxmox_endpoint`, `proxmox_api_token`, `proxmox_insecure`, `nodes`"
    );
    assert_eq!(
        hosts(BPG, &[]).unwrap(),
        json!({
            "_meta": {"hostvars": {
                "pve-prod": {"ansible_host": "192.0.2.10"},
                "pve-lab": {"ansible_host": "192.0.2.20"},
                "pve-mon": {"ansible_host": "192.0.2.30"},
            }},
            "all": {"children": ["pve", "lab", "mon", "prod"]},
            "pve": {"hosts": ["pve-prod", "pve-lab", "pve-mon"]},
            "lab": {"hosts": ["pve-lab"]},
            "mon": {"hosts": ["pve-mon"]},
            "prod": {"hosts": ["pve-prod"]},
        })
    );
}

#[test]
fn variables_for_telmate() {
    let telmate = format!(
        "pm_api_url = \"https://pve1.example.com:8006/api2/json\"\npm_api_token_id = \"tf@pam!t1\"\npm_api_token_secret = \"{UUID}\"\npm_user = \"other@pve\"\n"
    );
    assert_eq!(
        call(&telmate, &[], &[]).unwrap(),
        json!({
            "api_host": "pve1.example.com",
            "api_port": "8006",
            "api_token_id": "tf@pam!t1",
            "api_token_secret": UUID,
        })
    );
    // No node is named: the endpoint is one.
    assert_eq!(
        brief(&telmate, &[]),
        "pve: pve1.example.com@pve1.example.com"
    );
    let password = "pm_api_url = \"https://pve1:8006/api2/json\"\npm_user = \"root@pam\"\npm_password = <<EOT\np$a\"'ss\nEOT\n";
    assert_eq!(
        call(password, &[], &[]).unwrap(),
        json!({"api_host": "pve1", "api_port": "8006", "api_user": "root@pam", "api_password": "p$a\"'ss"})
    );
}

#[test]
fn json_is_taken_as_it_stands() {
    let text = json!({
        "proxmox": {"endpoint": "https://pve1", "password": "p${a}\"$\\", "username": "root@pam"},
        "nodes": [{"name": "pve-lab", "ip": "192.0.2.20"}],
    });
    let pretty = format!("{text:#}");
    assert_eq!(
        call(&pretty, &[], &[]).unwrap(),
        json!({"api_host": "pve1", "api_user": "root@pam", "api_password": "p${a}\"$\\"})
    );
    assert_eq!(
        brief(&pretty, &[]),
        "pve: pve-lab@192.0.2.20; lab: pve-lab@192.0.2.20"
    );
}

#[test]
fn other_shapes_by_default_and_by_map() {
    for (text, pairs, want) in [
        (
            "nodes = { prod = \"192.0.2.10\" }",
            &[][..],
            "pve: pve-prod@192.0.2.10; prod: pve-prod@192.0.2.10",
        ),
        (
            "nodes = [\"192.0.2.10\", \"192.0.2.11\"]",
            &[],
            "pve: 192.0.2.10@192.0.2.10 192.0.2.11@192.0.2.11",
        ),
        (
            "pve_nodes = { a = { address = \"h1\", env = \"staging\" } }",
            &[],
            "pve: a@h1; staging: a@h1",
        ),
        (
            "prod_ip = \"192.0.2.10\"\nx = { \"a.b\" = { c = \"192.0.2.20\" } }",
            &["nodes=prod_ip", "lab=x[\"a.b\"].c"],
            "pve: a.b@192.0.2.20 pve-prod@192.0.2.10; lab: a.b@192.0.2.20; prod: pve-prod@192.0.2.10",
        ),
        (
            "nodes = { prod = { ip = \"192.0.2.10\" } }",
            &["mon=nodes.prod.ip", "nodes=nodes.*.ip"],
            "pve: pve-prod@192.0.2.10; mon: pve-prod@192.0.2.10; prod: pve-prod@192.0.2.10",
        ),
        (
            "nodes = { pve = { ip = \"2001:db8::1\" } }",
            &[],
            "pve: pve-pve@2001:db8::1",
        ),
    ] {
        assert_eq!(brief(text, pairs), want);
    }
    let value = hosts(BPG, &["ansible_user=nodes.lab.ip"]).unwrap();
    assert_eq!(
        value["_meta"]["hostvars"]["pve-lab"]["ansible_user"],
        "192.0.2.20"
    );
}

#[test]
fn what_is_set_elsewhere_comes_first() {
    let both = format!("{BPG}\nproxmox_username = \"root@pam\"\nproxmox_password = \"hunter2\"\n");
    // A password that was given makes the file's token unwanted; the user belongs to it.
    let by_password = call(
        &both,
        &[],
        &[("api_password", "x"), ("api_host", "h"), ("api_port", "1")],
    );
    assert_eq!(by_password.unwrap(), json!({"api_user": "root@pam"}));
    let own_id = [("api_token_id", "terraform@pve!reprise"), ("api_host", "h")];
    assert_eq!(
        call(&both, &[], &own_id).unwrap(),
        json!({"api_token_secret": UUID})
    );
    // A secret does not go to another token.
    let other_id = [("api_token_id", "other@pve!cli"), ("api_host", "h")];
    assert_eq!(call(&both, &[], &other_id).unwrap(), json!({}));
    // What is not needed is not even looked at.
    let broken = "pm_api_url = var.url\npm_password = \"p\"\npm_user = \"root@pam\"\n";
    assert_eq!(
        call(broken, &[], &[("api_host", "h")]).unwrap(),
        json!({"api_user": "root@pam", "api_password": "p"})
    );
}

#[test]
fn tokens_in_their_forms() {
    let base = "proxmox_endpoint = \"h\"\n";
    let want = json!({"api_host": "h", "api_token_id": "a@pve!b", "api_token_secret": "s=1"});
    for text in [
        "proxmox_api_token = \"a@pve!b=s=1\"",
        "proxmox_api_token = \"PVEAPIToken=a@pve!b=s=1\"",
        "proxmox_api_token_id = \"a@pve!b\"\nproxmox_api_token = \"s=1\"",
        "proxmox_api_token_id = \"a@pve!b\"\nproxmox_api_token_secret = \"s=1\"",
        "pm_api_token_id = \"a@pve!b=s=1\"",
    ] {
        assert_eq!(
            call(&format!("{base}{text}"), &[], &[]).unwrap(),
            want,
            "{text}"
        );
    }
    let alone = format!("{base}proxmox_api_token = \"hunter2hunter2\"");
    let error = call(&alone, &[], &[]).unwrap_err();
    assert_eq!(error.kind(), Kind::Unfit);
    assert!(
        error
            .to_string()
            .contains("line 2: `proxmox_api_token` has not the form")
    );
    let mapped = call(
        "e = \"h\"\ni = \"a@pve!b\"\ns = \"s=1\"\nproxmox_api_token = \"x@pve!y=z\"",
        &["api_host=e", "api_token_id=i", "api_token_secret=s"],
        &[],
    );
    assert_eq!(mapped.unwrap(), want);
}

#[test]
fn what_would_be_evaluated_is_told() {
    for (value, what) in [
        ("\"${var.ip}\"", "a template"),
        ("\"https://${var.ip}:8006\"", "a template"),
        ("\"%{ if true }h%{ endif }\"", "a template"),
        ("var.ip", "a reference"),
        ("local.ips[0]", "a reference"),
        ("cidrhost(\"192.0.2.0/24\", 10)", "a function call"),
        ("true ? \"a\" : \"b\"", "an expression"),
        ("<<EOT\n${var.ip}\nEOT", "a template"),
    ] {
        let node = format!("\nnodes = {{\n  prod = {{ ip = {value}\n }}\n}}");
        for error in [hosts(&node, &[]), call(&node, &[], &[])] {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), Kind::NotPlain, "{value}: {error}");
            let says = format!("`t.tfvars` line 3: `nodes.prod.ip` is {what}, not a plain value");
            assert!(error.to_string().starts_with(&says), "{error}");
        }
        // A credential is not printed, but a broken one is told.
        let token = format!("nodes = [\"h\"]\nproxmox_api_token = {value}\n");
        let error = hosts(&token, &[]).unwrap_err();
        assert!(
            error.to_string().contains("line 2: `proxmox_api_token` is"),
            "{error}"
        );
    }
    let whole = hosts("nodes = var.nodes", &[]).unwrap_err();
    assert!(
        whole.to_string().contains("`nodes` is a reference"),
        "{whole}"
    );
    let in_json = "{\n  \"nodes\": {\n    \"prod\": {\"ip\": \"${var.ip}\"}\n  }\n}";
    let error = hosts(in_json, &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`t.tfvars` line 3: `nodes.prod.ip` is a template"),
        "{error}"
    );
    // What is only text is no template.
    let escaped = "pm_api_url = \"h\"\npm_user = \"root@pam\"\npm_password = \"a$${b}%%{c}$\"";
    assert_eq!(
        call(escaped, &[], &[]).unwrap()["api_password"],
        "a${b}%{c}$"
    );
}

#[test]
fn what_is_missing_or_not_clear() {
    for (text, pairs, kind, says) in [
        ("a = 1", &[][..], Kind::Missing, "the file has `a`"),
        ("", &[], Kind::Missing, "the file has nothing"),
        (
            "nodes = { a = { ip = \"h\" }, b = { address = \"h\" } }",
            &[],
            Kind::Missing,
            "`nodes.b` has no `ip`; it has `address`",
        ),
        ("x = null", &["nodes=x"], Kind::Unfit, "`x` is null"),
        ("x = \"\"", &["nodes=x"], Kind::Unfit, "`x` is empty"),
        ("x = [1]", &["nodes=x"], Kind::Unfit, "`x` is a list"),
        ("x = {}", &["nodes=x.*"], Kind::Missing, "`x` is empty"),
        (
            "x = { a = { ip = \"h\", name = \"n\" }, b = { ip = \"i\", name = \"n\" } }",
            &["nodes=x.*.ip"],
            Kind::Unfit,
            "would both be the host `n`",
        ),
        (
            "x = { a = { ip = \"h\", env = \"my env\" } }",
            &["nodes=x.*.ip"],
            Kind::Unfit,
            "cannot be the name of a group",
        ),
        (
            "x = { \"a b\" = { ip = \"h\" } }",
            &["nodes=x.*.ip"],
            Kind::Unfit,
            "cannot be a host's",
        ),
        (
            "nodes = [\"h\"]\nx = [\"a\", \"b\"]",
            &["api_host=x.*"],
            Kind::Map,
            "finds 2: `x.0`, `x.1`",
        ),
    ] {
        let error = hosts(text, pairs).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let several = call("nodes = { a = \"h\", b = \"i\" }", &[], &[]).unwrap_err();
    assert!(
        several.to_string().contains("2 nodes and no endpoint"),
        "{several}"
    );
    assert!(
        several
            .next_step()
            .unwrap()
            .contains("--map api_host=nodes.b")
    );
}

#[test]
fn files_that_are_broken() {
    for (text, says) in [
        ("a = 1\nb = \"x\nc = 2", "line 2, column"),
        ("a = 1\na = 2", "line 2, column"),
        ("variable \"x\" {\n}\n", "line 1: `variable` is a block"),
        ("{\n \"a\": 1,\n \"b\" 2}", "line 3, column"),
        ("{\n \"a\": 1,\n \"a\": 2}", "line 3: `a` stands twice"),
        (
            "{\"a\": {\"b\": 1,\n \"b\": 2}}",
            "line 2: `b` stands twice",
        ),
    ] {
        let error = Variables::parse("f", text).unwrap_err();
        assert_eq!(error.kind(), Kind::Syntax);
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    for (open, close) in [("[", "]"), ("{a=", "}"), ("(", ")"), ("\"${", "}\"")] {
        let deep = format!("a = {}1{}", open.repeat(20_000), close.repeat(20_000));
        assert_eq!(
            Variables::parse("f", &deep).unwrap_err().kind(),
            Kind::Syntax
        );
    }
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(
        Variables::parse("f", &deep).unwrap_err().kind(),
        Kind::Syntax
    );
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for path in [folder.path().join("none"), folder.path().to_owned()] {
        let error = Variables::read(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Unreadable);
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    let error = Variables::read(&write("binary", b"a = 1\n\xff\xfe")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 2: this is no text in UTF-8"),
        "{error}"
    );
    assert_eq!(
        Variables::read(std::path::Path::new("/dev/zero"))
            .unwrap_err()
            .kind(),
        Kind::Unreadable
    );
    assert!(Variables::read(&write("a.tfvars.json", b"a = 1")).is_err());
    assert!(Variables::read(&write("a.tfvars", b"\xef\xbb\xbfa = 1\r\n")).is_ok());
}
