//! `backup_verify` says who is protected: over the API and on the node, with all rights and few.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use reprise_lab::{ArchiveSeed, GuestKind, Node};
use reprise_tests::on_node::OnNode;
use reprise_tests::program::Program;
use reprise_tests::server::merged;
use reprise_tests::site::{NODE, add_guests};
use serde_json::{Map, Value, json};

use crate::support::{World, fails, on_node, succeeds, text, warnings};

/// Of a time that no objective reaches back to.
const OLD: &str = "2026_01_01-00_00_00";

/// A world with guests in every state. `100` (in the pool) and `200` were saved just now.
pub(crate) struct Guests {
    world: World,
}

impl Guests {
    pub(crate) fn start() -> Result<Self> {
        let world = World::start()?;
        let node = world.site.node()?;
        add_guests(node, GuestKind::Lxc, 202, 4)?;
        node.add_guest(
            110,
            GuestKind::Qemu,
            &[
                ("name", "no-disk"),
                ("scsi0", "images:110/vm-110-disk-0.raw,size=1M,backup=0"),
            ],
        )?;
        let own = |id: &str, options: &[(&str, &str)]| {
            let mut all = vec![
                ("schedule", "03:00"),
                ("storage", "backups"),
                ("prune-backups", "keep-daily=2"),
            ];
            all.extend_from_slice(options);
            node.add_job(id, &all);
        };
        own("pooled", &[("pool", "services")]);
        own("named", &[("vmid", "110,200,202,203")]);
        own("off", &[("vmid", "101"), ("enabled", "0")]);
        own("rest", &[("all", "1"), ("exclude", "101,204,205")]);
        let guests = Self { world };
        for vmid in [100, 110, 200] {
            guests.save(vmid)?;
        }
        let sound = guests.content_of("vzdump-lxc-200-")?;
        guests.lay(&ArchiveSeed::new(&container(202, OLD)).with_content(sound.clone()))?;
        guests.lay(
            &ArchiveSeed::new(&container(203, OLD))
                .with_content(sound)
                .with_notes("reprise: safety copy before run 7"),
        )?;
        Ok(guests)
    }

    pub(crate) fn node(&self) -> Result<&Node> {
        self.world.site.node()
    }

    /// Has Proxmox VE save a guest now; how that ended.
    pub(crate) fn save(&self, vmid: u32) -> Result<String> {
        self.save_all(&vmid.to_string())
    }

    fn save_all(&self, vmids: &str) -> Result<String> {
        let task = self.world.api.post(
            &format!("/nodes/{NODE}/vzdump"),
            &[
                ("vmid", vmids),
                ("storage", "backups"),
                ("compress", "zstd"),
            ],
        )?;
        self.world.api.end_of(NODE, &task)
    }

    pub(crate) fn lay(&self, archive: &ArchiveSeed) -> Result<()> {
        self.node()?.add_archive("backups", archive).map(drop)
    }

    /// The archives whose names begin so.
    pub(crate) fn files(&self, prefix: &str) -> Result<Vec<std::path::PathBuf>> {
        let folder = self.node()?.local("/srv/backups/dump");
        let mut found: Vec<_> = std::fs::read_dir(folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(prefix) && name.ends_with(".zst")
            })
            .collect();
        found.sort();
        Ok(found)
    }

    pub(crate) fn content_of(&self, prefix: &str) -> Result<Vec<u8>> {
        let files = self.files(prefix)?;
        Ok(std::fs::read(files.first().context("it was not saved")?)?)
    }

    /// Over the API, with the token of all rights.
    fn verify(&self, more: Value) -> Result<Value> {
        let options = merged(self.world.server.by_token()?, more);
        self.world.program.module("backup_verify", &options)
    }

    /// The program, here.
    pub(crate) const fn program(&self) -> &Program {
        &self.world.program
    }

    /// The program on the node.
    pub(crate) fn there(&self) -> Result<(OnNode, Program)> {
        on_node(self.node()?)
    }
}

fn container(vmid: u32, stamp: &str) -> String {
    format!("vzdump-lxc-{vmid}-{stamp}.tar.zst")
}

