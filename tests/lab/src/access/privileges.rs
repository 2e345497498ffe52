//! PVE's privileges and the roles it comes with.

use std::collections::BTreeSet;

/// A name such as `VM.Audit`.
pub(crate) type Privilege = String;

// One row a family: what only Administrator has, what …Admin, …User and …Auditor roles add.
struct Family {
    name: &'static str,
    root: &'static [&'static str],
    admin: &'static [&'static str],
    user: &'static [&'static str],
    audit: &'static [&'static str],
}

const FAMILIES: [Family; 7] = [
    Family {
        name: "VM",
        root: &[],
        admin: &[
            "VM.Allocate",
            "VM.Clone",
            "VM.Config.CPU",
            "VM.Config.Disk",
            "VM.Config.HWType",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.Migrate",
            "VM.Monitor",
            "VM.Snapshot",
            "VM.Snapshot.Rollback",
        ],
        user: &[
            "VM.Backup",
            "VM.Config.CDROM",
            "VM.Config.Cloudinit",
            "VM.Console",
            "VM.PowerMgmt",
        ],
        audit: &["VM.Audit"],
    },
    Family {
        name: "Sys",
        root: &[
            "Sys.AccessNetwork",
            "Sys.Incoming",
            "Sys.Modify",
            "Sys.PowerMgmt",
        ],
        admin: &["Sys.Console", "Sys.Syslog"],
        user: &[],
        audit: &["Sys.Audit"],
    },
    Family {
        name: "Datastore",
        root: &[],
        admin: &["Datastore.Allocate", "Datastore.AllocateTemplate"],
        user: &["Datastore.AllocateSpace"],
        audit: &["Datastore.Audit"],
    },
    Family {
        name: "SDN",
        root: &[],
        admin: &["SDN.Allocate"],
        user: &["SDN.Use"],
        audit: &["SDN.Audit"],
    },
    Family {
        name: "User",
        root: &["Realm.Allocate"],
        admin: &["Group.Allocate", "Realm.AllocateUser", "User.Modify"],
        user: &[],
        audit: &[],
    },
    Family {
        name: "Pool",
        root: &[],
        admin: &["Pool.Allocate"],
        user: &[],
        audit: &["Pool.Audit"],
    },
    Family {
        name: "Mapping",
        root: &[],
        admin: &["Mapping.Modify"],
        user: &["Mapping.Use"],
        audit: &["Mapping.Audit"],
    },
];

const EVERYWHERE: &str = "Permissions.Modify";

/// Every privilege there is.
pub(crate) fn all() -> BTreeSet<Privilege> {
    let mut all: BTreeSet<Privilege> = FAMILIES
        .iter()
        .flat_map(|family| [family.root, family.admin, family.user, family.audit])
        .flatten()
        .map(|name| (*name).to_owned())
        .collect();
    all.insert(EVERYWHERE.to_owned());
    all
}

/// The names of the roles that PVE comes with.
pub(crate) const BUILT_IN: [&str; 18] = [
    "Administrator",
    "NoAccess",
    "PVEAdmin",
    "PVEAuditor",
    "PVEDatastoreAdmin",
    "PVEDatastoreUser",
    "PVEMappingAdmin",
    "PVEMappingAuditor",
    "PVEMappingUser",
    "PVEPoolAdmin",
    "PVEPoolUser",
    "PVESDNAdmin",
    "PVESDNUser",
    "PVESysAdmin",
    "PVETemplateUser",
    "PVEUserAdmin",
    "PVEVMAdmin",
    "PVEVMUser",
];

/// The privileges of a role that PVE comes with.
pub(crate) fn built_in(role: &str) -> Option<BTreeSet<Privilege>> {
    let of = |lists: &[&[&str]]| lists.concat().into_iter().map(str::to_owned).collect();
    match role {
        "Administrator" => return Some(all()),
        "NoAccess" => return Some(BTreeSet::new()),
        "PVETemplateUser" => return Some(of(&[&["VM.Audit", "VM.Clone"]])),
        "PVEAuditor" => {
            return Some(of(&FAMILIES
                .iter()
                .map(|family| family.audit)
                .collect::<Vec<_>>()));
        }
        "PVEAdmin" => {
            let lists: Vec<_> = FAMILIES
                .iter()
                .flat_map(|family| [family.admin, family.user, family.audit])
                .collect();
            return Some(of(&lists));
        }
        _ => {}
    }
    let name = role.strip_prefix("PVE")?;
    FAMILIES
        .iter()
        .find_map(|family| match name.strip_prefix(family.name)? {
            "Admin" => Some(of(&[family.admin, family.user, family.audit])),
            "User" if family.name != "User" => Some(of(&[family.user, family.audit])),
            "Auditor" if family.name == "Mapping" => Some(of(&[family.audit])),
            _ => None,
        })
}

/// The parts of `cap` in the answer to a login: name, path pattern, privileges.
pub(crate) const CAPABILITIES: [(&str, &[&str]); 7] = [
    (
        "access",
        &["Group.Allocate", "Permissions.Modify", "User.Modify"],
    ),
    (
        "dc",
        &[
            "SDN.Allocate",
            "SDN.Audit",
            "SDN.Use",
            "Sys.Audit",
            "Sys.Modify",
        ],
    ),
    (
        "mapping",
        &[
            "Mapping.Audit",
            "Mapping.Modify",
            "Mapping.Use",
            "Permissions.Modify",
        ],
    ),
    (
        "nodes",
        &[
            "Permissions.Modify",
            "Sys.AccessNetwork",
            "Sys.Audit",
            "Sys.Console",
            "Sys.Incoming",
            "Sys.Modify",
            "Sys.PowerMgmt",
            "Sys.Syslog",
        ],
    ),
    (
        "sdn",
        &["Permissions.Modify", "SDN.Allocate", "SDN.Audit", "SDN.Use"],
    ),
    (
        "storage",
        &[
            "Datastore.Allocate",
            "Datastore.AllocateSpace",
            "Datastore.AllocateTemplate",
            "Datastore.Audit",
            "Permissions.Modify",
        ],
    ),
    (
        "vms",
        &[
            "Permissions.Modify",
            "VM.Allocate",
            "VM.Audit",
            "VM.Backup",
            "VM.Clone",
            "VM.Config.CDROM",
            "VM.Config.CPU",
            "VM.Config.Cloudinit",
            "VM.Config.Disk",
            "VM.Config.HWType",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.Console",
            "VM.Migrate",
            "VM.Monitor",
            "VM.PowerMgmt",
            "VM.Snapshot",
            "VM.Snapshot.Rollback",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_hold_what_pve_gives_them() {
        let role = |name| built_in(name).unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(
            role("PVEDatastoreUser"),
            ["Datastore.AllocateSpace", "Datastore.Audit"]
        );
        assert_eq!(
            role("PVEVMUser"),
            [
                "VM.Audit",
                "VM.Backup",
                "VM.Config.CDROM",
                "VM.Config.Cloudinit",
                "VM.Console",
                "VM.PowerMgmt"
            ]
        );
        assert!(role("PVEAuditor").contains(&"Mapping.Audit".to_owned()));
        assert!(!role("PVEAdmin").contains(&"Sys.Modify".to_owned()));
        assert!(role("Administrator").contains(&"Permissions.Modify".to_owned()));
        assert_eq!(built_in("Nope"), None);
        assert!(BUILT_IN.iter().all(|name| built_in(name).is_some()));
    }
}
