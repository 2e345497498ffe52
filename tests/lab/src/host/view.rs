//! A node's view of the world: its root folder, and around it what of the machine it may see.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, UnmountFlags, unmount};
use rustix::process::{chdir, pivot_root};

use super::config::HostPlan;
use super::mounts;

/// Top-level folders of programs and libraries; on most systems links into /usr.
const SYSTEM: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Files and folders of the machine that programs need to start and to trust.
const SETTINGS: [&str; 7] = [
    "etc/alternatives",
    "etc/ca-certificates",
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/ld.so.conf.d",
    "etc/pki",
    "etc/ssl",
];

const DEVICES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];

/// What of /proc changes or shows the machine and not a process.
const KERNEL: [&str; 6] = ["acpi", "bus", "fs", "irq", "sys", "sysrq-trigger"];

/// The lab's program among the programs of the node.
pub(crate) const LAB_PROGRAM: &str = "reprise-lab";
/// The server of sftp there.
pub(crate) const SFTP_PROGRAM: &str = "sftp-server";

/// Makes the view and goes into it; the old one is not reachable any more.
///
/// # Errors
/// When the machine refuses a mount.
pub(crate) fn enter(host: &HostPlan) -> Result<()> {
    mounts::make_private()?;
    let view = host.view();
    mounts::show(&host.root(), &view)?;
    for (at, folder) in &host.shared {
        let target = view.join(at);
        make_folder(&target)?;
        mounts::show(folder, &target)?;
    }
    system(host, &view)?;
    for path in SETTINGS {
        let source = Path::new("/").join(path);
        if source.exists() {
            show_at(&source, &view.join(path))?;
        }
    }
    for source in &host.shown {
        let inside = source.strip_prefix("/").unwrap_or(source);
        show_at(source, &view.join(inside))?;
    }
    devices(&view.join("dev"))?;
    show_at(Path::new("/sys"), &view.join("sys"))?;
    processes(&view.join("proc"))?;
    pivot(&view)
}

fn system(host: &HostPlan, view: &Path) -> Result<()> {
    for name in SYSTEM {
        let source = Path::new("/").join(name);
        let target = view.join(name);
        if let Ok(link) = fs::read_link(&source) {
            if !target.is_symlink() {
                symlink(link, &target)
                    .with_context(|| format!("cannot make {}", target.display()))?;
            }
        } else if source.is_dir() {
            show_at(&source, &target)?;
        }
    }
    show_at(Path::new("/usr"), &view.join("usr"))?;
    own_programs(host, view)?;
    let local = view.join("usr/local");
    if local.is_dir() {
        // By its path outside of the view, which no mount hides.
        mounts::show(&host.root().join("usr/local"), &local)?;
    }
    Ok(())
}

/// Lays the lab's programs over the machine's, under the same folder.
fn own_programs(host: &HostPlan, view: &Path) -> Result<()> {
    let target = view.join("usr/bin");
    // Relative, since a colon in the folder's name would separate layers.
    chdir(&host.folder).with_context(|| format!("cannot enter {}", host.folder.display()))?;
    mounts::kernel(
        "overlay",
        &target,
        MountFlags::RDONLY | MountFlags::NODEV,
        "lowerdir=programs:/usr/bin",
    )?;
    mounts::show_read_only(&host.program, &target.join(LAB_PROGRAM))?;
    mounts::show_read_only(&host.sftp_server, &target.join(SFTP_PROGRAM))
}

fn devices(target: &Path) -> Result<()> {
    make_folder(target)?;
    mounts::memory(target, "755")?;
    for name in DEVICES {
        let device = target.join(name);
        fs::write(&device, "").with_context(|| format!("cannot make {}", device.display()))?;
        mounts::show(&Path::new("/dev").join(name), &device)?;
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ];
    for (name, link) in links {
        symlink(link, target.join(name)).with_context(|| format!("cannot make /dev/{name}"))?;
    }
    for name in ["shm", "pts"] {
        make_folder(&target.join(name))?;
    }
    mounts::memory(&target.join("shm"), "1777")?;
    // Terminals of its own: those of the machine could be written to.
    mounts::kernel(
        "devpts",
        &target.join("pts"),
        MountFlags::NOSUID | MountFlags::NOEXEC,
        "newinstance,ptmxmode=0666,mode=620",
    )
}

fn processes(target: &Path) -> Result<()> {
    make_folder(target)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mounts::kernel("proc", target, flags, "")?;
    for name in KERNEL {
        let path = target.join(name);
        if path.exists() {
            mounts::show_read_only(&path, &path)?;
        }
    }
    Ok(())
}

/// Shows something read-only, on a place that is made for it.
fn show_at(source: &Path, target: &Path) -> Result<()> {
    if source.is_dir() {
        make_folder(target)?;
    } else if !target.exists() {
        if let Some(parent) = target.parent() {
            make_folder(parent)?;
        }
        fs::write(target, "").with_context(|| format!("cannot make {}", target.display()))?;
    }
    mounts::show_read_only(&real(source), target)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

// The old root is laid over the new one for a moment and then let go, so no place for it is needed.
fn pivot(view: &Path) -> Result<()> {
    chdir(view).with_context(|| format!("cannot enter {}", view.display()))?;
    pivot_root(".", ".").context("cannot change the root of the node")?;
    unmount(".", UnmountFlags::DETACH).context("cannot let go of the machine's root")?;
    chdir("/").context("cannot enter the node's root")
}
