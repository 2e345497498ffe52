//! The parameters of a storage, as `/storage` has them.

use module_kit::settings::Shape;

/// The names of the parameters.
pub(crate) mod key {
    pub(crate) const CONTENT: &str = "content";
    pub(crate) const NODES: &str = "nodes";
    pub(crate) const DISABLE: &str = "disable";
    pub(crate) const SHARED: &str = "shared";
    pub(crate) const MAX_PROTECTED_BACKUPS: &str = "max-protected-backups";
    pub(crate) const PRUNE_BACKUPS: &str = "prune-backups";
    pub(crate) const PATH: &str = "path";
    pub(crate) const IS_MOUNTPOINT: &str = "is_mountpoint";
    pub(crate) const CREATE_BASE_PATH: &str = "create-base-path";
    pub(crate) const CREATE_SUBDIRS: &str = "create-subdirs";
    pub(crate) const SERVER: &str = "server";
    pub(crate) const EXPORT: &str = "export";
    pub(crate) const SHARE: &str = "share";
    pub(crate) const DATASTORE: &str = "datastore";
    pub(crate) const OPTIONS: &str = "options";
    pub(crate) const USERNAME: &str = "username";
    pub(crate) const PASSWORD: &str = "password";
    pub(crate) const DOMAIN: &str = "domain";
    pub(crate) const SMBVERSION: &str = "smbversion";
    pub(crate) const SUBDIR: &str = "subdir";
    pub(crate) const NAMESPACE: &str = "namespace";
    pub(crate) const FINGERPRINT: &str = "fingerprint";
    pub(crate) const PORT: &str = "port";
    pub(crate) const TYPE: &str = "type";

    /// What Proxmox VE cannot change once the storage exists.
    pub(crate) const FIXED: [&str; 6] = [TYPE, PATH, SERVER, EXPORT, SHARE, DATASTORE];
}

/// The defaults of Proxmox VE.
pub(crate) static SHAPE: Shape = Shape {
    defaults: &[
        (key::DISABLE, "0"),
        (key::SHARED, "0"),
        (key::IS_MOUNTPOINT, "no"),
        (key::CREATE_BASE_PATH, "1"),
        (key::CREATE_SUBDIRS, "1"),
        (key::SMBVERSION, "default"),
        (key::PORT, "8007"),
    ],
    undeletable: &[],
    requires: &[],
};
