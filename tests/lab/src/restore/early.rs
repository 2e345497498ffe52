//! What is checked before the data of a virtual machine are touched.

use super::Plan;
use crate::archive_config;
use crate::config_rights::Editor;
use crate::guest::GuestKind;
use crate::guest_text;
use crate::schema::numbered;
use crate::task::worker::{Failure, Worker};
use crate::volumes;

/// What the archive asks of the node must be the caller's right. An archive whose configuration
/// cannot be read is not checked.
///
/// # Errors
/// What the caller may not.
pub(super) fn check_early(worker: &mut Worker, plan: &Plan) -> Result<(), Failure> {
    let text = match archive_config::read(&plan.file, &plan.shown) {
        Ok(text) => text,
        Err(error) => {
            if let Some(said) = archive_config::complaint(&plan.file) {
                worker.note(said);
            }
            complain_of_tar(worker, plan);
            worker.note(format!("Could not extract backed up config: {error}\n"));
            worker.note("Skipping early checks!");
            return Ok(());
        }
    };
    let state = worker.state();
    let editor = Editor {
        state: &state,
        identity: worker.owner(),
        kind: GuestKind::Qemu,
        vmid: plan.vmid,
        pool: None,
    };
    if editor.identity.is_root() {
        return Ok(());
    }
    let config = guest_text::parse(&text).config;
    for (key, value) in &config {
        if plan.overrides.contains_key(key) {
            continue;
        }
        let mapping = volumes::option(value, "mapping");
        let check_mapping = |kind: &str, name: &str| {
            let path = format!("/mapping/{kind}/{name}");
            state.check(editor.identity, &path, &["Mapping.Use"])
        };
        match (numbered(key).map(|(stem, _)| stem), mapping) {
            (Some("net"), _) => editor.check_bridge(value)?,
            (Some("hostpci"), Some(name)) => check_mapping("pci", name)?,
            (Some("hostpci"), None) => {
                let text = format!("only root can set '{key}' config for non-mapped devices");
                return Err(Failure::new(text));
            }
            (Some("usb"), Some(name)) => check_mapping("usb", name)?,
            (Some("usb"), None) if value.contains("host=") => {
                let text = format!("only root can set '{key}' config for real devices");
                return Err(Failure::new(text));
            }
            (Some("virtiofs"), _) => {
                let name = value.split(',').next().unwrap_or_default();
                check_mapping("dir", name.trim_start_matches("dirid="))?;
            }
            _ => {}
        }
        if key == "rng0" && value.contains("/dev/hwrng") {
            let path = "/mapping/hwrng";
            state.check(editor.identity, path, &["Mapping.Use"])?;
        }
    }
    Ok(())
}

/// Says what `tar` says, when the archive is one of a container.
pub(super) fn complain_of_tar(worker: &Worker, plan: &Plan) {
    if !plan.shown.contains(".vma") {
        for line in archive_config::tar_complaints(&plan.file) {
            worker.note(line);
        }
    }
}
