//! `cargo xtask demo`: from sources to a cluster that an installed tarball has changed, and the
//! proof that a second run changes nothing.

mod inventory;

use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Context as _, Result, bail};

use crate::program::Program;
use crate::python::{self, Venv};
use crate::workspace::{Workspace, collection_in};
use crate::{dist, files, lab};

/// Where the demo puts everything it makes.
struct Demo {
    venv: Venv,
    collections: PathBuf,
    inventory: PathBuf,
    secrets: PathBuf,
}

/// Shows it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    step("build the static binary and the Galaxy tarball");
    dist::run(workspace)?;

    step("install the tarball with ansible-galaxy");
    let folder = workspace.target("demo");
    let demo = Demo {
        venv: python::tools(workspace)?,
        collections: folder.join("collections"),
        inventory: folder.join("inventory.json"),
        secrets: folder.join("secrets.json"),
    };
    demo.install(&workspace.tarball())?;

    step("start three simulated PVE nodes on loopback");
    let lab = RunningLab::start(workspace, &folder.join("lab"))?;
    let nodes = inventory::read(&lab.addresses)?;
    nodes.write(&demo.inventory, &demo.secrets)?;

    let shown = demo.show();
    let stopped = lab.stop();
    shown.and(stopped)?;
    println!(
        "\nLeft behind in {}: the inventory and the installed collection.",
        folder.display()
    );
    println!("Next: `cargo xtask lab up` keeps the nodes running for tries of your own;");
    println!("      README.md shows the first use on a real server.");
    Ok(())
}

impl Demo {
    fn install(&self, tarball: &Path) -> Result<()> {
        files::make_empty_folder(&self.collections)?;
        self.venv
            .program("ansible-galaxy")
            .args(["collection", "install", "--offline", "--collections-path"])
            .arg(&self.collections)
            .arg(tarball)
            .env("ANSIBLE_COLLECTIONS_PATH", &self.collections)
            .run()
    }

    fn show(&self) -> Result<()> {
        step("check mode: what would change");
        let predicted = self.play(&["--check", "--diff"])?;
        require(
            &predicted,
            Changes::Some,
            "check mode predicted no change on an empty cluster",
        )?;

        step("the same for real");
        let made = self.play(&["--diff"])?;
        require(&made, Changes::Some, "the first run changed nothing")?;

        step("once more: nothing is left to do");
        let again = self.play(&[])?;
        require(&again, Changes::None, "the second run changed something")
    }

    /// Runs the example playbook, shows and returns what it printed.
    fn play(&self, options: &[&str]) -> Result<String> {
        let playbook = collection_in(&self.collections).join("playbooks/demo.yml");
        let secrets = format!("@{}", self.secrets.display());
        let program = self
            .venv
            .program("ansible-playbook")
            .arg("--inventory")
            .arg(&self.inventory)
            .args(["--extra-vars", &secrets])
            .args(options)
            .arg(playbook)
            .env("ANSIBLE_COLLECTIONS_PATH", &self.collections)
            .next("what it printed stands below");
        println!("$ {}", program.line());
        let printed = program.output()?;
        println!("{}", printed.trim_end());
        Ok(printed)
    }
}

/// What a run should have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    Some,
    None,
}

/// Reads the recap: one line per host with `changed=N`.
fn require(printed: &str, expected: Changes, otherwise: &str) -> Result<()> {
    let counts: Vec<u32> = printed
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("changed="))
        .filter_map(|count| count.parse().ok())
        .collect();
    if counts.is_empty() {
        bail!("ansible-playbook printed no recap");
    }
    let as_expected = |count: &u32| match expected {
        Changes::Some => *count > 0,
        Changes::None => *count == 0,
    };
    if counts.iter().all(as_expected) {
        return Ok(());
    }
    bail!("{otherwise} (changed per node: {counts:?})")
}

/// The lab as our child: it ends when we close its stdin, also when we crash.
struct RunningLab {
    child: Child,
    addresses: PathBuf,
}

impl RunningLab {
    fn start(workspace: &Workspace, folder: &Path) -> Result<Self> {
        let program = lab::binary(workspace)?;
        files::make_empty_folder(folder)?;
        let child = Program::new(program)
            .args(["up", "--dir"])
            .arg(folder)
            .arg("--until-stdin-closes")
            .start()?;
        let mut running = Self {
            child,
            addresses: folder.join("lab.json"),
        };
        let child = &mut running.child;
        lab::wait_until_up(&running.addresses, || matches!(child.try_wait(), Ok(None)))?;
        Ok(running)
    }

    fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().context("could not wait for the lab")?;
        if status.success() {
            Ok(())
        } else {
            bail!("the lab ended with {status}")
        }
    }
}

fn step(what: &str) {
    println!("\n==> {what}");
}

#[cfg(test)]
mod tests {
    use super::{Changes, require};

    const RECAP: &str =
        "PLAY RECAP ***\npve1 : ok=2 changed=2 failed=0\npve2 : ok=2 changed=0 failed=0\n";

    #[test]
    fn one_node_that_differs_is_enough_to_fail() {
        let error = require(RECAP, Changes::None, "changed again")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "changed again (changed per node: [2, 0])");
        assert!(require(RECAP, Changes::Some, "nothing").is_err());
        require("pve1 : changed=0", Changes::None, "").unwrap();
        require("pve1 : changed=1", Changes::Some, "").unwrap();
    }

    #[test]
    fn no_recap_is_a_failure() {
        assert!(require("", Changes::None, "").is_err());
    }
}
