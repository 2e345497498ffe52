//! The caller's own rights.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pve_types::{Privilege, StorageId, Vmid};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{ApiPath, Client, Error, Gap, Params, Request};

/// What the caller may do, path by path.
///
/// The list holds the paths on which something is granted. Entries on a deeper path replace those
/// above it, so the deepest entry counts alone. An entry that takes *every* right away on a
/// deeper path is the one thing the list does not show; [`Client::permissions_on`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Answer")]
pub struct Permissions {
    paths: BTreeMap<String, BTreeMap<String, bool>>,
    all: bool,
}

/// A privilege to `1` when it also counts for paths below, else `0`.
#[derive(Debug, Deserialize)]
struct Flag(#[serde(deserialize_with = "pve_types::lenient::flag")] bool);

type Answer = BTreeMap<String, BTreeMap<String, Flag>>;

impl From<Answer> for Permissions {
    fn from(answer: Answer) -> Self {
        let flags = |granted: BTreeMap<String, Flag>| {
            granted
                .into_iter()
                .map(|(name, Flag(flag))| (name, flag))
                .collect()
        };
        Self {
            paths: answer
                .into_iter()
                .map(|(path, granted)| (path, flags(granted)))
                .collect(),
            all: false,
        }
    }
}

impl FromIterator<(String, BTreeMap<String, bool>)> for Permissions {
    /// From paths with their privileges; `true` when a privilege also counts below the path.
    fn from_iter<I: IntoIterator<Item = (String, BTreeMap<String, bool>)>>(paths: I) -> Self {
        Self {
            paths: paths.into_iter().collect(),
            all: false,
        }
    }
}

impl Permissions {
    /// Every right on every path: those of `root@pam` itself, for whom PVE checks nothing.
    pub const fn all() -> Self {
        Self {
            paths: BTreeMap::new(),
            all: true,
        }
    }

    /// Is the privilege held on this path, granted there or on a path above?
    pub fn has(&self, path: &str, privilege: &str) -> bool {
        self.all
            || self
                .decisive(path)
                .and_then(|(own, granted)| granted.get(privilege).map(|below| own || *below))
                .unwrap_or(false)
    }

    /// Is the privilege held on this path and on everything below it?
    pub fn has_below(&self, path: &str, privilege: &str) -> bool {
        let on_path = || {
            self.decisive(path)
                .and_then(|(_, granted)| granted.get(privilege).copied())
                .unwrap_or(false)
        };
        self.all
            || on_path()
                && self
                    .paths_below(path)
                    .all(|(_, granted)| granted.contains_key(privilege))
    }

    /// Is there any right at all?
    pub fn is_empty(&self) -> bool {
        !self.all && self.paths.is_empty()
    }

    /// Guests are only shown with `VM.Audit`: can some be hidden?
    pub fn gap_for_guests(&self) -> Option<Gap> {
        self.gap_below("/vms", &["VM.Audit"], "guests may be hidden")
    }

    /// Storages are only shown with `Datastore.Audit` or `Datastore.AllocateSpace`: can some be
    /// hidden?
    pub fn gap_for_storages(&self) -> Option<Gap> {
        self.gap_below(
            "/storage",
            &["Datastore.Audit", "Datastore.AllocateSpace"],
            "storages may be hidden",
        )
    }

    /// Pools are only shown with `Pool.Audit`: can some be hidden?
    pub fn gap_for_pools(&self) -> Option<Gap> {
        self.gap_below("/pool", &["Pool.Audit"], "pools may be hidden")
    }

    /// Archives on a storage are only shown to who may use them: can some be hidden? For one guest
    /// or for all.
    pub fn gap_for_archives(&self, storage: &StorageId, guest: Option<Vmid>) -> Option<Gap> {
        let on_storage = format!("/storage/{storage}");
        if self.has(&on_storage, "Datastore.Allocate") {
            return None;
        }
        if !self.has(&on_storage, "Datastore.AllocateSpace") {
            return gap(
                "Datastore.AllocateSpace",
                &on_storage,
                "archives may be hidden",
            );
        }
        match guest {
            Some(vmid) => {
                let on_guest = format!("/vms/{vmid}");
                (!self.has(&on_guest, "VM.Backup"))
                    .then(|| {
                        gap(
                            "VM.Backup",
                            &on_guest,
                            "archives of this guest may be hidden",
                        )
                    })
                    .flatten()
            }
            None => self.gap_below("/vms", &["VM.Backup"], "archives of guests may be hidden"),
        }
    }

    /// The deepest entry that says something about `path`, and whether it stands on `path` itself.
    fn decisive(&self, path: &str) -> Option<(bool, &BTreeMap<String, bool>)> {
        let mut candidate = path;
        loop {
            if let Some(granted) = self.paths.get(candidate) {
                return Some((candidate == path, granted));
            }
            candidate = match candidate.rsplit_once('/') {
                Some(("", "")) | None => return None,
                Some(("", _)) => "/",
                Some((above, _)) => above,
            };
        }
    }

    fn paths_below<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a BTreeMap<String, bool>)> {
        self.paths.iter().filter(move |(known, _)| {
            known
                .strip_prefix(path)
                .is_some_and(|rest| path == "/" && !rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The first path at or below `path` on which none of the privileges is held.
    fn gap_below(&self, path: &str, any_of: &[&str], why: &str) -> Option<Gap> {
        if self.all {
            return None;
        }
        let first = any_of.first().copied()?;
        let held = self.decisive(path).is_some_and(|(_, granted)| {
            any_of
                .iter()
                .any(|name| granted.get(*name).copied().unwrap_or(false))
        });
        if !held {
            return gap(first, path, why);
        }
        self.paths_below(path)
            .find(|(_, granted)| !any_of.iter().any(|name| granted.contains_key(*name)))
            .and_then(|(below, _)| gap(first, below, why))
    }
}

fn gap(privilege: &str, path: &str, why: &str) -> Option<Gap> {
    // The names come from this file; a wrong one would be found by the tests below.
    let privilege: Privilege = privilege.parse().ok()?;
    Some(Gap {
        privilege,
        path: path.to_owned(),
        why: why.to_owned(),
    })
}

fn permissions_path() -> ApiPath {
    ApiPath::new("access/permissions")
}

/// The rights as far as they were asked for, for a client that asks once.
pub(crate) type Remembered = Arc<Mutex<Option<Permissions>>>;

impl Client {
    /// The caller's own rights on every path that matters; needs no right itself. Root is not
    /// asked about.
    pub fn permissions(&self) -> Result<Permissions, Error> {
        if self.identity().is_root() {
            return Ok(Permissions::all());
        }
        let ask = || {
            self.get::<Answer>(
                &permissions_path(),
                &Params::new(),
                "read the caller's own rights",
            )
            .map(Permissions::from)
        };
        let Some(remembered) = self.remembered() else {
            return ask();
        };
        // Locked while it is asked: who comes meanwhile waits for the same answer.
        let mut known = remembered.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(permissions) => Ok(permissions.clone()),
            None => Ok(known.insert(ask()?).clone()),
        }
    }

    /// The caller's own rights on one path, exactly.
    pub fn permissions_on(&self, path: &str) -> Result<Permissions, Error> {
        if self.identity().is_root() {
            return Ok(Permissions::all());
        }
        let params = Params::new().with("path", path);
        self.get::<Answer>(
            &permissions_path(),
            &params,
            format_args!("read the caller's own rights on `{path}`"),
        )
        .map(Into::into)
    }

    /// Reads something, and beside it the rights that say whether it is all there is.
    pub(super) fn get_with_rights<T: DeserializeOwned>(
        &self,
        path: &ApiPath,
        action: &str,
    ) -> Result<(T, Permissions), Error> {
        let list = || self.get(path, &Params::new(), action);
        let both = || {
            let requests = (Request::new(path.clone()), Request::new(permissions_path()));
            let (answer, rights) = self.get_two::<T, Answer>(requests.0, requests.1, action)?;
            Ok((answer, Permissions::from(rights)))
        };
        if self.identity().is_root() {
            return Ok((list()?, Permissions::all()));
        }
        let Some(remembered) = self.remembered() else {
            return both();
        };
        match remembered.try_lock() {
            Ok(mut known) => {
                if let Some(permissions) = known.clone() {
                    drop(known);
                    return Ok((list()?, permissions));
                }
                let (answer, permissions) = both()?;
                *known = Some(permissions.clone());
                Ok((answer, permissions))
            }
            // Somebody else is asking for them just now.
            Err(_) => Ok((list()?, self.permissions()?)),
        }
    }
}
