//! The proof that a login changes nothing of the machine, however it tries.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::host::{Host, HostLab, NODES};
use reprise_tests::tests;
use reprise_tests::trial::Needing;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![nothing_outside_is_written];

/// Folders and files of the machine that an attacker would like to write.
const TARGETS: [&str; 16] = [
    "/etc",
    "/etc/passwd",
    "/etc/ssl",
    "/etc/alternatives",
    "/usr",
    "/usr/bin",
    "/usr/bin/env",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/root",
    "/home",
    "/var",
    "/var/lib",
    "/opt",
    "/boot",
];

/// Folders whose times others change all the while; only the marker is looked for there.
const BUSY: [&str; 6] = ["/tmp", "/var/tmp", "/run", "/dev", "/dev/shm", "/"];

fn nothing_outside_is_written(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    let neighbor = lab.host(NODES[1])?;
    attack(&lab.host(NODES[0])?, &neighbor, lab.folder())
}

/// What can be seen of a file from outside.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    inode: u64,
    mode: u32,
    owner: u32,
    size: u64,
    changed: (i64, i64),
}

fn look(paths: &[PathBuf]) -> Result<BTreeMap<PathBuf, Seen>> {
    let mut seen = BTreeMap::new();
    for path in paths {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            continue;
        };
        let what = Seen {
            inode: metadata.ino(),
            mode: metadata.mode(),
            owner: metadata.uid(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        seen.insert(path.clone(), what);
    }
    ensure!(
        seen.len() > 10,
        "the machine has none of the targets: {seen:?}"
    );
    Ok(seen)
}

/// Lets a login try everything, and looks at the machine before and after.
pub(crate) fn attack(host: &Host, neighbor: &Host, lab: &Path) -> Result<()> {
    let outside = tempfile::Builder::new()
        .prefix("reprise-victim-")
        .tempdir()?;
    // Open to everybody, so that only what the lab does protects it.
    fs::set_permissions(
        outside.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )?;
    let victim = outside.path().join("victim");
    fs::write(&victim, "untouched")?;
    fs::set_permissions(&victim, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    let mut paths: Vec<PathBuf> = TARGETS.iter().map(PathBuf::from).collect();
    paths.extend([outside.path().to_owned(), victim.clone()]);
    paths.extend(["etc", "etc/reprise", "tmp", "root"].map(|path| neighbor.root.join(path)));
    let before = look(&paths)?;
    let name = outside
        .path()
        .file_name()
        .context("a folder has a name")?
        .to_string_lossy();
    let marker = format!("{name}-was-here");

    let script = SCRIPT
        .replace("@MARKER@", &marker)
        .replace("@OUTSIDE@", &outside.path().display().to_string())
        .replace("@NEIGHBOR@", &neighbor.root.display().to_string())
        .replace("@PID@", &std::process::id().to_string());
    let ended = host.run_with(
        "cat > /root/attack; bash /root/attack 2>&1",
        script.as_bytes(),
    )?;
    ensure!(
        ended.stdout.contains("the attack is over"),
        "{}",
        ended.output()
    );
    let succeeded: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with("SUCCEEDED"))
        .collect();
    ensure!(succeeded.is_empty(), "{succeeded:#?}\n{}", ended.output());

    ensure!(
        before == look(&paths)?,
        "something outside has changed: {before:#?}\n{}",
        ended.output()
    );
    ensure!(fs::read_to_string(&victim)? == "untouched");
    let places = TARGETS.iter().chain(&BUSY).map(PathBuf::from);
    for place in places.chain([
        lab.to_owned(),
        neighbor.root.clone(),
        outside.path().to_owned(),
    ]) {
        ensure!(
            !place.join(&marker).exists(),
            "{} has the marker",
            place.display()
        );
    }
    // Where the node is its own, the same attempts did write: the attacker really tried.
    for own in ["etc", "tmp", "root", "usr/local/bin"] {
        let path = host.root.join(own).join(&marker);
        ensure!(
            path.exists(),
            "{} was not written: {}",
            path.display(),
            ended.output()
        );
    }
    Ok(())
}

/// Attempts that may do something on the node, and attempts that must fail altogether. None of them
/// would do harm to the machine on which they succeeded.
const SCRIPT: &str = r#"
marker=@MARKER@
# A path of the machine is a path of the node here, or none.
for folder in / /etc /etc/ssl /etc/alternatives /usr /usr/bin /usr/lib /usr/local /usr/local/bin \
    /root /home /var /var/lib /opt /boot /tmp /var/tmp /run /dev /dev/shm /sys /proc \
    "@OUTSIDE@" "@NEIGHBOR@" /proc/1/root/opt /proc/self/cwd/../../../../opt ../../../../../../opt; do
  echo x > "$folder/$marker"
done
must_fail() {
  if "$@" > /dev/null 2>&1; then echo "SUCCEEDED: $*"; else echo "refused: $*"; fi
}
must_fail sh -c 'echo x > "@OUTSIDE@/victim"'
must_fail test -e "@OUTSIDE@"
must_fail test -e "@NEIGHBOR@"
must_fail cp /bin/true "/usr/bin/$marker"
must_fail chmod u+x /usr/bin/env
must_fail chmod u+x /usr
must_fail touch /usr/bin/env
must_fail touch /etc/ssl
must_fail ln /usr/bin/env "/usr/lib/$marker"
must_fail mount -o remount,bind,rw /usr
must_fail mount -o remount,rw /
must_fail mount --bind /root /usr
must_fail mount -t tmpfs none /root
must_fail umount /usr
must_fail umount /proc/sys
must_fail unshare --mount true
must_fail unshare --user --map-root-user --mount sh -c 'mount -o remount,bind,rw /usr && touch /usr/$0' "$marker"
must_fail unshare --user --map-root-user --mount sh -c 'umount /usr/bin && touch /usr/bin/$0' "$marker"
must_fail mknod /root/disk b 254 0
must_fail mknod /root/memory c 1 1
must_fail sh -c 'value=$(cat /proc/sys/kernel/panic) && echo $value > /proc/sys/kernel/panic'
must_fail sh -c 'echo h > /proc/sysrq-trigger'
must_fail sh -c 'echo none > /sys/power/state'
must_fail hostname other
must_fail date --set=now
must_fail kill -0 @PID@
must_fail nsenter --target 1 --mount --pid true
must_fail chroot /proc/1/root/../.. test -e "@OUTSIDE@"
must_fail setpriv --inh-caps +sys_admin --ambient-caps +sys_admin true
must_fail sh -c 'cat /proc/[0-9]*/environ | tr "\0" "\n" | grep -q "^CARGO"'
# Out of a chroot by a folder that stays open: it ends at the node's own root.
must_fail perl -e 'mkdir "/root/jail"; opendir(D, "/"); chroot("/root/jail"); chdir(*D); chdir("..") for 1..64; chroot("."); exit(-e "@OUTSIDE@" ? 0 : 1)'
echo the attack is over
"#;
