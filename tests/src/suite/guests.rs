//! A guest of the suite's own, and what is done with guests and archives on the way.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{PREFIX, Suite};

/// How long the server may take to show what was done.
const PATIENCE: Duration = Duration::from_secs(30);

impl Suite<'_> {
    /// Lets something work with a virtual machine that can have snapshots, and removes it.
    pub(super) fn with_machine(
        &mut self,
        work: impl FnOnce(&Suite<'_>, u32) -> Result<()>,
    ) -> Result<()> {
        let vmid = self.server.free_ids[0];
        self.remove_machine(vmid)?;
        let disk = format!("{}:1,format=qcow2", self.storage_of_disks()?);
        let id = vmid.to_string();
        let name = format!("{PREFIX}machine");
        let options = [
            ("vmid", id.as_str()),
            ("name", &name),
            ("memory", "64"),
            ("scsi0", &disk),
        ];
        let node = &self.server.node;
        let made = self.api.post(&format!("/nodes/{node}/qemu"), &options)?;
        let end = self.api.end_of(node, &made)?;
        ensure!(end == "OK", "the machine {vmid} was not made: {end}");
        let worked = work(self, vmid);
        self.remove_machine(vmid)?;
        worked
    }

    // A run that was cut off may have left it.
    fn remove_machine(&self, vmid: u32) -> Result<()> {
        let node = &self.server.node;
        let path = format!("/nodes/{node}/qemu/{vmid}");
        let Ok(config) = self.api.get(&format!("{path}/config")) else {
            return Ok(());
        };
        let name = config.get("name").and_then(Value::as_str);
        ensure!(
            name.is_some_and(|name| name.starts_with(PREFIX)),
            "the machine {vmid} is not one of the tests, though its id is free for them"
        );
        let removed = self.api.delete(&path)?;
        let end = self.api.end_of(node, &removed)?;
        ensure!(end == "OK", "the machine {vmid} was not removed: {end}");
        Ok(())
    }

    fn storage_of_disks(&self) -> Result<String> {
        let listed = self.api.get(&format!(
            "/nodes/{}/storage?content=images&enabled=1",
            self.server.node
        ))?;
        let entries = listed.as_array().into_iter().flatten();
        entries
            .filter(|entry| entry.get("type").and_then(Value::as_str) == Some("dir"))
            .find_map(|entry| entry.get("storage")?.as_str())
            .map(str::to_owned)
            .context("no folder of the server holds disks")
    }

    /// The names of a machine's snapshots, the present state last.
    pub(super) fn snapshots(&self, vmid: u32) -> Result<Vec<String>> {
        let node = &self.server.node;
        let listed = self
            .api
            .get(&format!("/nodes/{node}/qemu/{vmid}/snapshot"))?;
        let entries = listed.as_array().into_iter().flatten();
        Ok(entries
            .filter_map(|entry| entry.get("name").and_then(Value::as_str))
            .map(str::to_owned)
            .collect())
    }

    /// Removes an archive that a test made.
    pub(super) fn remove_backup(&self, storage: &str, volume: &str) -> Result<()> {
        let node = &self.server.node;
        let path = format!("/nodes/{node}/storage/{storage}/content/{volume}");
        self.api.put(&path, &[("protected", "0")])?;
        let removed = self.api.delete(&path)?;
        let end = self.api.end_of(node, &removed)?;
        ensure!(end == "OK", "{volume} was not removed: {end}");
        Ok(())
    }

    /// Waits for what a client has started and not waited for.
    pub(super) fn wait_until(&self, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !holds(self)? {
            ensure!(
                start.elapsed() < PATIENCE,
                "what was started has not ended after {PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}
