//! The files of a node as its installation leaves them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::pveversion;
use super::running::HostedNode;
use super::systemctl::FOLDER;

/// Folders that are there and empty; the second is their mode.
const FOLDERS: [(&str, u32); 19] = [
    ("dev", 0o755),
    ("etc/pve", 0o755),
    ("etc/reprise", 0o755),
    ("etc/systemd/system", 0o755),
    ("home", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run/systemd/system", 0o755),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr/local/bin", 0o755),
    ("usr/local/lib", 0o755),
    ("usr/local/sbin", 0o755),
    ("usr/local/share", 0o755),
    ("var/lib/reprise", 0o755),
    ("var/lib/vz", 0o755),
    ("var/log/pve/tasks", 0o755),
    ("var/tmp", 0o1777),
];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n\
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

const GROUP: &str =
    "root:x:0:\ndaemon:x:1:\ntty:x:5:\ndisk:x:6:\nwww-data:x:33:\nbackup:x:34:\nnogroup:x:65534:\n";

/// What a login finds in its home, so that its prompt names the node.
const BASHRC: &str = "PS1='\\u@\\h:\\w\\$ '\n";
const PROFILE: &str = "if [ -f ~/.bashrc ]; then . ~/.bashrc; fi\n";

const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n";

/// The defaults of vzdump, all of them commented out as after an installation.
const VZDUMP: &str = "# vzdump default settings\n\n\
#tmpdir: DIR\n#dumpdir: DIR\n#storage: STORAGE_ID\n#mode: snapshot|suspend|stop\n\
#bwlimit: KBPS\n#performance: [max-workers=N][,pbs-entries-max=N]\n#ionice: PRI\n\
#lockwait: MINUTES\n#stopwait: MINUTES\n#stdexcludes: BOOLEAN\n#mailto: ADDRESSLIST\n\
#prune-backups: keep-INTERVAL=N[,...]\n#script: FILENAME\n#exclude-path: PATHLIST\n\
#pigz: N\n#notes-template: {{guestname}}\n#pbs-change-detection-mode: legacy|data|metadata\n\
#fleecing: enabled=BOOLEAN,storage=STORAGE_ID\n";

/// Lays everything into the root folder of a node; what a user may have changed is left alone.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn lay_out(root: &Path, node: &HostedNode<'_>) -> Result<()> {
    for (folder, mode) in FOLDERS {
        let path = root.join(folder);
        fs::create_dir_all(&path)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .with_context(|| format!("cannot make {}", path.display()))?;
    }
    let name = node.name;
    let authority = fs::read_to_string(node.authority)
        .with_context(|| format!("cannot read {}", node.authority.display()))?;
    let resolver = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let texts = [
        ("etc/debian_version", "12.11\n".to_owned()),
        ("etc/group", GROUP.to_owned()),
        ("etc/hostname", format!("{name}\n")),
        (
            "etc/hosts",
            format!(
                "127.0.0.1 localhost.localdomain localhost\n127.0.1.1 {name}.lab.example {name}\n"
            ),
        ),
        ("etc/nsswitch.conf", NSSWITCH.to_owned()),
        ("etc/passwd", PASSWD.to_owned()),
        ("etc/resolv.conf", resolver),
        ("etc/timezone", format!("{}\n", node.time_zone)),
        ("etc/vzdump.conf", VZDUMP.to_owned()),
        ("root/.bashrc", BASHRC.to_owned()),
        ("root/.profile", PROFILE.to_owned()),
    ];
    for (file, text) in texts {
        let path = root.join(file);
        if !path.exists() {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    let lab = root.join(FOLDER);
    fs::create_dir_all(&lab)
        .and_then(|()| fs::write(lab.join(pveversion::FILE), node.release.version()))
        .with_context(|| format!("cannot write into {}", lab.display()))?;
    // Each start of a lab has an authority of its own.
    let path = root.join("etc/pve/pve-root-ca.pem");
    fs::write(&path, authority).with_context(|| format!("cannot write {}", path.display()))?;
    let zone = format!("/usr/share/zoneinfo/{}", node.time_zone);
    for (link, target) in [
        ("etc/localtime", zone.as_str()),
        ("etc/mtab", "/proc/self/mounts"),
        ("etc/os-release", "../usr/lib/os-release"),
        ("etc/pve/local", &format!("nodes/{name}")),
        ("var/run", "/run"),
    ] {
        let path = root.join(link);
        if !path.is_symlink() {
            symlink(target, &path).with_context(|| format!("cannot make {}", path.display()))?;
        }
    }
    fs::create_dir_all(root.join("etc/pve/nodes").join(name))
        .with_context(|| format!("cannot make /etc/pve/nodes/{name}"))
}
