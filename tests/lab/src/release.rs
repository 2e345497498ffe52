//! Which release of Proxmox VE the nodes are, for all that say so.

/// The version of pve-manager.
pub(crate) const VERSION: &str = "8.4.21";
/// Its first two numbers.
pub(crate) const RELEASE: &str = "8.4";
/// What pve-manager was built from.
pub(crate) const REPOSITORY: &str = "0123456789abcdef";
/// The release of the kernel.
pub(crate) const KERNEL: &str = "6.8.12-9-pve";

/// Name, version and source of pve-manager.
pub(crate) fn manager() -> String {
    format!("pve-manager/{VERSION}/{REPOSITORY}")
}
