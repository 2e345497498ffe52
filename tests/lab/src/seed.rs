//! Putting things into a node without the API: what an installation would already have.

use std::collections::BTreeMap;

use anyhow::Context as _;

use crate::access::{AclEntry, Token, User};
use crate::files;
use crate::http::tls;
use crate::job::Job;
use crate::node::Node;
use crate::parameters::{Parameter, Parameters};
use crate::refusal::Refusal;
use crate::storage::Plugin;

/// Whether a token has the rights of its user or only its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separation {
    /// The user's rights.
    Shared,
    /// Only what its own entries and the user's rights both give.
    Separated,
}

impl Node {
    /// What every installation has: root@pam and the storage `local`.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        self.add_user("root@pam", self.password());
        self.add_storage(
            "local",
            "dir",
            &[
                ("path", "/var/lib/vz"),
                ("content", "backup,iso,vztmpl"),
                ("prune-backups", "keep-all=1"),
            ],
        )
    }

    /// Adds a user, or changes the password of one.
    pub fn add_user(&self, user: &str, password: &str) {
        let mut state = self.core.state();
        let record = state
            .access
            .users
            .entry(user.to_owned())
            .or_insert_with(|| User::new(String::new()));
        password.clone_into(&mut record.password);
    }

    /// Forbids a user to log in.
    pub fn disable_user(&self, user: &str) {
        if let Some(record) = self.core.state().access.users.get_mut(user) {
            record.enabled = false;
        }
    }

    /// Adds a token `user@realm!name` and gives back its secret.
    ///
    /// # Errors
    /// When the id has no `!` or the user is not there.
    pub fn add_token(&self, id: &str, separation: Separation) -> anyhow::Result<String> {
        self.add_token_until(id, separation, 0)
    }

    /// Adds a token that is refused from a Unix time on.
    ///
    /// # Errors
    /// When the id has no `!` or the user is not there.
    pub fn add_token_until(
        &self,
        id: &str,
        separation: Separation,
        expires: i64,
    ) -> anyhow::Result<String> {
        let (user, name) = id
            .split_once('!')
            .with_context(|| format!("{id} is no token id"))?;
        let secret = tls::random_uuid()?;
        let token = Token {
            secret: secret.clone(),
            separated: separation == Separation::Separated,
            expires,
            comment: None,
        };
        let mut state = self.core.state();
        let record = state.access.users.get_mut(user);
        let record = record.with_context(|| format!("token {id}: there is no user {user}"))?;
        record.tokens.insert(name.to_owned(), token);
        Ok(secret)
    }

    /// Adds a role with privileges separated by commas.
    pub fn add_role(&self, role: &str, privileges: &str) {
        let privileges = privileges
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        self.core
            .state()
            .access
            .custom_roles
            .insert(role.to_owned(), privileges);
    }

    /// Gives a user or token a role on a path and everything below it.
    pub fn grant(&self, path: &str, holder: &str, role: &str) {
        self.core.state().access.grant(AclEntry {
            path: path.to_owned(),
            holder: holder.to_owned(),
            role: role.to_owned(),
            propagates: true,
        });
    }

    /// Takes away everything that a user or token was given on a path.
    pub fn withdraw(&self, path: &str, holder: &str) {
        let mut state = self.core.state();
        state
            .access
            .acl
            .retain(|entry| entry.path != path || entry.holder != holder);
    }

    /// Adds a storage; its folders appear under the root of the node.
    ///
    /// # Errors
    /// What PVE would refuse.
    pub fn add_storage(
        &self,
        id: &str,
        kind: &str,
        options: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let mut parameters = Parameters::default();
        for (name, value) in options {
            parameters.append(name, (*value).to_owned());
        }
        let failed =
            |refusal: Refusal| anyhow::anyhow!("storage {id}: {}", refusal.message().trim_end());
        let plugin = Plugin::of(kind).map_err(failed)?;
        let storage = plugin.create(id, &parameters).map_err(failed)?;
        if !storage.is_disabled() {
            files::activate(&self.core, &storage).map_err(failed)?;
        }
        self.core.state().storages.put(storage);
        Ok(())
    }

    /// Adds a job as it would stand in `jobs.cfg`. Nothing is checked.
    pub fn add_job(&self, id: &str, options: &[(&str, &str)]) {
        let mut options: BTreeMap<_, _> = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Parameter::Text((*value).to_owned())))
            .collect();
        options
            .entry("enabled".to_owned())
            .or_insert_with(|| Parameter::Text("1".to_owned()));
        self.core.state().jobs.put(Job {
            id: id.to_owned(),
            options,
        });
    }
}
