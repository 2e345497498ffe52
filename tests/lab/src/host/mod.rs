//! The nodes as hosts: what logs in by ssh stands in the node's own root folder, as root, with the
//! machine's programs read-only around it and nothing else of the machine in sight.
//!
//! ```text
//! lab ── outer ── supervisor (pid 1 of the hosts)
//!                   ├─ a node's holder ── its pid 1, in namespaces of its own
//!                   └─ sshd, one per connection ── enter ── shell, below the node's pid 1
//! ```
//!
//! The kernel keeps the promise that nothing outlives the lab: everything is in the process
//! namespace of the supervisor, which ends when the lab closes its standard input or is gone.
//! A process that somebody detaches on a node lives in that node's namespace and outlasts its login.

mod capabilities;
mod config;
mod enter;
mod files;
mod keys;
mod mountpoint;
mod mounts;
mod namespaces;
mod node_init;
mod on_node;
mod outer;
mod process;
mod program;
mod pveversion;
mod reap;
mod running;
mod sshd_view;
mod supervisor;
mod systemctl;
mod view;

pub use config::HostsConfig;
pub use program::{HostCommand, called_as};
pub use running::SshLogin;
pub(crate) use running::{HostedNode, Hosts, Switch};
pub use systemctl::SystemctlCall;
