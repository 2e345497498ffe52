//! What to do next.

use pve_types::Privilege;

use super::{ErrorKind, NotSent};
use crate::transport::Identity;

pub(super) fn hint(kind: &ErrorKind, text: &str, identity: Option<&Identity>) -> Option<String> {
    match kind {
        ErrorKind::Refused { parameters } if parameters.values().any(|text| is_for_root(text)) => {
            Some(only_root(identity))
        }
        ErrorKind::Refused { .. } | ErrorKind::NotAllowed { .. } if is_for_root(text) => Some(only_root(identity)),
        ErrorKind::NotAllowed { path, privileges } => Some(grant(path.as_deref(), privileges, identity)),
        ErrorKind::Unauthenticated => Some(unauthenticated(text, identity)),
        ErrorKind::Conflict if text.contains("detected modified configuration") => {
            Some("somebody else changed it at the same time; run again, it is read afresh".to_owned())
        }
        ErrorKind::Locked => Some(
            "another task works on it; wait for its end (web page: Tasks). If none runs, \
             `qm unlock <id>` or `pct unlock <id>` on the node removes a lock that was left behind"
                .to_owned(),
        ),
        ErrorKind::NotSent(reason) => not_sent(reason),
        ErrorKind::MayHaveBeenProcessed => Some(
            "look at the object and at the task list before it is tried again; running this \
             program again does that"
                .to_owned(),
        ),
        ErrorKind::Server if text.contains("unknown section type") => Some(
            "a job with a schedule that PVE cannot read blocks the changes of all jobs; look into \
             /etc/pve/jobs.cfg for it, and give it a valid schedule by creating it again under the same id"
                .to_owned(),
        ),
        ErrorKind::Server if text.contains("not implemented") => {
            Some("this version of PVE does not know the call; PVE 8 and 9 are supported".to_owned())
        }
        ErrorKind::Server if text.contains("handler defined for") => {
            Some("this version of PVE does not know the call; PVE 8 and 9 are supported".to_owned())
        }
        ErrorKind::Server if text.contains("ipcc_send_rec") || text.contains("access control list") => Some(
            "the cluster file system does not answer: see `systemctl status pve-cluster` on the node"
                .to_owned(),
        ),
        ErrorKind::Protocol if text.contains("`pvesh`") => {
            Some("run the same `pvesh` command by hand to see all that it says".to_owned())
        }
        ErrorKind::Protocol => Some(
            "check host and port: the API of PVE is at https://<node>:8006; a proxy or another \
             program may have answered"
                .to_owned(),
        ),
        _ => None,
    }
}

