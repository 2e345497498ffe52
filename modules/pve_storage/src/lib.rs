//! pve_storage.