pub(crate) fn states(result: &Value) -> BTreeMap<u64, (String, String)> {
    let guests = result["guests"].as_array();
    guests
        .into_iter()
        .flatten()
        .filter_map(|guest| {
            Some((
                guest["vmid"].as_u64()?,
                (
                    text(guest, "state").to_owned(),
                    text(guest, "why").to_owned(),
                ),
            ))
        })
        .collect()
}

#[track_caller]
pub(crate) fn is(states: &BTreeMap<u64, (String, String)>, vmid: u64, state: &str, why: &str) {
    let (found, said) = &states[&vmid];
    assert!(
        found == state && said.contains(why),
        "{vmid} is {found} ({said}), not {state} ({why})"
    );
}

#[test]
fn on_the_node_archives_are_read_and_every_guest_has_its_state() -> Result<()> {
    let guests = Guests::start()?;
    let (_node, program) = guests.there()?;
    let result = program.module("backup_verify", &Map::new())?;
    fails(
        &result,
        5,
        &["guests fail", "101 `guest-101` is unprotected"],
    );
    let states = states(&result);
    is(&states, 100, "protected", "read and sound");
    is(
        &states,
        101,
        "unprotected",
        "only in disabled jobs: `off`; in `exclude` of job `rest`",
    );
    is(&states, 110, "excluded", "every disk has `backup=0`");
    is(&states, 200, "protected", "read and sound");
    is(&states, 201, "unprotected", "no archive");
    is(&states, 202, "stale", "hours old, 26 are allowed");
    is(&states, 203, "unprotected", "before a restore");
    is(&states, 204, "excluded", "in `exclude` of job `rest`");
    let archives = result["archives"].as_array().context("no archives")?;
    ensure!(archives.len() == 5, "{result}");
    for archive in archives {
        assert_eq!(archive["verdict"], "ok", "{archive}");
        assert_eq!(archive["node"], NODE, "{archive}");
        assert_eq!(archive["storage"], "backups");
        assert!(text(archive, "path").starts_with("/srv/backups/dump/"));
        assert!(text(archive, "volid").starts_with("backups:backup/vzdump-"));
        assert!(archive["proof_at"].is_i64(), "{archive}");
    }
    assert_eq!(result["unknown"], json!([]), "{result}");
    assert_eq!(result["summary"]["not_verified"], 0);
    assert_eq!(result["summary"]["guests"]["protected"], 2, "{result}");
    // What was proved stays proved when the objective is wider, and nothing else changes.
    let wide = json!({
        "rpo": {"202": 100_000},
        "no_backup_expected": ["101", "201", "203", "205"],
    });
    let Value::Object(wide) = wide else {
        unreachable!()
    };
    let result = program.module("backup_verify", &wide)?;
    succeeds(&result, false);
    Ok(())
}

#[test]
fn over_the_api_nothing_is_read_and_nothing_is_called_fine() -> Result<()> {
    let guests = Guests::start()?;
    let result = guests.verify(json!({"vmid": [100, 200], "fail_on": []}))?;
    succeeds(&result, false);
    let states = states(&result);
    assert_eq!(states.len(), 2);
    is(&states, 100, "unverified", "was not read yet");
    let archives = result["archives"].as_array().context("no archives")?;
    assert_eq!(archives.len(), 2, "{result}");
    for archive in archives {
        assert_eq!(archive["verdict"], "not_verified", "{archive}");
        assert_eq!(archive["path"], Value::Null);
        assert!(
            text(&archive["reasons"][0], "text").contains("run backup_verify there"),
            "{archive}"
        );
    }
    fails(
        &guests.verify(json!({"vmid": [100], "fail_on": ["not_verified"]}))?,
        5,
        &["is not_verified"],
    );
    fails(
        &guests.verify(json!({"vmid": [100], "fail_on": ["unverified"]}))?,
        5,
        &["100 `guest-100` is unverified"],
    );
    // The same folder, named here: the files are matched with what Proxmox VE lists.
    let folder = guests.node()?.local("/srv/backups/dump");
    let named = guests.verify(json!({
        "path": folder, "coverage": true, "vmid": [100, 200], "fail_on": ["corrupt", "unverified"],
    }))?;
    succeeds(&named, false);
    is(&self::states(&named), 200, "protected", "");
    assert_eq!(named["archives"][0]["storage"], "backups");
    // Of a copy it is said that it is one.
    assert!(
        text(&named["guests"][1], "proof_by").contains("same name and size"),
        "{named}"
    );
    // Files alone: nobody is asked.
    guests.node()?.clear_journal();
    let files = guests.verify(json!({"path": folder}))?;
    succeeds(&files, false);
    assert_eq!(guests.world.site.calls()?.0, 0);
    assert_eq!(files["guests"], json!([]));
    assert_eq!(files["summary"]["guests"], Value::Null);
    Ok(())
}

