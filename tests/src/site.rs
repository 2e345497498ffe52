//! A lab as the tests find it: one node with guests, a pool, storages and a token.

use anyhow::{Context as _, Result};
use reprise_lab::{GuestKind, Lab, LabConfig, Node, NodeConfig, Power, Release, Separation};
use tempfile::TempDir;

use crate::server::{Limited, Server};
use crate::suite::rights::ENOUGH;

/// The node of the site.
pub const NODE: &str = "pve-prod";
/// Its token with all rights.
pub const TOKEN: &str = "root@pam!tests";
/// Its virtual machine and its container.
pub const GUESTS: [u32; 2] = [100, 200];

/// A lab with one filled node. Every test has its own: nothing has to be taken back, and the
/// journal of a test is its own.
#[derive(Debug)]
pub struct Site {
    lab: Lab,
    _folder: TempDir,
}

impl Site {
    /// Starts one.
    ///
    /// # Errors
    /// When the lab cannot be started.
    pub fn start() -> Result<Self> {
        Self::of_release(Release::default())
    }

    /// Starts one whose node is this release of Proxmox VE.
    ///
    /// # Errors
    /// When the lab cannot be started.
    pub fn of_release(release: Release) -> Result<Self> {
        Self::with(release, |config| config)
    }

    /// Starts one that is set up otherwise.
    ///
    /// # Errors
    /// When the lab cannot be started.
    pub fn with(release: Release, change: impl FnOnce(LabConfig) -> LabConfig) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("reprise-lab-").tempdir()?;
        let mut node = NodeConfig::new(NODE).of_release(release);
        "not-a-word-of-any-dictionary".clone_into(&mut node.password);
        let config = LabConfig::new(folder.path()).with_nodes(vec![node]);
        let lab = Lab::start(&change(config))?;
        let site = Self {
            lab,
            _folder: folder,
        };
        site.fill()?;
        Ok(site)
    }

    fn fill(&self) -> Result<()> {
        let node = self.node()?;
        node.add_token(TOKEN, Separation::Shared)?;
        for (storage, content) in [("backups", "backup"), ("images", "images,rootdir")] {
            let path = format!("/srv/{storage}");
            node.add_storage(
                storage,
                "dir",
                &[
                    ("path", &path),
                    ("content", content),
                    ("prune-backups", "keep-all=1"),
                ],
            )?;
        }
        add_guests(node, GuestKind::Qemu, GUESTS[0], 2)?;
        add_guests(node, GuestKind::Lxc, GUESTS[1], 2)?;
        node.set_guest_option(GUESTS[0], "tags", "critical;web");
        node.set_guest_option(GUESTS[1], "tags", "web");
        node.set_running(GUESTS[0], Power::Running);
        node.add_pool("services", &[GUESTS[0]]);
        node.add_pool("others", &[GUESTS[1]]);
        Ok(())
    }

    /// The lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Its node.
    ///
    /// # Errors
    /// Never, unless the lab lost it.
    pub fn node(&self) -> Result<&Node> {
        self.lab.node(NODE)
    }

    /// It in the form of `--real FILE`.
    ///
    /// # Errors
    /// When the token is not there.
    pub fn server(&self) -> Result<Server> {
        self.server_with(TOKEN)
    }

    /// The same with another of its tokens.
    ///
    /// # Errors
    /// When the token is not there.
    pub fn server_with(&self, token: &str) -> Result<Server> {
        let node = self.node()?;
        let secret = node.tokens().remove(token);
        let folders = node.storage_folders().into_iter();
        Ok(Server {
            url: node.url(),
            node: NODE.to_owned(),
            token_id: token.to_owned(),
            token_secret: secret.with_context(|| format!("the lab has no token {token}"))?,
            user: "root@pam".to_owned(),
            password: node.password().to_owned(),
            ca_path: node.ca_path().display().to_string(),
            fingerprint: node.fingerprint().to_owned(),
            storages: folders
                .map(|(name, path)| (name, path.display().to_string()))
                .collect(),
            exec: Vec::new(),
            ct: GUESTS[1],
            vm: GUESTS[0],
            free_ids: [900, 999],
            limited: None,
        })
    }

    /// A token with the rights that the reference asks for, and no other.
    ///
    /// # Errors
    /// When the lab lost its node.
    pub fn limited(&self) -> Result<Limited> {
        let (user, token) = ("limited@pve", "limited@pve!suite");
        let node = self.node()?;
        node.add_user(user, "a-password");
        let token_secret = node.add_token(token, Separation::Shared)?;
        for (number, (path, privileges)) in ENOUGH.iter().enumerate() {
            let role = format!("Enough{number}");
            node.add_role(&role, privileges);
            node.grant(path, user, &role);
        }
        Ok(Limited {
            token_id: token.to_owned(),
            token_secret,
        })
    }

    /// How often the node was asked, and how often to change something.
    ///
    /// # Errors
    /// Never, unless the lab lost its node.
    pub fn calls(&self) -> Result<(usize, usize)> {
        let journal = self.node()?.journal();
        let writes = journal.iter().filter(|entry| entry.is_write()).count();
        Ok((journal.len(), writes))
    }
}

/// Adds so many guests, counting up from an id.
///
/// # Errors
/// When the file of a disk cannot be made.
pub fn add_guests(node: &Node, kind: GuestKind, first: u32, count: u32) -> Result<()> {
    for vmid in first..first.saturating_add(count) {
        let name = format!("guest-{vmid}");
        let disk = format!("images:{vmid}/vm-{vmid}-disk-0.raw,size=1M");
        let config = match kind {
            GuestKind::Qemu => [("name", name.as_str()), ("scsi0", disk.as_str())],
            GuestKind::Lxc => [("hostname", name.as_str()), ("rootfs", disk.as_str())],
        };
        node.add_guest(vmid, kind, &config)?;
    }
    Ok(())
}
