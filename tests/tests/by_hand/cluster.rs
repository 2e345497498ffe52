//! A cluster whose nodes share a storage: one of them reads its archives, the others believe it.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use reprise_lab::{GuestKind, Lab, LabConfig, Node, NodeConfig, Separation};
use reprise_tests::api::Api;
use reprise_tests::on_node::OnNode;
use reprise_tests::program::Program;
use reprise_tests::server::{Server, merged};
use reprise_tests::site::add_guests;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{succeeds, text};

const NODES: [&str; 3] = ["pve1", "pve2", "pve3"];
const TOKEN: &str = "root@pam!tests";
/// One guest on each node.
const GUESTS: [u32; 3] = [100, 200, 300];
/// Where the storage that the nodes share is mounted, and what `OnNode` shows of a node.
const SHARED: &str = "/srv/backups";

struct Cluster {
    on_nodes: Vec<OnNode>,
    lab: Lab,
    _folder: TempDir,
}

impl Cluster {
    fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("reprise-cluster-")
            .tempdir()?;
        let config = LabConfig::new(folder.path())
            .as_cluster()
            .sharing(SHARED)
            .with_nodes(NODES.map(NodeConfig::new).into());
        let lab = Lab::start(&config)?;
        let first = lab.node(NODES[0])?;
        first.add_token(TOKEN, Separation::Shared)?;
        first.add_storage(
            "images",
            "dir",
            &[("path", "/srv/images"), ("content", "images,rootdir")],
        )?;
        first.add_storage(
            "nas",
            "nfs",
            &[
                ("server", "192.0.2.9"),
                ("export", "/backups"),
                ("path", SHARED),
                ("content", "backup"),
                ("prune-backups", "keep-all=1"),
            ],
        )?;
        for (name, vmid) in NODES.into_iter().zip(GUESTS) {
            add_guests(lab.node(name)?, GuestKind::Qemu, vmid, 1)?;
        }
        first.add_job(
            "nightly",
            &[
                ("schedule", "03:00"),
                ("all", "1"),
                ("storage", "nas"),
                ("mode", "snapshot"),
            ],
        );
        let program = Path::new(env!("CARGO_BIN_EXE_lab-under-test"));
        let on_nodes = lab.nodes().iter();
        let on_nodes = on_nodes.map(|node| OnNode::new(node, program));
        Ok(Self {
            on_nodes: on_nodes.collect::<Result<_>>()?,
            lab,
            _folder: folder,
        })
    }

    fn node(&self, name: &str) -> Result<&Node> {
        self.lab.node(name)
    }

    fn server(&self, name: &str) -> Result<Server> {
        let node = self.node(name)?;
        let secret = node.tokens().remove(TOKEN).context("no token")?;
        Ok(Server::of_node(node, TOKEN, secret))
    }

    /// Has the job save every guest, each on its node, asked through one of them.
    fn back_up(&self) -> Result<()> {
        let options = merged(
            self.server(NODES[0])?.by_token()?,
            json!({"id": "nightly", "state": "run"}),
        );
        let ran = Program::under_test()?.module("vzdump_job", &options)?;
        succeeds(&ran, true);
        saved_everywhere(&ran)
    }

    /// `backup_verify` as root on a node.
    fn verify(&self, name: &str, more: Value) -> Result<Value> {
        let nodes = NODES.iter().zip(&self.on_nodes);
        let found = nodes.into_iter().find(|(node, _)| **node == name);
        let (_, on_node) = found.context("no such node")?;
        let options = merged(Map::new(), more);
        on_node.program()?.module("backup_verify", &options)
    }
}

/// Every guest was saved, each by its node.
fn saved_everywhere(ran: &Value) -> Result<()> {
    let mut made: Vec<_> = ran["runs"]
        .as_array()
        .context("no runs")?
        .iter()
        .map(|run| (run["vmid"].clone(), run["node"].clone()))
        .collect();
    made.sort_by_key(|(vmid, _)| vmid.as_u64());
    let expected: Vec<_> = GUESTS
        .into_iter()
        .zip(NODES)
        .map(|(vmid, node)| (json!(vmid), json!(node)))
        .collect();
    ensure!(made == expected, "{ran}");
    Ok(())
}

/// What was found of each archive: verdict, and who read it.
fn verdicts(result: &Value) -> Vec<(&str, &str)> {
    let archives = result["archives"].as_array();
    archives
        .into_iter()
        .flatten()
        .map(|archive| (text(archive, "verdict"), text(archive, "proof_by")))
        .collect()
}

