//! A backup job prunes while `backup_verify` reads on a node: guests are judged by what is left.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reprise_lab::ArchiveSeed;
use serde_json::Value;

use crate::coverage::{Guests, is, states};
use crate::meanwhile::{Running, large};
use crate::support::{text, warnings};

/// Old enough to be stale.
const OLD: &str = "vzdump-qemu-100-2026_01_01-00_00_00.vma";

/// The archives of a guest, by name, with their verdicts.
fn archives_of(result: &Value, vmid: u64) -> Vec<(&str, &str)> {
    let archives = result["archives"].as_array();
    let of_it = archives
        .into_iter()
        .flatten()
        .filter(|archive| archive["vmid"] == vmid);
    of_it
        .map(|archive| (text(archive, "volid"), text(archive, "verdict")))
        .collect()
}

#[test]
fn who_lost_an_archive_is_judged_by_what_is_left_and_what_came() -> Result<()> {
    let guests = Guests::start()?;
    guests.lay(&ArchiveSeed::new(OLD).with_content(large()?))?;
    let (_node, program) = guests.there()?;
    let slow = guests.node()?.local("/srv/backups/dump").join(OLD);
    let only = |prefix: &str| -> Result<std::path::PathBuf> {
        let mut files = guests.files(prefix)?;
        ensure!(files.len() == 1, "{files:?}");
        files.pop().context("there is none")
    };
    let newest = only("vzdump-qemu-100-")?;
    let first = only("vzdump-lxc-200-")?;
    let running = Running::start(&program, &["--fail-on=corrupt,unreadable"])?;
    running.stopped_at(&[&slow])?;
    // The names of archives tell seconds.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(guests.save(200)?, "OK");
    fs::remove_file(&first)?;
    fs::remove_file(&newest)?;
    let result = running.result()?;
    assert_eq!(result["exit_code"], 0, "{result}");
    let said = warnings(&result);
    assert!(
        said.contains("2 archives were removed while this ran"),
        "{said}"
    );
    // The newest of 100 is now the one that was not removed, and read.
    assert_eq!(
        archives_of(&result, 100),
        [(format!("backups:backup/{OLD}").as_str(), "ok")],
        "{result}"
    );
    let states = states(&result);
    is(&states, 100, "stale", "hours old");
    // 200 has the one that came, which nobody read yet.
    let came = only("vzdump-lxc-200-")?;
    let came = came.file_name().unwrap_or_default().to_string_lossy();
    let volume = format!("backups:backup/{came}");
    assert_eq!(
        archives_of(&result, 200),
        [(volume.as_str(), "not_verified")],
        "{result}"
    );
    is(&states, 200, "unverified", &volume);
    Ok(())
}
