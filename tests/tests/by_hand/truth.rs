//! Coverage where it is easily wrong: what an independent look at Proxmox VE would find.

use anyhow::{Context as _, Result, ensure};
use reprise_lab::{ArchiveSeed, GuestKind};
use serde_json::{Map, Value, json};

use crate::coverage::{Guests, is, states};
use crate::support::{fails, text, warnings};

fn guest(result: &Value, vmid: u32) -> Result<&Value> {
    let mut guests = result["guests"].as_array().into_iter().flatten();
    let found = guests.find(|guest| guest["vmid"] == vmid);
    found.with_context(|| format!("no guest {vmid}: {result}"))
}

#[test]
fn a_job_whose_storage_takes_nothing_protects_nobody() -> Result<()> {
    let guests = Guests::start()?;
    let node = guests.node()?;
    node.add_storage(
        "off",
        "dir",
        &[
            ("path", "/srv/off"),
            ("content", "backup"),
            ("disable", "1"),
        ],
    )?;
    node.add_storage("isos", "dir", &[("path", "/srv/isos"), ("content", "iso")])?;
    let (_there, program) = guests.there()?;
    for (storage, says) in [
        ("off", "storage `off` is disabled"),
        ("isos", "storage `isos` has no `backup` in its content"),
        ("gone", "storage `gone` does not exist"),
    ] {
        for id in ["named", "rest", "pooled"] {
            node.add_job(
                id,
                &[
                    ("schedule", "03:00"),
                    ("vmid", "100,200"),
                    ("storage", storage),
                ],
            );
        }
        let result = program.module("backup_verify", &Map::new())?;
        fails(&result, 5, &["200 `guest-200` is unprotected"]);
        is(&states(&result), 200, "unprotected", says);
    }
    Ok(())
}

#[test]
fn exceptions_of_a_pool_job_and_jobs_of_other_nodes_hide_nothing() -> Result<()> {
    let guests = Guests::start()?;
    let node = guests.node()?;
    for id in ["named", "rest", "off"] {
        node.add_job(
            id,
            &[("schedule", "03:00"), ("all", "1"), ("node", "elsewhere")],
        );
    }
    // Proxmox VE stores it and saves the guest.
    node.add_job(
        "pooled",
        &[
            ("schedule", "03:00"),
            ("pool", "services"),
            ("exclude", "100"),
            ("storage", "backups"),
        ],
    );
    node.set_guest_option(
        100,
        "scsi3",
        "images:100/vm-100-disk-3.raw,size=1M,backup=0",
    );
    let (_there, program) = guests.there()?;
    let result = program.module("backup_verify", &Map::new())?;
    let states = states(&result);
    is(&states, 100, "protected", "read and sound");
    is(&states, 200, "unprotected", "runs on another node than");
    let disks = guest(&result, 100)?["disks"].as_array().context("none")?;
    let left_out = disks.iter().find(|disk| disk["key"] == "scsi3");
    ensure!(
        left_out.is_some_and(|disk| disk["saved"] == false),
        "{disks:?}"
    );
    Ok(())
}

#[test]
fn a_wrong_clock_and_a_renamed_copy_are_not_fresh_backups() -> Result<()> {
    let guests = Guests::start()?;
    let sound = guests.content_of("vzdump-lxc-200-")?;
    let lay = |name: &str| guests.lay(&ArchiveSeed::new(name).with_content(sound.clone()));
    lay("vzdump-lxc-200-2099_01_01-00_00_00.tar.zst")?;
    // A year old, copied just now.
    lay("vzdump-lxc-201-of-last-year.tar.zst")?;
    let (_there, program) = guests.there()?;
    let result = program.module("backup_verify", &Map::new())?;
    let found = states(&result);
    is(&found, 200, "protected", "read and sound");
    let (state, why) = &found[&201];
    ensure!(
        state != "protected" && state != "unverified",
        "{state}: {why}"
    );
    Ok(())
}

#[test]
fn what_cannot_be_read_has_no_proof_and_says_when_it_was_tried() -> Result<()> {
    let guests = Guests::start()?;
    let folder = guests.node()?.local("/srv/backups/dump");
    let name = "vzdump-lxc-200-2026_01_05-00_00_00.tar.zst";
    std::os::unix::fs::symlink("/proc/self/mem", folder.join(name))?;
    let Value::Object(options) = json!({"path": folder.join(name), "remember": false}) else {
        unreachable!()
    };
    let result = guests.program().module("backup_verify", &options)?;
    fails(&result, 5, &["is unreadable"]);
    let one = &result["archives"][0];
    assert_eq!(one["proof_at"], Value::Null, "{one}");
    ensure!(one["tried_at"].is_i64(), "{one}");
    Ok(())
}

#[test]
fn a_policy_that_means_nobody_is_named() -> Result<()> {
    let guests = Guests::start()?;
    guests
        .node()?
        .add_guest(300, GuestKind::Lxc, &[("hostname", "new"), ("tags", "web")])?;
    let (_there, program) = guests.there()?;
    let options = json!({
        "rpo": {"tag:wbe": 6, "tag:web": 6, "pool:services": 6},
        "no_backup_expected": ["999", "200"],
        "fail_on": [],
    });
    let Value::Object(options) = options else {
        unreachable!()
    };
    let result = program.module("backup_verify", &options)?;
    let said = warnings(&result);
    ensure!(
        said.contains("`tag:wbe`") && said.contains("`999`"),
        "{said}"
    );
    ensure!(
        !said.contains("`tag:web`") && !said.contains("services"),
        "{said}"
    );
    let why = text(guest(&result, 200)?, "why");
    ensure!(why.contains("saved all the same by job"), "{why}");
    is(&states(&result), 300, "unprotected", "no archive");
    Ok(())
}