#[test]
fn an_auditor_is_told_what_stays_hidden_and_nothing_passes_for_fine() -> Result<()> {
    let guests = Guests::start()?;
    let auditor = guests
        .world
        .limited(&[("/", "Sys.Audit,VM.Audit,Datastore.Audit,Pool.Audit")])?;
    let result = guests.world.program.module("backup_verify", &auditor)?;
    fails(&result, 5, &["not everything can be seen"]);
    let states = states(&result);
    is(
        &states,
        100,
        "unknown",
        "`Datastore.AllocateSpace` on `/storage/backups`",
    );
    is(&states, 101, "unprotected", "disabled");
    assert!(
        result["unknown"]
            .to_string()
            .contains("`Datastore.AllocateSpace` on `/storage/backups`"),
        "{result}"
    );
    assert_eq!(result["archives"], json!([]));
    assert!(!states.values().any(|(state, _)| state == "protected"));
    // One who may see nothing is told so.
    let nobody = guests
        .world
        .limited(&[("/storage/backups", "Datastore.AllocateSpace")])?;
    let result = guests.world.program.module("backup_verify", &nobody)?;
    fails(&result, 5, &["VM.Audit"]);
    for privilege in ["`VM.Audit` on `/vms`", "`Sys.Audit` on `/`"] {
        assert!(
            result["unknown"].to_string().contains(privilege),
            "{result}"
        );
    }
    Ok(())
}

#[test]
fn the_log_of_a_task_tells_how_the_last_backup_of_each_guest_ended() -> Result<()> {
    let guests = Guests::start()?;
    guests.node()?.set_guest_option(200, "lock", "backup");
    assert_eq!(guests.save_all("100,200")?, "job errors");
    let result = guests.verify(json!({"fail_on": []}))?;
    let last: BTreeMap<u64, &Value> = result["guests"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|guest| guest["last_backup_at"].is_i64())
        .filter_map(|guest| Some((guest["vmid"].as_u64()?, guest)))
        .collect();
    assert_eq!(last.keys().copied().collect::<Vec<_>>(), [100, 110, 200]);
    assert_eq!(last[&200]["last_error"], "CT is locked (backup)");
    assert_eq!(last[&200]["last_backup_seconds"], Value::Null);
    for vmid in [100, 110] {
        assert_eq!(last[&vmid]["last_error"], Value::Null);
        assert!(last[&vmid]["last_backup_seconds"].is_u64());
    }
    Ok(())
}

