//! `cargo xtask demo`: from sources to a cluster whose nodes an installed tarball has configured
//! and backed up over ssh, and the proof that a second run changes nothing.

mod report;

use std::path::{Path, PathBuf};
use std::process::Child;

use anyhow::{Context as _, Result, bail};

use self::report::{Lab, Report};
use crate::program::Program;
use crate::python::{self, Venv};
use crate::workspace::{COLLECTION, NAMESPACE, Workspace};
use crate::{dist, files, lab};

/// Where the demo puts everything it makes.
struct Demo {
    venv: Venv,
    collections: PathBuf,
    inventory: PathBuf,
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
        inventory: folder.join("lab/inventory.yml"),
    };
    demo.install(&workspace.tarball())?;

    step("start three simulated PVE nodes that are logged in to by ssh, on loopback");
    let lab = RunningLab::start(workspace, &folder.join("lab"))?;
    let shown = demo.show().and_then(|()| Lab::read(&lab.addresses)?.ask());
    let stopped = lab.stop();
    let reports = shown?;
    stopped?;

    step("what is there now, as the nodes say it");
    for report in &reports {
        println!("{}", report.text());
    }
    println!("The nodes have stopped; their archives stay where they are until the next demo.");
    println!("\nNext, for tries of your own:\n");
    print!("{}", demo.next(workspace, &reports));
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
        let predicted = self.play("site", &["--check", "--diff"])?;
        require(
            &predicted,
            Changes::Some,
            "check mode predicted no change on an empty cluster",
        )?;

        step("the same for real: the program, a storage, and the job of each environment");
        let made = self.play("site", &[])?;
        require(&made, Changes::Some, "the first run changed nothing")?;
        if changed(&predicted) != changed(&made) {
            bail!(
                "check mode predicted other changes per node than were made: {:?} and {:?}",
                changed(&predicted),
                changed(&made)
            );
        }

        step("once more: nothing is left to do");
        let again = self.play("site", &[])?;
        require(&again, Changes::None, "the second run changed something")?;

        step("run the jobs now, and wait for their archives");
        let saved = self.play("backup", &[])?;
        require(&saved, Changes::Some, "the jobs made nothing")
    }

    /// Runs a playbook of the collection, shows and returns what it printed.
    fn play(&self, name: &str, options: &[&str]) -> Result<String> {
        let program = self
            .venv
            .program("ansible-playbook")
            .arg("--inventory")
            .arg(&self.inventory)
            .args(options)
            .arg(format!("{NAMESPACE}.{COLLECTION}.{name}"))
            .env("ANSIBLE_COLLECTIONS_PATH", &self.collections)
            .next("what it printed stands below");
        println!("$ {}", program.line());
        let printed = program.output()?;
        println!("{}", printed.trim_end());
        Ok(printed)
    }

    /// Commands to copy. The demo's nodes are gone, so they start nodes of their own.
    fn next(&self, workspace: &Workspace, reports: &[Report]) -> String {
        let lab = workspace.target("lab");
        let binary = workspace
            .target("dist")
            .join(format!("reprise_{}", std::env::consts::ARCH));
        let root = quoted_path(workspace.root());
        let collections = quoted_path(&self.collections);
        let playbook = quoted_path(&self.venv.folder().join("bin/ansible-playbook"));
        let inventory = quoted_path(&lab.join("inventory.yml"));
        let ssh = quoted_path(&lab.join("ssh_config"));
        let binary = quoted_path(&binary);
        let mut lines = vec![format!("cd {root} && cargo xtask lab up")];
        lines.push(format!("export ANSIBLE_COLLECTIONS_PATH={collections}"));
        for what in ["site --check --diff", "site", "backup -e env=lab"] {
            lines.push(format!(
                "{playbook} -i {inventory} {NAMESPACE}.{COLLECTION}.{what}"
            ));
        }
        lines.push(format!("ssh -F {ssh} pve-lab reprise pve_info"));
        lines.push(format!(
            "{binary} vzdump_job --on root@pve-prod --ssh-config {ssh} --id reprise-prod --state run"
        ));
        lines.push("cargo xtask lab down".to_owned());
        // This one needs no node.
        let dump = reports
            .iter()
            .flat_map(|report| &report.archives)
            .find_map(|archive| archive.file.parent());
        if let Some(dump) = dump {
            lines.push(format!(
                "{binary} backup_verify --path {}",
                quoted_path(dump)
            ));
        }
        format!("    {}\n", lines.join("\n    "))
    }
}

/// A path as a shell takes it.
fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_=./:,@+%".contains(character);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What a run should have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    Some,
    None,
}

/// Reads the recap: one line per host with `changed=N`.
fn changed(printed: &str) -> Vec<u32> {
    printed
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("changed="))
        .filter_map(|count| count.parse().ok())
        .collect()
}

/// Every host changed something, or none did.
fn require(printed: &str, expected: Changes, otherwise: &str) -> Result<()> {
    let counts = changed(printed);
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
        let program = lab::launcher(workspace)?;
        files::make_empty_folder(folder)?;
        let child = Program::new(program)
            .args(["up", "--dir"])
            .arg(folder)
            .args(["--hosts", "--until-stdin-closes"])
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
    use super::{Changes, quoted, require};

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

    #[test]
    fn commands_can_be_copied_whatever_the_path() {
        assert_eq!(quoted("/a/b-c_1.yml"), "/a/b-c_1.yml");
        assert_eq!(quoted("/it's a/b"), r"'/it'\''s a/b'");
    }
}
