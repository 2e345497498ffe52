//! `backup_verify` leaves a page and metrics, each as a whole or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Result, ensure};
use reprise_tests::program::Program;
use reprise_tests::{environment, process};
use serde_json::{Map, Value, json};

use crate::coverage::Guests;
use crate::support::{fails, warnings};

/// What is in a folder, by name.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn options(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(options) => options,
        _ => Map::new(),
    }
}

/// Prometheus's own checker finds nothing; without `cargo xtask` it may not be there.
fn promtool(metrics: &str) -> Result<()> {
    let Some(promtool) = environment::promtool()? else {
        eprintln!("promtool did not run: {}", environment::HOW_TO_RUN);
        return Ok(());
    };
    let mut command = process::command(promtool);
    command.args(["check", "metrics"]);
    let ended = process::run(command, metrics.as_bytes(), process::Watch::Nothing)?;
    ensure!(
        ended.code == Some(0) && ended.stdout.is_empty() && ended.stderr.is_empty(),
        "promtool check metrics: {ended:?}"
    );
    Ok(())
}

#[test]
fn on_a_node_a_page_and_metrics_say_what_the_result_says() -> Result<()> {
    let guests = Guests::start()?;
    let (_node, program) = guests.there()?;
    let folder = program.home().join("written");
    fs::create_dir(&folder)?;
    let at = |name: &str| folder.join(name).display().to_string();
    let check = json!({
        "report": at("page.html"), "metrics": at("reprise.prom"), "_ansible_check_mode": true,
    });
    fails(&program.module("backup_verify", &options(check))?, 5, &[]);
    ensure!(names(&folder)?.is_empty(), "check mode wrote something");

    fs::write(folder.join("reprise.prom"), "old")?;
    for page in ["page.html", "page.md"] {
        let both = json!({"report": at(page), "metrics": at("reprise.prom")});
        let result = program.module("backup_verify", &options(both))?;
        fails(&result, 5, &["guests fail"]);
    }
    assert_eq!(names(&folder)?, ["page.html", "page.md", "reprise.prom"]);
    let mode = fs::metadata(folder.join("reprise.prom"))?
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);

    let html = fs::read_to_string(folder.join("page.html"))?;
    let markdown = fs::read_to_string(folder.join("page.md"))?;
    for part in ["guests are not protected", "guest-101", "lxc/200", "scsi0"] {
        assert!(html.contains(part), "no `{part}`: {html}");
        assert!(markdown.contains(part), "no `{part}`: {markdown}");
    }
    ensure!(html.ends_with("</html>"), "cut");

    let metrics = fs::read_to_string(folder.join("reprise.prom"))?;
    for line in [
        "reprise_verify_last_run_success 0",
        "reprise_verify_archives{verdict=\"ok\"} 5",
        "reprise_guests{state=\"protected\"} 2",
        "reprise_guest_state{id=\"lxc/200\",state=\"protected\"} 1",
        "reprise_guest_newest_archive_verdict{id=\"lxc/200\",verdict=\"ok\"} 1",
        "reprise_guest_last_backup_failed{id=\"lxc/200\"} 0",
        "reprise_guest_rpo_seconds{id=\"lxc/200\"} 93600",
        "reprise_guest_disks_not_saved{id=\"qemu/110\"} 1",
    ] {
        assert!(
            metrics.lines().any(|said| said == line),
            "no `{line}`:\n{metrics}"
        );
    }
    // A copy made before a restore is no success.
    for (id, is_there) in [("lxc/200", true), ("lxc/202", true), ("lxc/203", false)] {
        let series = format!("reprise_guest_last_success_timestamp_seconds{{id=\"{id}\"}}");
        assert_eq!(metrics.contains(&series), is_there, "{id}:\n{metrics}");
    }
    promtool(&metrics)
}

fn archive() -> String {
    let name = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives");
    folder.join(name).display().to_string()
}

#[test]
fn a_person_gets_a_page_of_files_without_proxmox_ve() -> Result<()> {
    let program = Program::under_test()?;
    let archive = archive();
    let words = [
        "backup_verify",
        "--path",
        &archive,
        "--report",
        "a.html",
        "--metrics",
        "a.prom",
    ];
    let ended = program.by_hand(words)?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let html = fs::read_to_string(program.home().join("a.html"))?;
    assert!(html.contains("Every archive is sound: 1 of 1"), "{html}");
    let metrics = fs::read_to_string(program.home().join("a.prom"))?;
    assert!(
        metrics.contains("reprise_verify_last_run_success 1"),
        "{metrics}"
    );
    assert!(!metrics.contains("reprise_guests"), "{metrics}");
    promtool(&metrics)
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is_read() -> Result<()> {
    let program = Program::under_test()?;
    let said = |name: &str, value: &str| {
        let mut all = options(json!({"path": archive()}));
        all.insert(name.to_owned(), json!(value));
        program.module("backup_verify", &all)
    };
    let nowhere = program.home().join("none/a.prom").display().to_string();
    let result = said("metrics", &nowhere)?;
    fails(&result, 1, &[&nowhere, "No such file", "Make the folder"]);
    assert_eq!(result.get("archives"), None, "it was read first: {result}");
    fails(&said("report", "/proc/a.html")?, 1, &["/proc/a.html"]);
    fails(&said("report", "a.pdf")?, 2, &["a.pdf", ".html"]);
    fails(&said("metrics", "a.txt")?, 2, &["a.txt", ".prom"]);
    let folder = program.home().join("folder.html");
    fs::create_dir(&folder)?;
    fails(
        &said("report", &folder.display().to_string())?,
        1,
        &["Name a file"],
    );
    Ok(())
}

/// A run that mounts a small file system first: it can be full.
#[test]
fn on_a_full_disk_the_old_file_stays_and_the_verdict_counts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().display().to_string();
    let script = "set -e; mount -t tmpfs -o size=4k none \"$1\"; echo old > \"$1/a.prom\"; \
         place=$1; shift; \"$@\" || code=$?; cat \"$place/a.prom\" >&2; ls -A \"$place\" >&2; exit ${code:-0}";
    let prefix = [
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        script,
        "sh",
        &place,
    ];
    let mut tried = process::command(prefix[0]);
    tried
        .args(["--mount", "--map-root-user", "true"])
        .stdout(Stdio::null());
    ensure!(
        tried.status()?.success(),
        "this machine makes no namespaces"
    );
    let program = Program::under_test()?.run_by(prefix.map(str::to_owned).into());
    let metrics = format!("{place}/a.prom");
    let all = options(json!({"path": archive(), "metrics": metrics}));
    let ended = program.module_ended("backup_verify", &all)?;
    let result = ended.json()?;
    fails(&result, 1, &["a.prom", "No space left", "Free space"]);
    assert_eq!(result["archives"][0]["verdict"], "ok", "{result}");
    assert_eq!(
        ended.stderr.lines().collect::<Vec<_>>(),
        ["old", "a.prom"],
        "{ended:?}"
    );
    // Damage is worse than a file that is missing, and hides it no less.
    let whole = fs::read(archive())?;
    let cut = program
        .home()
        .join("vzdump-qemu-104-2026_01_03-10_00_07.vma.zst");
    fs::write(&cut, &whole[..whole.len() - 100])?;
    let all = options(json!({"path": cut, "metrics": metrics}));
    let result = program.module("backup_verify", &all)?;
    fails(&result, 5, &["corrupt"]);
    assert!(warnings(&result).contains("a.prom"), "{result}");
    Ok(())
}
