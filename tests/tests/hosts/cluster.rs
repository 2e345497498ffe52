//! Nodes that are one cluster, as somebody sees it who logs in to them.

use anyhow::{Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::host::{HostLab, NODES};
use reprise_tests::tests;
use reprise_tests::trial::Needing;
use serde_json::Value;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![what_nodes_share_is_the_same_on_all];

const NAS: &str = "/mnt/pve/nas";

fn what_nodes_share_is_the_same_on_all(tools: &HostTools) -> Result<()> {
    let lab = HostLab::with(tools, |config| config.as_cluster().sharing(NAS))?;
    let [first, second] = [lab.host(NODES[0])?, lab.host(NODES[1])?];
    let options = "--type nfs --server 192.0.2.9 --export /backups --content backup";
    first.output(&format!("pvesh create /storage --storage nas {options}"))?;

    // A file that one writes, the other reads, renames and gives to the API.
    let name = "vzdump-qemu-100-2026_11_20-03_00_00.vma.zst";
    first.output(&format!(
        "echo content > {NAS}/dump/new; ln -s /nowhere {NAS}/link"
    ))?;
    second.output(&format!("mv {NAS}/dump/new {NAS}/dump/{name}"))?;
    ensure!(
        first.output(&format!("cat {NAS}/dump/{name}; readlink {NAS}/link"))?
            == "content\n/nowhere"
    );
    for (host, node) in [(&first, NODES[0]), (&second, NODES[1]), (&first, NODES[1])] {
        let line = format!("pvesh get /nodes/{node}/storage/nas/content --output-format json");
        let listed: Vec<Value> = serde_json::from_str(&host.output(&line)?)?;
        ensure!(
            listed.len() == 1 && listed[0]["volid"] == format!("nas:backup/{name}"),
            "{listed:?}"
        );
    }
    // Everything else is each node's own.
    first.output("echo own > /srv/own")?;
    ensure!(second.run("cat /srv/own")?.code != Some(0));

    // Who is down has no answer, and the cluster says so.
    lab.node(NODES[1])?.down()?;
    let nodes: Vec<Value> =
        serde_json::from_str(&first.output("pvesh get /nodes --output-format json")?)?;
    let states: Vec<_> = nodes.iter().map(|node| &node["status"]).collect();
    ensure!(states == ["online", "offline"], "{nodes:?}");
    let line = format!("pvesh get /nodes/{}/storage/nas/content", NODES[1]);
    let refused = first.run(&line)?;
    ensure!(
        refused.code != Some(0) && refused.output().contains("No route to host"),
        "{}",
        refused.output()
    );
    Ok(())
}
