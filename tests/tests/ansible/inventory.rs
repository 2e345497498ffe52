//! The inventory plugin and the inventory to start from, read by `ansible-inventory`.

use std::path::Path;

use anyhow::{Result, ensure};
use reprise_tests::ansible::Controller;
use reprise_tests::environment::Tools;
use reprise_tests::process::{self, Ended, Watch};
use reprise_tests::tests;
use reprise_tests::trial::WithTools;

pub(crate) const TESTS: &[WithTools] = tests![
    nodes_come_from_the_variables_of_terraform,
    the_inventory_to_start_from_is_one,
];

const VARIABLES: &str = r#"
proxmox_api_token = "backup@pve!cli=12345678-90ab-cdef-1234-567890abcdef"
nodes = {
  prod = { ip = "192.0.2.10", user = "root" }
  mon  = { ip = "192.0.2.30", user = "root" }
}
cluster = { attic = { address = "192.0.2.40" } }
"#;

fn listed(controller: &Controller, inventory: &Path) -> Result<Ended> {
    let tools = controller.tools();
    let mut command = process::command(tools.venv.join("bin/ansible-inventory"));
    command
        .args(["--list", "--inventory"])
        .arg(inventory)
        .env("HOME", controller.folder().join("home"))
        .env("ANSIBLE_HOME", controller.folder().join("home/.ansible"))
        .env("ANSIBLE_LOCAL_TEMP", controller.folder().join("local"))
        .env("ANSIBLE_CONFIG", controller.folder().join("ansible.cfg"))
        .env("ANSIBLE_COLLECTIONS_PATH", &tools.collections)
        .env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "1");
    process::run(command, b"", Watch::Nothing)
}

fn nodes_come_from_the_variables_of_terraform(tools: &Tools) -> Result<()> {
    let controller = Controller::new(tools)?;
    let folder = tempfile::tempdir_in(controller.folder())?;
    std::fs::write(folder.path().join("terraform.tfvars"), VARIABLES)?;
    let file = folder.path().join("infra.reprise.yml");
    let base = "plugin: reprise.pve.terraform\ntfvars: terraform.tfvars\n";

    std::fs::write(
        &file,
        format!("{base}keyed_groups:\n  - key: ansible_host\n    prefix: at\n"),
    )?;
    let ended = listed(&controller, &file)?;
    ensure!(ended.code == Some(0), "{}", ended.output());
    ensure!(!ended.output().contains("90ab-cdef"), "{}", ended.output());
    let found = ended.json()?;
    ensure!(found["prod"]["hosts"][0] == "pve-prod" && found["mon"]["hosts"][0] == "pve-mon");
    // Newer cores show that values from plugins are no templates.
    let address = &found["_meta"]["hostvars"]["pve-mon"]["ansible_host"];
    ensure!(address.to_string().contains("\"192.0.2.30\""), "{found}");
    ensure!(found["at_192_0_2_10"]["hosts"][0] == "pve-prod", "{found}");

    std::fs::write(
        &file,
        format!("{base}map:\n  lab: [cluster.attic.address]\n"),
    )?;
    let found = listed(&controller, &file)?.json()?;
    ensure!(
        found["_meta"]["hostvars"]
            .as_object()
            .is_some_and(|hosts| hosts.len() == 1)
            && found["lab"]["hosts"][0].is_string(),
        "{found}"
    );

    // What goes wrong is told with the program's own words.
    for (text, said) in [
        ("map:\n  lab: cluster.none.address\n", "none"),
        ("program: /nowhere/reprise\n", "/nowhere/reprise"),
        ("map:\n  - lab\n", "map"),
        (
            "maps:\n  lab: cluster.attic.address\n",
            "did you mean 'map'?",
        ),
        ("zzz: 1\n", "it knows compose"),
    ] {
        std::fs::write(&file, format!("{base}{text}"))?;
        let ended = listed(&controller, &file)?;
        ensure!(
            ended.code != Some(0) && ended.output().contains(said),
            "{text}: {}",
            ended.output()
        );
    }
    // Other files are not ours.
    let other = folder.path().join("infra.yml");
    std::fs::write(&other, base)?;
    ensure!(listed(&controller, &other)?.code != Some(0));
    Ok(())
}

fn the_inventory_to_start_from_is_one(tools: &Tools) -> Result<()> {
    let controller = Controller::new(tools)?;
    let example = tools
        .collections
        .join("ansible_collections/reprise/pve/playbooks/inventory.example");
    let ended = listed(&controller, &example)?;
    ensure!(ended.code == Some(0), "{}", ended.output());
    let found = ended.json()?;
    for environment in ["prod", "lab", "mon"] {
        let host = format!("pve-{environment}");
        ensure!(found[environment]["hosts"][0] == host.as_str(), "{found}");
        ensure!(found["_meta"]["hostvars"][&host]["backup_schedule_notify"].is_array());
    }
    Ok(())
}
