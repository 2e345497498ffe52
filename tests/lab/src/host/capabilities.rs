//! What a node's root may do: own files, become others, but not touch the machine.

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

/// What stays, as containers have it. Mounting, devices, tracing and modules are gone, so that
/// read-only stays read-only also for a login that tries.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::AUDIT_WRITE);

/// Gives up everything else for all programs that are started from now on.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn give_up() -> Result<()> {
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        match remove_capability_from_bounding_set(capability) {
            // One that this kernel does not know.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot give up {capability:?}"));
            }
        }
    }
    Ok(())
}
