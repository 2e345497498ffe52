//! One ssh connection: the user's own `ssh`, agent and configuration.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder};

use crate::error::Error;
use crate::explain;
use crate::target::Target;

/// How connections are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// In place of the user's `~/.ssh/config`.
    pub config: Option<PathBuf>,
}

/// A machine that does not answer is given up after this long.
const CONNECT: Duration = Duration::from_secs(15);

/// How often a silent machine is asked whether it is still there; three times without an answer
/// and the connection counts as lost.
const ALIVE: Duration = Duration::from_secs(10);

/// Should we be killed, the connection that ssh holds in the background ends by itself.
const IDLE: NonZeroUsize = match NonZeroUsize::new(20) {
    Some(seconds) => seconds,
    None => NonZeroUsize::MIN,
};

pub(crate) async fn connect(settings: &Settings, target: &Target) -> Result<Session, Error> {
    let mut builder = SessionBuilder::default();
    builder
        // What nobody has looked at is not trusted: the user decides, in a connection by hand.
        .known_hosts_check(KnownHosts::Strict)
        .connect_timeout(CONNECT)
        .server_alive_interval(ALIVE)
        .control_persist(ControlPersist::IdleFor(IDLE));
    if let Some(user) = &target.user {
        builder.user(user.clone());
    }
    if let Some(port) = target.port {
        builder.port(port);
    }
    if let Some(config) = &settings.config {
        builder.config_file(config);
    }
    builder
        .connect(&target.host)
        .await
        .map_err(|error| explain::not_connected(target, &error))
}
