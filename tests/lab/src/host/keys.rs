//! Throw-away keys of a lab, and how clients find and trust its hosts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::process;

/// Makes a key pair, once.
///
/// # Errors
/// When `ssh-keygen` fails.
pub(crate) fn make(file: &Path) -> Result<String> {
    if !file.exists() {
        let mut keygen = process::command("ssh-keygen");
        keygen
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "reprise-lab", "-f"])
            .arg(file);
        process::run(keygen).context("the lab's hosts need the OpenSSH client")?;
    }
    let public = file.with_added_extension("pub");
    fs::read_to_string(&public).with_context(|| format!("cannot read {}", public.display()))
}

/// The configuration of a node's sshd.
#[derive(Debug)]
pub(crate) struct SshdConfig<'a> {
    pub(crate) host_key: &'a Path,
    pub(crate) authorized_keys: &'a Path,
    pub(crate) program: &'a Path,
    pub(crate) folder: &'a Path,
}

impl SshdConfig<'_> {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        format!(
            "# Made by the lab.\n\
             HostKey \"{host_key}\"\n\
             AuthorizedKeysFile \"{keys}\"\n\
             ForceCommand exec {program} host-enter {folder}\n\
             Subsystem sftp /usr/bin/{sftp}\n\
             PidFile none\nUsePAM no\nStrictModes no\nUseDNS no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nPermitUserRC no\nPermitUserEnvironment no\n\
             PrintMotd no\nPrintLastLog no\nX11Forwarding no\n\
             AcceptEnv LANG LANGUAGE LC_*\nMaxSessions 100\n",
            host_key = self.host_key.display(),
            keys = self.authorized_keys.display(),
            program = quoted(self.program),
            folder = quoted(self.folder),
            sftp = super::view::SFTP_PROGRAM,
        )
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

/// A host as clients see it.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) name: String,
    pub(crate) port: u16,
    /// Its public key as it stands in the `.pub` file.
    pub(crate) key: String,
}

/// The file of known hosts: each by its name and by its address.
pub(crate) fn known_hosts(hosts: &[Reached]) -> String {
    let mut text = String::new();
    for host in hosts {
        let mut words = host.key.split_whitespace();
        if let (Some(kind), Some(key)) = (words.next(), words.next()) {
            let _never = writeln!(text, "{},[127.0.0.1]:{} {kind} {key}", host.name, host.port);
        }
    }
    text
}

/// The configuration for `ssh -F`.
pub(crate) fn ssh_config(hosts: &[Reached], key: &Path, known: &Path) -> String {
    let mut text =
        "# Made by the lab. `ssh -F` with this file and a node's name logs in.\n".to_owned();
    for host in hosts {
        let _never = write!(
            text,
            "\nHost {name}\n    HostName 127.0.0.1\n    Port {port}\n    User root\n    \
             HostKeyAlias {name}\n    IdentityFile \"{key}\"\n    IdentitiesOnly yes\n    \
             IdentityAgent none\n    UserKnownHostsFile \"{known}\"\n    \
             GlobalKnownHostsFile none\n    StrictHostKeyChecking yes\n",
            name = host.name,
            port = host.port,
            key = key.display(),
            known = known.display(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_name_and_by_address() {
        let host = Reached {
            name: "pve-mon".to_owned(),
            port: 2222,
            key: "ssh-ed25519 AAAA reprise-lab\n".to_owned(),
        };
        assert_eq!(
            known_hosts(&[host]),
            "pve-mon,[127.0.0.1]:2222 ssh-ed25519 AAAA\n"
        );
    }

    #[test]
    fn a_folder_with_blanks_and_quotes_stays_one_word() {
        assert_eq!(quoted(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }
}
