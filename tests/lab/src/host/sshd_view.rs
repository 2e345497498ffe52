//! What sshd sees of the machine: accounts of its own, so that `root` is whoever runs the lab and
//! no setting, shell or locked password of a real account counts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::process::{getegid, geteuid};

use super::config::HostsPlan;
use super::mounts;

const NAMES: [&str; 4] = ["passwd", "group", "shadow", "nsswitch.conf"];

/// Writes the accounts into a folder.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let texts = [
        format!(
            "root:x:{uid}:{gid}::/:/bin/sh\nsshd:x:65533:65534::/:/usr/sbin/nologin\n\
             nobody:x:65534:65534::/:/usr/sbin/nologin\n"
        ),
        format!("root:x:{gid}:\nnogroup:x:65534:\n"),
        "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n".to_owned(),
        "passwd: files\ngroup: files\nshadow: files\nhosts: files\n".to_owned(),
    ];
    for (name, text) in NAMES.iter().zip(texts) {
        let file = folder.join(name);
        fs::write(&file, text)
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o644)))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Lays the accounts over those of the machine, in this namespace only.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn arrange(plan: &HostsPlan) -> Result<()> {
    for name in NAMES {
        let target = Path::new("/etc").join(name);
        if target.exists() {
            mounts::show(&plan.accounts.join(name), &target)?;
        }
    }
    // sshd as root changes its root to a folder that distributions make at boot. Ours is in
    // memory, so that nothing of the machine is written; services that listen in /run are gone too.
    let used = [&plan.sshd, &plan.program, &plan.accounts];
    let mut paths = used.into_iter().chain(&plan.nodes);
    let run = real(Path::new("/run"));
    if paths.all(|path| !real(path).starts_with(&run)) {
        mounts::memory(&run, "755")?;
        fs::create_dir(run.join("sshd")).context("cannot make /run/sshd")?;
    }
    Ok(())
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
