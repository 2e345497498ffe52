//! Putting guests, pools and archives into a node.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::files::{self, Protection};
use crate::guest::{Guest, GuestKind};
use crate::node::Node;
use crate::state::HostKind;
use crate::trees;

/// An archive to be laid into a storage.
#[derive(Clone, Debug)]
pub struct ArchiveSeed {
    name: String,
    content: Vec<u8>,
    notes: Option<String>,
    log: Option<String>,
    protected: bool,
}

impl ArchiveSeed {
    /// An archive of this file name with a few bytes that are no archive at all.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            content: b"not an archive\n".to_vec(),
            notes: None,
            log: None,
            protected: false,
        }
    }

    /// With this content.
    #[must_use]
    pub fn with_content(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.content = content.into();
        self
    }

    /// With so many bytes.
    #[must_use]
    pub fn with_size(self, size: usize) -> Self {
        self.with_content(vec![b'x'; size])
    }

    /// With notes beside it.
    #[must_use]
    pub fn with_notes(mut self, notes: &str) -> Self {
        self.notes = Some(notes.to_owned());
        self
    }

    /// With a log beside it.
    #[must_use]
    pub fn with_log(mut self, log: &str) -> Self {
        self.log = Some(log.to_owned());
        self
    }

    /// Protected from removal.
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }
}

impl Node {
    /// Adds a guest with its configuration, key by key; its disks appear as sparse files.
    ///
    /// # Errors
    /// When the file of a disk cannot be made.
    pub fn add_guest(
        &self,
        vmid: u32,
        kind: GuestKind,
        config: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let config = config
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let guest = Guest::new(kind, config);
        for (id, size) in guest.disks() {
            self.add_disk(id, size)
                .with_context(|| format!("guest {vmid}, disk {id}"))?;
        }
        self.core.state().guests.insert(vmid, guest);
        Ok(())
    }

    // A disk on a storage that has no folder here has no file either.
    fn add_disk(&self, id: &str, size: u64) -> anyhow::Result<()> {
        let Some((storage, file)) = id.split_once(':') else {
            return Ok(());
        };
        let state = self.core.state();
        let storage = state.storages.find(storage);
        let folder = storage.and_then(|storage| files::folder(&self.core, storage, "images"));
        let Some(path) = folder.map(|folder| folder.join(file)) else {
            return Ok(());
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if trees::is_tree(file) {
            fs::create_dir_all(path)?;
        } else {
            File::create(path)?.set_len(size)?;
        }
        Ok(())
    }

    /// Takes a guest away, as if it had been destroyed; its files stay.
    pub fn remove_guest(&self, vmid: u32) {
        let mut state = self.core.state();
        state.guests.remove(&vmid);
        for pool in state.pools.values_mut() {
            pool.guests.remove(&vmid);
        }
    }

    /// Lets a guest count as running or stopped.
    pub fn set_running(&self, vmid: u32, power: Power) {
        if let Some(guest) = self.core.state().guests.get_mut(&vmid) {
            guest.running = power == Power::Running;
            guest.started = self.core.clock.now();
        }
    }

    /// Says what kind of machine the node is.
    pub fn set_host(&self, host: HostKind) {
        self.core.state().host = host;
    }

    /// Where the files of a container's volume lie, whatever the volume is on a real node.
    pub fn container_tree(&self, volume: &str) -> Option<PathBuf> {
        trees::of(&self.core, &self.core.state().storages, volume)
    }

    /// Sets one key of a guest's configuration; the lock of a running backup, for instance.
    pub fn set_guest_option(&self, vmid: u32, key: &str, value: &str) {
        if let Some(guest) = self.core.state().guests.get_mut(&vmid) {
            guest.config.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Adds a pool, or members to one.
    pub fn add_pool(&self, pool: &str, guests: &[u32]) {
        let mut state = self.core.state();
        state
            .pools
            .entry(pool.to_owned())
            .or_default()
            .guests
            .extend(guests);
    }

    /// Says how large and how full a storage is, whatever lies on it.
    pub fn set_capacity(&self, storage: &str, total: u64, used: u64) {
        self.core
            .state()
            .capacities
            .insert(storage.to_owned(), (total, used));
    }

    /// Lets a folder of the node count as mounted.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn mount(&self, path: &str) -> anyhow::Result<()> {
        let folder = self.local(path);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        File::create(folder.join(files::MOUNTED)).context("cannot mark the folder as mounted")?;
        Ok(())
    }

    /// Lays an archive into a storage and gives back where it lies.
    ///
    /// # Errors
    /// When the storage is not there or a file cannot be written.
    pub fn add_archive(&self, storage: &str, seed: &ArchiveSeed) -> anyhow::Result<PathBuf> {
        let state = self.core.state();
        let found = state.storages.find(storage);
        let folder = found.and_then(|found| files::folder(&self.core, found, "backup"));
        let folder =
            folder.with_context(|| format!("storage {storage} has no folder for backups"))?;
        let path = folder.join(&seed.name);
        let write = |path: &PathBuf, content: &[u8]| {
            fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        write(&path, &seed.content)?;
        if let Some(log) = &seed.log {
            let log_path = folder.join(format!("{}.log", crate::archive::stem(&seed.name)));
            write(&log_path, log.as_bytes())?;
        }
        let failed =
            |refusal: crate::refusal::Refusal| anyhow::anyhow!("{}", refusal.message().trim_end());
        if let Some(notes) = &seed.notes {
            files::set_notes(&path, notes).map_err(failed)?;
        }
        if seed.protected {
            files::set_protected(&path, Protection::On).map_err(failed)?;
        }
        Ok(path)
    }
}

/// Whether a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It runs.
    Running,
    /// It is off.
    Stopped,
}