fn is_for_root(text: &str) -> bool {
    [
        "nly root may",
        "nly root can",
        "only root@pam may",
        "user != root@pam",
        "only allowed for root@pam",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn only_root(identity: Option<&Identity>) -> String {
    let who = identity.map_or_else(
        || "the caller".to_owned(),
        |identity| format!("`{identity}`"),
    );
    format!(
        "PVE lets only `root@pam` itself do this, and {who} is not: a token is never root. \
         Log in as root@pam with a password, or run it on the node"
    )
}

/// The lines that give a privilege on a path to who asks; `None` when the name is no privilege.
pub fn grant_lines(privilege: &str, path: &str, identity: &Identity) -> Option<String> {
    let privilege: Privilege = privilege.parse().ok()?;
    Some(grant(Some(path), &[privilege], Some(identity)))
}

/// The audit privileges that a role on `path` should repeat, since it replaces upper ones.
fn audit_privileges(path: &str) -> &'static [&'static str] {
    match path.split('/').nth(1) {
        Some("vms") => &["VM.Audit"],
        Some("storage") => &["Datastore.Audit"],
        Some("pool") => &["Pool.Audit", "VM.Audit", "Datastore.Audit"],
        Some("nodes" | "access") => &["Sys.Audit"],
        Some("sdn") => &["SDN.Audit"],
        Some("mapping") => &["Mapping.Audit"],
        _ => &["Sys.Audit", "VM.Audit", "Datastore.Audit", "Pool.Audit"],
    }
}

fn grant(path: Option<&str>, privileges: &[Privilege], identity: Option<&Identity>) -> String {
    let (Some(path), Some(wanted)) = (path, privileges.first()) else {
        return match identity {
            Some(identity) if !identity.is_root() => format!(
                "PVE did not name the privilege; `pveum user permissions {}` shows what the user has",
                identity.user
            ),
            _ => "PVE did not name the privilege".to_owned(),
        };
    };
    let mut of_role: Vec<&str> = audit_privileges(path).to_vec();
    if !of_role.contains(&wanted.as_str()) {
        of_role.push(wanted.as_str());
    }
    let role = role_name(path, wanted);
    let mut lines = vec![
        "grant it on the node:".to_owned(),
        format!("  pveum role add {role} --privs \"{}\"", of_role.join(",")),
    ];
    let user = identity.map_or("USER@REALM", |identity| identity.user.as_str());
    // root@pam has every right; a refusal can only hit a token with rights of its own.
    let root = user == "root@pam";
    if !root {
        lines.push(format!(
            "  pveum acl modify {path} --users '{user}' --roles {role}"
        ));
    }
    if let Some(token) = identity.and_then(|identity| identity.token.as_deref()) {
        if !root {
            lines.push("and, if the token was made with privilege separation, also:".to_owned());
        }
        lines.push(format!(
            "  pveum acl modify {path} --tokens '{user}!{token}' --roles {role}"
        ));
    }
    lines.push(format!(
        "an entry on `{path}` replaces, for this user, what comes from the paths above it; so the \
         role repeats the audit privileges"
    ));
    let others: Vec<&str> = privileges.iter().skip(1).map(Privilege::as_str).collect();
    if !others.is_empty() {
        lines.push(format!(
            "instead of `{wanted}` one of these would do: `{}`",
            others.join("`, `")
        ));
    }
    lines.join("\n")
}

/// One role per kind of path and privilege, so that the lines can be used again for other objects.
fn role_name(path: &str, wanted: &Privilege) -> String {
    let scope = match path.split('/').nth(1) {
        None | Some("") => "Root",
        Some("vms") => "Guest",
        Some("storage") => "Storage",
        Some("pool") => "Pool",
        Some("nodes") => "Node",
        Some(_) => "Other",
    };
    format!("Reprise{scope}{}", wanted.as_str().replace('.', ""))
}

fn unauthenticated(text: &str, identity: Option<&Identity>) -> String {
    match identity {
        Some(Identity {
            user,
            token: Some(token),
        }) => format!(
            "check the token `{user}!{token}` (`pveum user token list {user}` shows its name and expiry): \
             the user with realm, the name of the token, and its secret; an expired token and a \
             disabled user look the same. Each such refusal takes the server about 3 seconds"
        ),
        Some(Identity { user, token: None }) if text.contains("csrf") => {
            format!("the login of `{user}` was not accepted for a change; log in again")
        }
        Some(Identity { user, token: None }) => format!(
            "check user and password of `{user}`, the realm after `@`, and that the user is enabled. \
             A user with a second factor cannot log in here: use a token"
        ),
        None => "check the token or the password".to_owned(),
    }
}

fn not_sent(reason: &NotSent) -> Option<String> {
    let pin = |fingerprint: &str| {
        format!(
            "the certificate seen has the SHA-256 fingerprint\n  {fingerprint}\ncompare it with the one on \
             the node (`pvenode cert info`), then set `fingerprint` to it; or set `ca_path` to the \
             cluster's /etc/pve/pve-root-ca.pem"
        )
    };
    Some(match reason {
        NotSent::Settings => return None,
        NotSent::NameResolution => "check the name of the host, and the resolver of this machine".to_owned(),
        NotSent::Refused => "check host and port (8006), and that `pveproxy` runs on the node".to_owned(),
        NotSent::Timeout => "check that the node is up, and that no firewall drops port 8006".to_owned(),
        NotSent::Connection => "check host, port and network; then run again".to_owned(),
        NotSent::Proxy => {
            "the connection goes through the proxy of the environment (`https_proxy`); name the node \
             in `no_proxy` to go around it"
                .to_owned()
        }
        NotSent::NoTrustStore => {
            "install the package `ca-certificates`, or set `ca_path` or `fingerprint`".to_owned()
        }
        NotSent::CaFile(path) => format!(
            "`{}` must be readable and hold at least one PEM certificate",
            path.display()
        ),
        NotSent::UnknownCertificate { fingerprint } | NotSent::BadCertificate { fingerprint } => pin(fingerprint),
        NotSent::WrongHostName { fingerprint } => format!(
            "use one of the names in the certificate as the host; or {}",
            pin(fingerprint)
        ),
        NotSent::OtherFingerprint { fingerprint } => format!(
            "the server now shows\n  {fingerprint}\nif its certificate was renewed (`pvenode cert info` on \
             the node shows the present one), change `fingerprint`; if not, somebody is in between"
        ),
        NotSent::Tls => "check host and port: PVE speaks TLS on 8006".to_owned(),
        NotSent::SecretInCommandLine { path } => token_lines(path),
        NotSent::OtherNode => "check that the node the call is for is up and in the cluster".to_owned(),
    })
}

/// How to get a token for what `pvesh` must not be given, with no more rights than that takes.
fn token_lines(path: &str) -> String {
    let audit = "Sys.Audit,VM.Audit,Datastore.Audit,Pool.Audit";
    let (role, privileges) = match path {
        "/storage" => (
            "RepriseStorage",
            "Datastore.Audit,Datastore.Allocate,Datastore.AllocateSpace".to_owned(),
        ),
        _ => ("RepriseManage", format!("{audit},Sys.Modify")),
    };
    format!(
        "over https it is sent encrypted: use a token there. On the node:\n  \
         pveum role add RepriseAudit --privs {audit}\n  \
         pveum role add {role} --privs {privileges}\n  \
         pveum user add reprise@pve\n  \
         pveum acl modify / --users reprise@pve --roles RepriseAudit\n  \
         pveum acl modify {path} --users reprise@pve --roles {role}\n  \
         pveum user token add reprise@pve cli --privsep 0\n\
         then set `api_host` to the name of the node, `ca_path` to /etc/pve/pve-root-ca.pem, \
         `api_token_id` to reprise@pve!cli and `api_token_secret` to what the last line printed"
    )
}