#[test]
fn the_next_prune_is_what_proxmox_ve_would_do() -> Result<()> {
    let guests = Guests::start()?;
    let node = guests.node()?;
    for day in 1..=9 {
        let stamp = format!("2026_02_0{day}-01_02_03");
        let seed = ArchiveSeed::new(&container(200, &stamp));
        guests.lay(&if day == 2 { seed.protected() } else { seed })?;
    }
    guests.lay(&ArchiveSeed::new("vzdump-lxc-200-renamed.tar.zst"))?;
    node.add_job(
        "first",
        &[
            ("schedule", "*:0/1"),
            ("storage", "backups"),
            ("vmid", "200"),
            ("prune-backups", "keep-daily=2,keep-weekly=2"),
        ],
    );
    let path = format!(
        "/nodes/{NODE}/storage/backups/prunebackups?prune-backups=keep-daily%3D2%2Ckeep-weekly%3D2&vmid=200&type=lxc"
    );
    let dry: BTreeMap<String, String> = guests
        .world
        .api
        .get(&path)?
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| {
            (
                text(entry, "volid").to_owned(),
                text(entry, "mark").to_owned(),
            )
        })
        .collect();
    let result = guests.verify(json!({"vmid": [200], "fail_on": []}))?;
    let ours: BTreeMap<String, String> = result["archives"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|archive| {
            (
                text(archive, "volid").to_owned(),
                text(archive, "next_prune").to_owned(),
            )
        })
        .collect();
    assert_eq!(ours, dry, "{result}");
    let marks: Vec<&str> = dry.values().map(String::as_str).collect();
    for mark in ["keep", "remove", "protected"] {
        assert!(marks.contains(&mark), "{dry:?}");
    }
    Ok(())
}

#[test]
fn a_prune_of_the_last_verified_archive_is_warned_of() -> Result<()> {
    let guests = Guests::start()?;
    // The newest archive of 200 is damaged; the next prune keeps it and removes the sound one.
    let newest = container(200, "2099_01_01-00_00_00");
    guests.lay(&ArchiveSeed::new(&newest).with_size(5000))?;
    guests.node()?.add_job(
        "first",
        &[
            ("schedule", "*:0/1"),
            ("storage", "backups"),
            ("vmid", "200"),
            ("prune-backups", "keep-last=1"),
        ],
    );
    let (_node, program) = guests.there()?;
    let result = program.module("backup_verify", &Map::new())?;
    assert!(
        warnings(&result).contains("the last archive of its guest that was read and found sound"),
        "{result}"
    );
    is(
        &states(&result),
        200,
        "corrupt",
        "the newest sound one is `backups:backup/vzdump-lxc-200-",
    );
    Ok(())
}

#[test]
fn a_thousand_guests_cost_as_many_calls_as_five() -> Result<()> {
    let calls = |count: u32| -> Result<usize> {
        let world = World::start()?;
        let node = world.site.node()?;
        add_guests(node, GuestKind::Qemu, 1000, count)?;
        node.add_job(
            "all",
            &[("schedule", "daily"), ("all", "1"), ("storage", "backups")],
        );
        for number in 0..count.min(40) {
            let vmid = (1000 + number).to_string();
            let name = format!("vzdump-qemu-{vmid}-{OLD}.vma.zst");
            node.add_archive("backups", &ArchiveSeed::new(&name))?;
            node.add_job(
                &format!("job-{number}"),
                &[("schedule", "daily"), ("vmid", &vmid)],
            );
        }
        node.clear_journal();
        let options = merged(world.server.by_token()?, json!({"fail_on": []}));
        let result = world.program.module("backup_verify", &options)?;
        succeeds(&result, false);
        let judged = result["guests"].as_array().map(Vec::len);
        assert_eq!(judged, usize::try_from(count).ok().map(|count| count + 4));
        Ok(world.site.calls()?.0)
    };
    let few = calls(5)?;
    assert_eq!(few, calls(1000)?);
    assert!(few <= 12, "{few} calls");
    Ok(())
}

#[test]
fn what_is_named_and_not_there_is_an_error() -> Result<()> {
    let guests = Guests::start()?;
    fails(
        &guests.verify(json!({"storage": "nowhere"}))?,
        4,
        &["`nowhere` does not exist"],
    );
    fails(
        &guests.verify(json!({"storage": "images"}))?,
        4,
        &["`images` has no `backup`"],
    );
    let result = guests.verify(json!({"vmid": [999], "fail_on": []}))?;
    succeeds(&result, false);
    assert!(
        warnings(&result).contains("guest 999 does not exist"),
        "{result}"
    );
    fails(
        &guests.verify(json!({"vmid": [999], "coverage": false}))?,
        4,
        &["no archive of the guests"],
    );
    Ok(())
}
