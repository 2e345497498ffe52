//! What makes a node be there or not: its web server and its logins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedSender, WeakUnboundedSender};

use crate::host::Switch;
use crate::http::server::Command;

/// The supply of one node.
#[derive(Debug)]
pub(crate) struct Supply {
    // The server ends with its last sender, which the node has.
    commands: WeakUnboundedSender<Command>,
    logins: Mutex<Option<Switch>>,
    down: AtomicBool,
}

impl Supply {
    pub(crate) fn new(commands: &UnboundedSender<Command>) -> Self {
        Self {
            commands: commands.downgrade(),
            logins: Mutex::default(),
            down: AtomicBool::new(false),
        }
    }

    /// The node can be logged in to.
    pub(crate) fn with_logins(&self, switch: Switch) {
        *self.logins.lock().unwrap_or_else(PoisonError::into_inner) = Some(switch);
    }

    /// Whether somebody took the node down.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    /// Takes it down.
    pub(crate) fn off(&self) -> anyhow::Result<()> {
        self.switch(Switch::off)?;
        self.down.store(true, Ordering::SeqCst);
        self.command(Command::Down)
    }

    /// Lets it come back.
    pub(crate) fn on(&self) -> anyhow::Result<()> {
        self.switch(Switch::on)?;
        self.down.store(false, Ordering::SeqCst);
        self.command(Command::Up)
    }

    fn switch(&self, act: impl FnOnce(&Switch) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.as_ref().map_or(Ok(()), act)
    }

    fn command(
        &self,
        command: impl FnOnce(mpsc::Sender<std::io::Result<()>>) -> Command,
    ) -> anyhow::Result<()> {
        let ended = "the server of the node has ended";
        let (done, wait) = mpsc::channel();
        let commands = self.commands.upgrade().context(ended)?;
        commands
            .send(command(done))
            .map_err(|_| anyhow::anyhow!(ended))?;
        wait.recv()
            .context(ended)?
            .context("the node cannot listen on its port")
    }
}