/// The state of a guest, and why.
fn guest(result: &Value, vmid: u32) -> (&str, &str) {
    let guests = result["guests"].as_array().into_iter().flatten();
    let found = guests.into_iter().find(|guest| guest["vmid"] == vmid);
    found.map_or(("missing", ""), |guest| {
        (text(guest, "state"), text(guest, "why"))
    })
}

fn bytes_read(result: &Value) -> Option<u64> {
    result["summary"]["bytes_read"].as_u64()
}

#[test]
fn one_node_reads_and_the_others_believe_it() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.back_up()?;
    let options = json!({});

    // Before anybody read, the others know nothing, and that is never fine.
    let early = cluster.verify("pve2", options.clone())?;
    ensure!(verdicts(&early) == [("not_verified", ""); 3], "{early}");
    ensure!(bytes_read(&early) == Some(0), "{early}");
    for vmid in GUESTS {
        let (state, _) = guest(&early, vmid);
        ensure!(state == "unverified", "{early}");
    }
    ensure!(early["summary"]["ok"] == 0, "{early}");
    let said = early["archives"].to_string();
    ensure!(said.contains("node `pve1` verifies this storage"), "{said}");

    let read = cluster.verify("pve1", options.clone())?;
    ensure!(
        verdicts(&read).iter().all(|(verdict, _)| *verdict == "ok"),
        "{read}"
    );
    ensure!(
        verdicts(&read).len() == 3 && bytes_read(&read) > Some(0),
        "{read}"
    );
    for name in ["pve2", "pve3"] {
        let told = cluster.verify(name, options.clone())?;
        ensure!(verdicts(&told) == [("ok", "pve1"); 3], "{name}: {told}");
        ensure!(bytes_read(&told) == Some(0), "{name}: {told}");
        for vmid in GUESTS {
            ensure!(guest(&told, vmid).0 == "protected", "{name}: {told}");
        }
        ensure!(told["exit_code"] == 0, "{name}: {told}");
    }

    // Damage on the storage: the reader finds it, and the others say so, too.
    let dump = cluster.node("pve3")?.local(&format!("{SHARED}/dump"));
    let archive = std::fs::read_dir(&dump)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("vzdump-qemu-200-")
                && name.contains(".vma")
                && !name.ends_with(".notes")
        })
        .context("no archive of guest 200")?;
    let size = std::fs::metadata(&archive)?.len();
    std::fs::File::options()
        .write(true)
        .open(&archive)?
        .set_len(size / 2)?;
    let meanwhile = cluster.verify("pve2", options.clone())?;
    ensure!(guest(&meanwhile, 200).0 == "unverified", "{meanwhile}");
    let found = cluster.verify("pve1", options.clone())?;
    ensure!(
        guest(&found, 200).0 == "corrupt" && found["exit_code"] == 5,
        "{found}"
    );
    let told = cluster.verify("pve3", options)?;
    ensure!(
        guest(&told, 200).0 == "corrupt" && told["exit_code"] == 5,
        "{told}"
    );
    ensure!(verdicts(&told).contains(&("corrupt", "pve1")), "{told}");
    ensure!(bytes_read(&told) == Some(0), "{told}");
    Ok(())
}

#[test]
fn what_a_node_made_and_read_itself_is_not_called_unverified_there() -> Result<()> {
    let cluster = Cluster::start()?;
    let on_node = cluster.on_nodes.get(1).context("no second node")?;
    let options = json!({"id": "nightly", "state": "run", "vmid": [200]});
    let ran = on_node
        .program()?
        .module("vzdump_job", &merged(Map::new(), options))?;
    succeeds(&ran, true);
    // Another node reads the storage, and did not yet: this one says whose proof it has.
    let told = cluster.verify("pve2", json!({}))?;
    ensure!(verdicts(&told) == [("ok", "pve2")], "{told}");
    ensure!(
        guest(&told, 200).0 == "protected" && bytes_read(&told) == Some(0),
        "{told}"
    );
    // Nobody else takes its word.
    let third = cluster.verify("pve3", json!({}))?;
    ensure!(verdicts(&third) == [("not_verified", "")], "{third}");
    // As soon as the reader read it, that is what counts.
    cluster.verify("pve1", json!({}))?;
    let told = cluster.verify("pve2", json!({}))?;
    ensure!(verdicts(&told) == [("ok", "pve1")], "{told}");
    Ok(())
}

