//! pve-client.
