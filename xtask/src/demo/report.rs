//! What the nodes themselves say of their storages, jobs and archives, in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::quoted;
use crate::files;
use crate::program::Program;

/// lab.json, as much of it as we use.
#[derive(Debug, Deserialize)]
pub(super) struct Lab {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    name: String,
    /// The folder of this machine that stands for the node's `/`.
    root: PathBuf,
    ssh: Login,
}

#[derive(Debug, Deserialize)]
struct Login {
    config: PathBuf,
}

/// A storage as `pvesh` tells it.
#[derive(Debug, Deserialize)]
struct Storage {
    #[serde(rename = "storage")]
    id: String,
    #[serde(rename = "type")]
    kind: String,
    path: Option<String>,
    #[serde(default)]
    content: String,
}

/// A job as `pvesh` tells it.
#[derive(Debug, Deserialize)]
struct Job {
    id: String,
    storage: Option<String>,
    #[serde(default)]
    schedule: String,
    /// `keep-daily` and its like.
    #[serde(default, rename = "prune-backups")]
    retention: BTreeMap<String, String>,
    /// In seconds of Unix; none of a job that is off.
    #[serde(rename = "next-run")]
    next_run: Option<u64>,
}

/// An archive as `pvesh` tells it.
#[derive(Debug, Deserialize)]
struct Archive {
    volid: String,
    size: u64,
}

/// An archive, and where it lies on this machine.
#[derive(Debug)]
pub(super) struct Found {
    volid: String,
    size: u64,
    /// Its file.
    pub(super) file: PathBuf,
}

/// All that is told of a node.
#[derive(Debug)]
pub(super) struct Report {
    node: String,
    storages: Vec<Storage>,
    jobs: Vec<(Job, Option<String>)>,
    /// Its archives.
    pub(super) archives: Vec<Found>,
}

impl Lab {
    /// Reads lab.json.
    pub(super) fn read(path: &Path) -> Result<Self> {
        serde_json::from_slice(&files::read(path)?)
            .with_context(|| format!("{} is not what the lab's README describes", path.display()))
    }

    /// Asks every node, over ssh.
    pub(super) fn ask(&self) -> Result<Vec<Report>> {
        self.nodes.iter().map(Node::ask).collect()
    }
}

impl Node {
    fn ask(&self) -> Result<Report> {
        let mut storages: Vec<Storage> = self.pvesh("/storage", &[])?;
        storages.retain(|storage| storage.content.split(',').any(|kind| kind == "backup"));
        let jobs: Vec<Job> = self.pvesh("/cluster/backup", &[])?;
        ensure!(
            !jobs.is_empty(),
            "{} has no backup job although the play declared one",
            self.name
        );
        let jobs = jobs
            .into_iter()
            .map(|job| {
                let next_run = job.next_run.map(|time| self.local_time(time)).transpose()?;
                Ok((job, next_run))
            })
            .collect::<Result<_>>()?;
        let mut archives = Vec::new();
        for storage in &storages {
            archives.extend(self.archives(storage)?);
        }
        ensure!(
            !archives.is_empty(),
            "{} has no archive although its job ran",
            self.name
        );
        Ok(Report {
            node: self.name.clone(),
            storages,
            jobs,
            archives,
        })
    }

    fn archives(&self, storage: &Storage) -> Result<Vec<Found>> {
        let path = format!("/nodes/{}/storage/{}/content", self.name, storage.id);
        let archives: Vec<Archive> = self.pvesh(&path, &["--content", "backup"])?;
        archives
            .into_iter()
            .map(|archive| {
                let file = self.on_this_machine(storage, &archive.volid)?;
                ensure!(
                    file.is_file(),
                    "{} of {} is not at {}",
                    archive.volid,
                    self.name,
                    file.display()
                );
                Ok(Found {
                    volid: archive.volid,
                    size: archive.size,
                    file,
                })
            })
            .collect()
    }

    /// Archives lie in the folder `dump` of a storage of files, and the node's `/` is here.
    fn on_this_machine(&self, storage: &Storage, volid: &str) -> Result<PathBuf> {
        let folder = storage
            .path
            .as_deref()
            .with_context(|| format!("the storage {} has no folder", storage.id))?;
        let (_, name) = volid
            .rsplit_once('/')
            .with_context(|| format!("`{volid}` is not the name of an archive"))?;
        Ok(self
            .root
            .join(folder.trim_start_matches('/'))
            .join("dump")
            .join(name))
    }

    fn pvesh<T: DeserializeOwned>(&self, path: &str, options: &[&str]) -> Result<T> {
        let words = ["pvesh", "get", path, "--output-format", "json"];
        self.json(&[&words[..], options].concat())
    }