/// `pvesh` passes a call for another node on to it; the task is none of this machine.
#[test]
fn a_run_on_one_node_saves_the_guests_of_all() -> Result<()> {
    let cluster = Cluster::start()?;
    let on_node = cluster.on_nodes.first().context("no first node")?;
    let options = json!({"id": "nightly", "state": "run"});
    let ran = on_node
        .program()?
        .module("vzdump_job", &merged(Map::new(), options))?;
    succeeds(&ran, true);
    saved_everywhere(&ran)
}

#[test]
fn a_node_that_was_named_reads_alone() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.back_up()?;
    let named = json!({"verify_node": "pve3"});
    let first = cluster.verify("pve1", named.clone())?;
    ensure!(verdicts(&first) == [("not_verified", ""); 3], "{first}");
    let read = cluster.verify("pve3", named.clone())?;
    ensure!(
        bytes_read(&read) > Some(0) && read["exit_code"] == 0,
        "{read}"
    );
    let first = cluster.verify("pve1", named.clone())?;
    ensure!(verdicts(&first) == [("ok", "pve3"); 3], "{first}");
    ensure!(bytes_read(&first) == Some(0), "{first}");

    // Nobody steps in for it while it is down, and what it found before is not said to be of now.
    cluster.node("pve3")?.down()?;
    let alone = cluster.verify("pve1", named)?;
    ensure!(verdicts(&alone) == [("not_verified", ""); 3], "{alone}");
    let said = alone["archives"].to_string();
    ensure!(
        said.contains("`pve3`") && said.contains("verify_node"),
        "{said}"
    );
    Ok(())
}

#[test]
fn the_next_node_reads_while_the_first_is_down() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.back_up()?;
    cluster.verify("pve1", json!({}))?;
    cluster.node("pve1")?.down()?;
    // Its proofs are of these very files.
    let told = cluster.verify("pve3", json!({}))?;
    ensure!(verdicts(&told) == [("ok", "pve1"); 3], "{told}");

    let read = cluster.verify("pve2", json!({}))?;
    ensure!(bytes_read(&read) > Some(0), "{read}");
    ensure!(
        verdicts(&read).iter().all(|(verdict, _)| *verdict == "ok"),
        "{read}"
    );
    let told = cluster.verify("pve3", json!({}))?;
    ensure!(verdicts(&told) == [("ok", "pve2"); 3], "{told}");
    ensure!(bytes_read(&told) == Some(0), "{told}");

    // It comes back, and is the reader again; what it read before is still true.
    cluster.node("pve1")?.up()?;
    let back = cluster.verify("pve1", json!({}))?;
    ensure!(
        verdicts(&back).iter().all(|(verdict, _)| *verdict == "ok"),
        "{back}"
    );
    ensure!(
        bytes_read(&back) == Some(0) && back["exit_code"] == 0,
        "{back}"
    );
    Ok(())
}

#[test]
fn what_is_on_a_node_that_is_down_is_unknown() -> Result<()> {
    let cluster = Cluster::start()?;
    // Another job writes to what each node has for itself.
    add_guests(cluster.node("pve3")?, GuestKind::Qemu, 301, 1)?;
    let api = Api::new(&cluster.server("pve1")?)?;
    let first = cluster.node("pve1")?;
    first.add_job(
        "nightly",
        &[
            ("schedule", "03:00"),
            ("vmid", "100,200,300"),
            ("storage", "nas"),
        ],
    );
    first.add_job(
        "own",
        &[("schedule", "04:00"), ("vmid", "301"), ("storage", "local")],
    );
    cluster.back_up()?;
    let own = merged(
        cluster.server("pve1")?.by_token()?,
        json!({"id": "own", "state": "run"}),
    );
    succeeds(&Program::under_test()?.module("vzdump_job", &own)?, true);
    let listed = api.get("/nodes/pve3/storage/local/content?content=backup")?;
    ensure!(
        listed.as_array().is_some_and(|list| list.len() == 1),
        "{listed}"
    );

    cluster.node("pve3")?.down()?;
    let found = cluster.verify("pve1", json!({}))?;
    let (state, why) = guest(&found, 301);
    ensure!(
        state == "unknown" && why.contains("pve3"),
        "{state}, {why}: {found}"
    );
    ensure!(found["exit_code"] == 5, "{found}");
    // Whoever knows that it is down goes on without it.
    let known = json!({"fail_on": ["corrupt", "unreadable", "incomplete", "stale", "unprotected"]});
    let found = cluster.verify("pve1", known)?;
    ensure!(found["exit_code"] == 0, "{found}");
    ensure!(guest(&found, 100).0 == "protected", "{found}");
    ensure!(guest(&found, 301).0 == "unknown", "{found}");
    Ok(())
}
