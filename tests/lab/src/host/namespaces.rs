//! Namespaces of processes, mounts and users, and what to say where the machine refuses them.

use std::fs;
use std::io;

use anyhow::{Context as _, Result};
use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

/// What somebody can do about a refusal.
pub(crate) const ADVICE: &str = "the hosts of the lab need namespaces. As root on a real machine \
they are there; in a container they need CAP_SYS_ADMIN (`--privileged`). Other users need \
`sysctl user.max_user_namespaces` above 0, on Debian `kernel.unprivileged_userns_clone=1`, on Ubuntu \
`kernel.apparmor_restrict_unprivileged_userns=0`. Without them only the API of the lab can be used: \
`cargo xtask lab up --no-hosts`";

/// Whether we are the machine's root, or root of a container.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Leaves namespaces of the caller for new ones.
///
/// # Errors
/// When the machine refuses, with what to do about it.
pub(crate) fn leave(flags: UnshareFlags, what: &str) -> Result<()> {
    // Only sharing of descriptors between threads would be unsafe; that flag is never given.
    #[expect(
        deprecated,
        reason = "its replacement is unsafe for a flag that we do not use"
    )]
    rustix::thread::unshare(flags)
        .with_context(|| format!("this machine refuses {what} namespaces; {ADVICE}"))
}

/// Goes into a new user namespace in which the caller has this id, and no other id exists.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn become_user(inside: UserInside) -> Result<()> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    leave(UnshareFlags::NEWUSER, "user")?;
    let (own_user, own_group) = match inside {
        UserInside::Same => (uid, gid),
        UserInside::Root => (0, 0),
    };
    let write = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text)
            .with_context(|| format!("this machine refuses to map users ({file}); {ADVICE}"))
    };
    // Older kernels have no such file, and then need no such word.
    match fs::write("/proc/self/setgroups", "deny") {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot give up groups; {ADVICE}"));
        }
        _ => {}
    }
    write("uid_map", format!("{own_user} {uid} 1\n"))?;
    write("gid_map", format!("{own_group} {gid} 1\n"))
}

/// Who the caller is in its new user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserInside {
    /// As outside.
    Same,
    /// Root.
    Root,
}
