//! pve-types.
