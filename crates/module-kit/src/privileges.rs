//! The least rights that the operations of a module need, and the lines that give them to a token.

use std::collections::{BTreeMap, BTreeSet};

/// One thing that a module does, and what it needs for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The value of `state` that asks for it.
    pub name: &'static str,
    /// All of them are needed, those with a condition when it holds.
    pub needs: &'static [Need],
}

/// A privilege on a path, and what it is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Its name in Proxmox VE.
    pub privilege: &'static str,
    /// Where it is needed.
    pub on: Place,
    /// What for.
    pub why: &'static str,
    /// Needed only then.
    pub when: Option<Condition>,
    /// What a run without it does.
    pub missing: Missing,
}

/// A case in which more is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// A word for `--without`.
    pub name: &'static str,
    /// The case, to be read after "when".
    pub text: &'static str,
}

/// The path of a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Everything: `/`.
    System,
    /// All guests.
    Guests,
    /// All pools.
    Pools,
    /// All storages. Proxmox VE has no right to define one storage alone.
    Storages,
    /// The storages that are used, or all of them when none is named.
    UsedStorages,
}

/// What a run does without a privilege. Check mode does the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is refused, and names the privilege and the path.
    Refused,
    /// What cannot be seen is told as unknown, with the privilege and the path.
    Unknown,
}

impl Need {
    /// Needed always; without it a run is refused.
    pub const fn new(privilege: &'static str, on: Place, why: &'static str) -> Self {
        Self {
            privilege,
            on,
            why,
            when: None,
            missing: Missing::Refused,
        }
    }

    /// Needed only in this case.
    #[must_use]
    pub const fn when(mut self, condition: Condition) -> Self {
        self.when = Some(condition);
        self
    }

    /// Without it something is told as unknown.
    #[must_use]
    pub const fn or_unknown(mut self) -> Self {
        self.missing = Missing::Unknown;
        self
    }
}

impl Place {
    /// The path for a person: what is in angle brackets is chosen.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::System => "/",
            Self::Guests => "/vms",
            Self::Pools => "/pool",
            Self::Storages => "/storage",
            Self::UsedStorages => "/storage/<storage>",
        }
    }

    /// The paths, when these storages are the ones that are used.
    fn paths(self, storages: &[String]) -> Vec<String> {
        match self {
            Self::UsedStorages if storages.is_empty() => vec![Self::Storages.shown().to_owned()],
            Self::UsedStorages => storages
                .iter()
                .map(|storage| format!("/storage/{storage}"))
                .collect(),
            other => vec![other.shown().to_owned()],
        }
    }
}

/// Who gets the rights, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// `user@realm`.
    pub user: String,
    /// The name of the token.
    pub token: String,
    /// The storages that are used; all when empty.
    pub storages: Vec<String>,
    /// What the names of the roles begin with.
    pub role_prefix: String,
}

impl Default for Holder {
    fn default() -> Self {
        Self {
            user: "reprise@pve".to_owned(),
            token: "ansible".to_owned(),
            storages: Vec::new(),
            role_prefix: "Reprise".to_owned(),
        }
    }
}

/// A role, and the path on which the user has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The path.
    pub path: String,
    /// The name of the role.
    pub role: String,
    /// Its privileges.
    pub privileges: BTreeSet<&'static str>,
}

/// The roles that give all this to the holder, one for each path.
pub fn grants<'a>(needs: impl IntoIterator<Item = &'a Need>, holder: &Holder) -> Vec<Grant> {
    let mut by_path: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for need in needs {
        for path in need.on.paths(&holder.storages) {
            by_path.entry(path).or_default().insert(need.privilege);
        }
    }
    // An entry on a deeper path replaces those above it: it repeats what they give.
    let all_storages = by_path.get("/storage").cloned().unwrap_or_default();
    for (path, privileges) in &mut by_path {
        if path.starts_with("/storage/") {
            privileges.extend(&all_storages);
        }
    }
    let mut roles: BTreeMap<BTreeSet<&'static str>, String> = BTreeMap::new();
    by_path
        .into_iter()
        .map(|(path, privileges)| {
            let role = roles
                .entry(privileges.clone())
                .or_insert_with(|| format!("{}{}", holder.role_prefix, role_suffix(&path)))
                .clone();
            Grant {
                path,
                role,
                privileges,
            }
        })
        .collect()
}

/// One role serves all storages that are named.
fn role_suffix(path: &str) -> &'static str {
    match path {
        "/" => "System",
        "/vms" => "Guests",
        "/pool" => "Pools",
        "/storage" => "Storages",
        _ => "Storage",
    }
}

/// The lines for root on a node that make the roles, the user and the token.
pub fn lines(grants: &[Grant], holder: &Holder) -> Vec<String> {
    let mut lines = Vec::new();
    let mut made: BTreeSet<&str> = BTreeSet::new();
    for grant in grants {
        if made.insert(&grant.role) {
            let privileges: Vec<&str> = grant.privileges.iter().copied().collect();
            lines.push(format!(
                "pveum role add {} --privs \"{}\"",
                grant.role,
                privileges.join(",")
            ));
        }
    }
    lines.push(format!("pveum user add {}", holder.user));
    for grant in grants {
        lines.push(format!(
            "pveum acl modify {} --users {} --roles {}",
            grant.path, holder.user, grant.role
        ));
    }
    lines.push(format!(
        "pveum user token add {} {} --privsep 0",
        holder.user, holder.token
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: [Need; 4] = [
        Need::new("Sys.Audit", Place::System, "look"),
        Need::new("Datastore.Audit", Place::Storages, "see"),
        Need::new("Datastore.Allocate", Place::UsedStorages, "write"),
        Need::new("VM.Audit", Place::Guests, "see").or_unknown(),
    ];

    fn of(storages: &[&str]) -> Vec<String> {
        let holder = Holder {
            storages: storages.iter().map(ToString::to_string).collect(),
            ..Holder::default()
        };
        lines(&grants(&NEEDS, &holder), &holder)
    }

    #[test]
    fn without_a_named_storage_the_right_is_on_all() {
        assert_eq!(
            of(&[]),
            [
                "pveum role add RepriseSystem --privs \"Sys.Audit\"",
                "pveum role add RepriseStorages --privs \"Datastore.Allocate,Datastore.Audit\"",
                "pveum role add RepriseGuests --privs \"VM.Audit\"",
                "pveum user add reprise@pve",
                "pveum acl modify / --users reprise@pve --roles RepriseSystem",
                "pveum acl modify /storage --users reprise@pve --roles RepriseStorages",
                "pveum acl modify /vms --users reprise@pve --roles RepriseGuests",
                "pveum user token add reprise@pve ansible --privsep 0",
            ]
        );
    }

    #[test]
    fn a_deeper_entry_repeats_what_it_replaces_and_its_role_is_made_once() {
        let lines = of(&["a", "b"]);
        let with = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!(with("role add RepriseStorage "), 1, "{lines:?}");
        assert_eq!(with("\"Datastore.Allocate,Datastore.Audit\""), 1);
        assert_eq!(
            with("role add RepriseStorages --privs \"Datastore.Audit\""),
            1
        );
        assert_eq!(with("acl modify /storage/a "), 1);
        assert_eq!(
            with("acl modify /storage/b --users reprise@pve --roles RepriseStorage"),
            1
        );
    }
}
