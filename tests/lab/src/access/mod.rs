//! Who may do what on a node: users, tokens, roles, access control lists.

pub(crate) mod identity;
pub(crate) mod privileges;
pub(crate) mod rights;
pub(crate) mod ticket;

use std::collections::{BTreeMap, BTreeSet};

use privileges::Privilege;

/// A user of a node.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) password: String,
    pub(crate) enabled: bool,
    /// Unix time after which it is refused; 0 is never.
    pub(crate) expires: i64,
    /// What is only told, such as `comment`.
    pub(crate) told: BTreeMap<String, String>,
    /// Tokens by their id.
    pub(crate) tokens: BTreeMap<String, Token>,
}

impl User {
    /// One that may log in.
    pub(crate) fn new(password: String) -> Self {
        Self {
            password,
            enabled: true,
            expires: 0,
            told: BTreeMap::new(),
            tokens: BTreeMap::new(),
        }
    }
}

/// An API token of a user.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) secret: String,
    /// Whether the token has only the rights that its own ACLs give it.
    pub(crate) separated: bool,
    /// Unix time after which it is refused; 0 is never.
    pub(crate) expires: i64,
    pub(crate) comment: Option<String>,
}

/// One entry of an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AclEntry {
    pub(crate) path: String,
    /// A user id, or a full token id.
    pub(crate) holder: String,
    pub(crate) role: String,
    pub(crate) propagates: bool,
}

/// Everything about access on one node.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) custom_roles: BTreeMap<String, BTreeSet<Privilege>>,
    pub(crate) acl: Vec<AclEntry>,
}

impl Access {
    /// The privileges of a role, whether it came with PVE or was added.
    pub(crate) fn role(&self, name: &str) -> Option<BTreeSet<Privilege>> {
        self.custom_roles
            .get(name)
            .cloned()
            .or_else(|| privileges::built_in(name))
    }

    /// Adds an entry once.
    pub(crate) fn grant(&mut self, entry: AclEntry) {
        self.acl.retain(|present| {
            (&present.path, &present.holder, &present.role)
                != (&entry.path, &entry.holder, &entry.role)
        });
        self.acl.push(entry);
    }
}
