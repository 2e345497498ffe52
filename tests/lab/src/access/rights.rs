//! Which privileges an identity holds on a path.
//!
//! An entry on a deeper path replaces those of the upper ones, several on one path are united.
//! A guest or storage also has the rights of the pool it is a member of.

use std::collections::{BTreeMap, BTreeSet};

use super::Access;
use super::identity::Identity;
use super::privileges::{self, CAPABILITIES, Privilege};

/// Privileges on one path; the flag says whether they reach deeper paths.
pub(crate) type Held = BTreeMap<Privilege, bool>;

impl Access {
    /// The privileges on a path, without those of a pool.
    pub(crate) fn held(&self, identity: &Identity, path: &str) -> Held {
        let user = if identity.user_id() == "root@pam" {
            privileges::all()
                .into_iter()
                .map(|privilege| (privilege, true))
                .collect()
        } else {
            self.held_by(identity.user_id(), path)
        };
        let Some(name) = identity.token_name() else {
            return user;
        };
        let separated = self
            .users
            .get(identity.user_id())
            .and_then(|owner| owner.tokens.get(name))
            .is_some_and(|token| token.separated);
        if !separated {
            return user;
        }
        let own = self.held_by(&identity.to_string(), path);
        let mut both = Held::new();
        for (privilege, propagates) in own {
            if let Some(of_user) = user.get(&privilege) {
                both.insert(privilege, propagates && *of_user);
            }
        }
        both
    }

    fn held_by(&self, holder: &str, path: &str) -> Held {
        let mut held = Held::new();
        for upper in prefixes(path) {
            let roles: Vec<_> = self
                .acl
                .iter()
                .filter(|entry| entry.holder == holder && entry.path == upper)
                .filter(|entry| upper == path || entry.propagates)
                .collect();
            if roles.is_empty() {
                continue;
            }
            held.clear();
            if roles.iter().any(|entry| entry.role == "NoAccess") {
                continue;
            }
            for entry in roles {
                for privilege in self.role(&entry.role).unwrap_or_default() {
                    let flag = held.entry(privilege).or_insert(false);
                    *flag = *flag || entry.propagates;
                }
            }
        }
        held
    }

    /// The paths on which `/access/permissions` reports.
    pub(crate) fn known_paths(&self) -> BTreeSet<String> {
        let fixed = [
            "/",
            "/access",
            "/access/groups",
            "/mapping",
            "/nodes",
            "/pool",
            "/sdn",
            "/storage",
            "/vms",
        ];
        let mut paths: BTreeSet<String> = fixed.map(str::to_owned).into();
        paths.extend(self.acl.iter().map(|entry| entry.path.clone()));
        paths
    }

    /// What the answer to a login says the user may do.
    pub(crate) fn capabilities(
        &self,
        identity: &Identity,
    ) -> BTreeMap<&'static str, BTreeMap<&'static str, u8>> {
        let paths = self.known_paths();
        CAPABILITIES
            .iter()
            .map(|(part, names)| {
                let inside = |path: &str| match *part {
                    "dc" => path == "/",
                    part => path.strip_prefix('/').is_some_and(|rest| {
                        rest == part
                            || rest
                                .strip_prefix(part)
                                .is_some_and(|rest| rest.starts_with('/'))
                    }),
                };
                let mut held = BTreeSet::new();
                for path in paths.iter().filter(|path| inside(path)) {
                    held.extend(self.held(identity, path).into_keys());
                }
                let names = names
                    .iter()
                    .filter(|name| held.contains(**name))
                    .map(|name| (*name, 1));
                (*part, names.collect())
            })
            .collect()
    }
}

// `/`, `/vms`, `/vms/100`.
fn prefixes(path: &str) -> Vec<&str> {
    let mut prefixes = vec!["/"];
    prefixes.extend(
        path.match_indices('/')
            .skip(1)
            .filter_map(|(at, _)| path.get(..at)),
    );
    if path != "/" {
        prefixes.push(path);
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AclEntry, Token, User};

    fn entry(path: &str, holder: &str, role: &str, propagates: bool) -> AclEntry {
        AclEntry {
            path: path.to_owned(),
            holder: holder.to_owned(),
            role: role.to_owned(),
            propagates,
        }
    }

    fn access() -> Access {
        let token = Token {
            secret: "s".to_owned(),
            separated: true,
            expires: 0,
            comment: None,
        };
        let mut user = User::new("p".to_owned());
        user.tokens.insert("sep".to_owned(), token);
        Access {
            users: [
                ("root@pam".to_owned(), user.clone()),
                ("a@pve".to_owned(), user),
            ]
            .into(),
            custom_roles: BTreeMap::new(),
            acl: vec![
                entry("/", "a@pve", "PVEAuditor", true),
                entry("/vms", "a@pve", "PVEVMUser", true),
                entry("/storage", "a@pve", "PVEDatastoreUser", false),
                entry("/", "root@pam!sep", "PVEAuditor", true),
            ],
        }
    }

    #[test]
    fn a_deeper_path_replaces_and_does_not_add() {
        let access = access();
        let user = Identity::user("a@pve");
        assert!(access.held(&user, "/nodes/x").contains_key("Sys.Audit"));
        let guest = access.held(&user, "/vms/100");
        assert!(guest.contains_key("VM.Backup"));
        assert!(!guest.contains_key("Sys.Audit"));
    }

    #[test]
    fn an_entry_without_propagation_stays_on_its_path() {
        let access = access();
        let user = Identity::user("a@pve");
        assert_eq!(
            access
                .held(&user, "/storage")
                .get("Datastore.AllocateSpace"),
            Some(&false)
        );
        assert!(
            !access
                .held(&user, "/storage/b")
                .contains_key("Datastore.AllocateSpace")
        );
        assert!(
            access
                .held(&user, "/storage/b")
                .contains_key("Datastore.Audit")
        );
    }

    #[test]
    fn a_separated_token_has_what_both_have() {
        let access = access();
        assert!(
            access
                .held(&Identity::token("a@pve", "sep"), "/")
                .is_empty()
        );
        let token = access.held(&Identity::token("root@pam", "sep"), "/");
        assert!(token.contains_key("Sys.Audit"));
        assert!(!token.contains_key("Sys.Modify"));
    }

    #[test]
    fn capabilities_come_in_their_parts() {
        let access = access();
        let cap = access.capabilities(&Identity::user("a@pve"));
        assert_eq!(
            cap["dc"].keys().copied().collect::<Vec<_>>(),
            ["SDN.Audit", "Sys.Audit"]
        );
        assert!(cap["access"].is_empty());
        assert!(cap["vms"].contains_key("VM.Backup"));
    }
}