    /// A time as the clock of the node shows it.
    fn local_time(&self, seconds: u64) -> Result<String> {
        let time = format!("--date=@{seconds}");
        let printed = self.on_node(&["date", &time, "+%F %H:%M %Z"]).output()?;
        Ok(printed.trim().to_owned())
    }

    /// Runs a command on the node and reads what it printed.
    fn json<T: DeserializeOwned>(&self, command: &[&str]) -> Result<T> {
        let program = self.on_node(command);
        serde_json::from_str(&program.output()?)
            .with_context(|| format!("`{}` printed what we do not expect", program.line()))
    }

    fn on_node(&self, command: &[&str]) -> Program {
        Program::new("ssh")
            .arg("-F")
            .arg(&self.ssh.config)
            .arg(&self.name)
            // ssh hands one line to the shell of the node.
            .args(command.iter().map(|word| quoted(word)))
    }
}

impl Report {
    /// In words, for a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.node);
        for storage in &self.storages {
            let path = storage.path.as_deref().unwrap_or("no folder");
            let Storage { id, kind, .. } = storage;
            let _never = writeln!(text, "  storage   {id} ({kind}, {path} on the node)");
        }
        for (job, next_run) in &self.jobs {
            let storage = job.storage.as_deref().unwrap_or("the default storage");
            let _never = writeln!(text, "  job       {}, to {storage}", job.id);
            let _never = writeln!(text, "  schedule  {}", job.schedule);
            let _never = writeln!(text, "  retention {}", retention(&job.retention));
            let next_run = next_run.as_deref().unwrap_or("none");
            let _never = writeln!(text, "  next run  {next_run}");
        }
        for archive in &self.archives {
            let size = size(archive.size);
            let _never = writeln!(text, "  archive   {}, {size}", archive.volid);
            let _never = writeln!(text, "            {}", archive.file.display());
        }
        text
    }
}

/// `keep-daily=7` and so on, the most frequent first.
fn retention(kept: &BTreeMap<String, String>) -> String {
    const ORDER: [&str; 7] = [
        "keep-all",
        "keep-last",
        "keep-hourly",
        "keep-daily",
        "keep-weekly",
        "keep-monthly",
        "keep-yearly",
    ];
    let words: Vec<_> = ORDER
        .iter()
        .filter_map(|key| Some(format!("{key}={}", kept.get(*key)?)))
        .collect();
    if words.is_empty() {
        return "that of the storage".to_owned();
    }
    words.join(", ")
}

/// Archives of the lab's guests are small.
fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        return format!("{bytes} bytes");
    }
    files::megabytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{from_value, json};

    use super::{Archive, Found, Job, Node, Report, Storage, size};

    fn storage() -> Storage {
        from_value(json!({
            "storage": "local-backup", "type": "dir", "content": "backup",
            "path": "/var/lib/local-backup", "digest": "of no interest",
        }))
        .unwrap()
    }

    #[test]
    fn an_archive_lies_below_the_folder_that_stands_for_the_node() {
        let node: Node = from_value(json!({
            "name": "pve-mon", "root": "/lab/pve-mon/root", "ssh": { "config": "/lab/ssh_config" },
        }))
        .unwrap();
        let file = node.on_this_machine(&storage(), "local-backup:backup/vzdump-lxc-1.tar.zst");
        assert_eq!(
            file.unwrap(),
            Path::new("/lab/pve-mon/root/var/lib/local-backup/dump/vzdump-lxc-1.tar.zst")
        );
        assert!(node.on_this_machine(&storage(), "nothing").is_err());
    }

    #[test]
    fn all_that_was_declared_and_made_is_told() {
        let job: Job = from_value(json!({
            "id": "reprise-prod", "storage": "local-backup", "schedule": "03:00",
            "prune-backups": { "keep-monthly": "3", "keep-daily": "7", "keep-weekly": "4" },
        }))
        .unwrap();
        let archive: Archive =
            from_value(json!({ "volid": "local-backup:backup/a.vma", "size": 2_345_678 })).unwrap();
        let report = Report {
            node: "pve-prod".to_owned(),
            storages: vec![storage()],
            jobs: vec![(job, Some("2026-11-25 03:00 UTC".to_owned()))],
            archives: vec![Found {
                volid: archive.volid,
                size: archive.size,
                file: "/lab/a.vma".into(),
            }],
        };
        let expected = "pve-prod\n  \
            storage   local-backup (dir, /var/lib/local-backup on the node)\n  \
            job       reprise-prod, to local-backup\n  \
            schedule  03:00\n  \
            retention keep-daily=7, keep-weekly=4, keep-monthly=3\n  \
            next run  2026-11-25 03:00 UTC\n  \
            archive   local-backup:backup/a.vma, 2.3 MB\n            /lab/a.vma\n";
        assert_eq!(report.text(), expected);
        assert_eq!(size(999_999), "999999 bytes");
    }
}
