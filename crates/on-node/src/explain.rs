//! What ssh says, in words that help. Pure.

use std::error::Error as _;

use crate::error::{Error, Kind};
use crate::target::Target;

/// What ssh's own words mean, and what to do.
const CAUSES: [(&[&str], &str, &str); 8] = [
    (
        &[
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            "has changed and you have requested strict checking",
        ],
        "its host key is not the one that is known: it was set up anew, or it is another machine",
        "Compare the key on the machine's own console (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`) before you remove the old one with `ssh-keygen -R`.",
    ),
    (
        &["Host key verification failed", "host key is known for"],
        "its host key is not known yet",
        "Connect once by hand, compare the fingerprint and accept it: `{ssh}`.",
    ),
    (
        &["Permission denied", "Too many authentication failures"],
        "it did not let us in; no question about a password is asked here",
        "`{ssh}` must work without a question: a key in the agent or in ssh_config, and its public half in `authorized_keys` there.",
    ),
    (
        &["Could not resolve hostname"],
        "its name is not known",
        "Check the name, or write a `Host` entry into ssh_config.",
    ),
    (
        &["Connection refused"],
        "nothing listens there for ssh",
        "Check the port and whether sshd runs there: `{ssh}`.",
    ),
    (
        &["timed out", "No route to host", "Network is unreachable"],
        "it is not reached",
        "Check the network, the address and the firewall: `{ssh}`.",
    ),
    (
        &[
            "Can't open user config file",
            "Bad configuration option",
            "Bad owner or permissions",
        ],
        "the configuration of ssh cannot be used",
        "Mend the file that it names.",
    ),
    (
        &[
            "Connection closed by",
            "Connection reset by",
            "kex_exchange_identification",
            "Broken pipe",
        ],
        "it ended the connection at once",
        "Try `{ssh}`; its log (`journalctl -u ssh`) says why.",
    ),
];

/// A connection that was not made.
pub(crate) fn not_connected(target: &Target, error: &openssh::Error) -> Error {
    let (kind, said) = match error {
        openssh::Error::Connect(source) | openssh::Error::Master(source) => {
            (source.kind(), source.to_string())
        }
        other => (
            std::io::ErrorKind::Other,
            other
                .source()
                .map_or_else(|| other.to_string(), |source| format!("{other}: {source}")),
        ),
    };
    if kind == std::io::ErrorKind::NotFound {
        return Error::new(
            Kind::NotReached,
            format!("cannot reach `{target}`: there is no program `ssh` on this machine"),
        )
        .hint("Install the OpenSSH client (`apt install openssh-client`).");
    }
    because(target, &said)
}

fn because(target: &Target, said: &str) -> Error {
    let found = CAUSES
        .iter()
        .find(|(signs, _, _)| signs.iter().any(|sign| said.contains(sign)));
    // The last line says most; a changed key comes with a banner of at signs.
    let last = said
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("ssh did not say why");
    let by_hand = target.by_hand();
    match found {
        Some((_, why, next)) => Error::new(
            Kind::NotReached,
            format!("cannot reach `{target}`: {why} (ssh: {last})"),
        )
        .hint(next.replace("{ssh}", &by_hand)),
        None => Error::new(
            Kind::NotReached,
            format!("cannot reach `{target}`: ssh: {last}"),
        )
        .hint(format!("Try it by hand: `{by_hand}`.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_not_getting_there_has_its_next_step() {
        let target: Target = "root@pve1:2222".parse().unwrap();
        for (said, why, next) in [
            (
                "@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@\nHost key verification failed.",
                "is not the one that is known",
                "ssh-keygen -R",
            ),
            (
                "No ED25519 host key is known for pve1 and you have requested strict checking.\nHost key verification failed.",
                "not known yet",
                "ssh -p 2222 root@pve1",
            ),
            (
                "root@pve1: Permission denied (publickey).",
                "let us in",
                "authorized_keys",
            ),
            (
                "Could not resolve hostname pve1: Name or service not known",
                "name is not known",
                "Check the name",
            ),
            (
                "connect to host pve1 port 2222: Connection refused",
                "nothing listens",
                "sshd",
            ),
            (
                "connect to host pve1 port 2222: Connection timed out",
                "not reached",
                "network",
            ),
            (
                "connect to host pve1 port 2222: No route to host",
                "not reached",
                "firewall",
            ),
            (
                "kex_exchange_identification: Connection closed by remote host",
                "at once",
                "journalctl",
            ),
            ("something new", "something new", "ssh -p 2222 root@pve1"),
        ] {
            let error = because(&target, said);
            assert!(error.message.contains(why), "{error}");
            assert!(error.hint.as_deref().unwrap().contains(next), "{error}");
            assert!(error.message.contains("root@pve1:2222"), "{error}");
        }
    }
}
