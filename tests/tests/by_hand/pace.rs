//! `bwlimit` holds for a whole run, however many archives are read beside each other. Only the
//! shortest time is a promise: a machine with other work takes longer.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use reprise_archives::machines::{Machine, noise};
use reprise_tests::program::Program;
use serde_json::{Value, json};

/// In KiB in a second.
const LIMIT: u64 = 2048;

/// Reads so many archives of 2 MiB at the same time: the result, and how long the program ran.
fn read(count: u32, limit: u64) -> Result<(Value, Duration)> {
    let program = Program::under_test()?;
    let folder = program.home().join("dump");
    fs::create_dir(&folder)?;
    for number in 1..=count {
        let disk = noise(number, 2 << 20);
        let archive = Machine::with("", vec![("scsi0", disk)]).archive()?;
        let name = format!("vzdump-qemu-100-2026_01_02-03_04_{number:02}.vma");
        fs::write(folder.join(name), archive)?;
    }
    let words = [
        "backup_verify".to_owned(),
        "--json".to_owned(),
        "--remember=false".to_owned(),
        format!("--parallel={count}"),
        format!("--bwlimit={limit}"),
        format!("--path={}", folder.display()),
    ];
    let ended = program.by_hand(words.iter().map(String::as_str))?;
    Ok((ended.json()?, ended.time))
}

#[test]
fn a_limit_is_kept_by_all_archives_together() -> Result<()> {
    for count in [1, 2] {
        let (result, time) = read(count, LIMIT)?;
        assert_eq!(result["summary"]["ok"], json!(count), "{result}");
        let bytes = result["summary"]["bytes_read"].as_u64().unwrap_or_default();
        assert!(bytes > u64::from(count) * (2 << 20), "{result}");
        let least = Duration::from_millis(bytes * 1000 / (LIMIT << 10));
        assert!(time >= least, "{bytes} bytes in {time:?}");
        let said = result["summary"]["seconds"].as_f64().unwrap_or_default();
        assert!(said >= least.as_secs_f64() - 0.001, "{result}");
    }
    Ok(())
}
