//! Whether `pvesh` can stand in for a connection: on a node, as root, with nothing said about one.

use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::Environment;

/// What decides it about the machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Folders with programs, in the form of `PATH`.
    path: String,
    /// Where `pvesh` is when the path does not lead to it: Ansible and timers have short ones.
    fallback: PathBuf,
    /// Does root ask?
    user: User,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Root,
    Other,
}

/// Why `pvesh` is not used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WhyNot {
    /// Something is said about a connection, so one is wanted.
    Options(Vec<&'static str>),
    /// This is no node.
    NotFound,
    /// `pvesh` works for root only.
    NotRoot(PathBuf),
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(names) => write!(f, "{} is set", names.join(", ")),
            Self::NotFound => f.write_str("it is not found: this is no node of Proxmox VE"),
            Self::NotRoot(program) => {
                write!(
                    f,
                    "this is not run by root, and only root may use `{}`",
                    program.display()
                )
            }
        }
    }
}

impl Machine {
    /// The one we are on.
    pub(crate) fn this(environment: Environment<'_>) -> Self {
        // What a process has in /proc belongs to its effective user.
        let root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
        Self {
            path: environment("PATH").unwrap_or_default(),
            fallback: PathBuf::from("/usr/bin/pvesh"),
            user: if root { User::Root } else { User::Other },
        }
    }

    fn program(&self) -> Option<PathBuf> {
        self.path
            .split(':')
            // A relative folder means another program in every folder one stands in.
            .filter(|folder| folder.starts_with('/'))
            .map(|folder| Path::new(folder).join("pvesh"))
            .chain(std::iter::once(self.fallback.clone()))
            .find(|path| is_program(path))
    }
}

/// The `pvesh` to use, when none of these options of the connection is set.
pub(crate) fn pvesh(set: &[&'static str], machine: &Machine) -> Result<PathBuf, WhyNot> {
    if !set.is_empty() {
        return Err(WhyNot::Options(set.to_vec()));
    }
    let program = machine.program().ok_or(WhyNot::NotFound)?;
    match machine.user {
        User::Root => Ok(program),
        User::Other => Err(WhyNot::NotRoot(program)),
    }
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(folder: &Path, user: User) -> Machine {
        Machine {
            path: format!("relative:/nowhere:{}", folder.display()),
            fallback: folder.join("elsewhere/pvesh"),
            user,
        }
    }

    fn program(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_root_on_a_node_with_nothing_said() {
        let folder = tempfile::tempdir().unwrap();
        let root = machine(folder.path(), User::Root);
        assert_eq!(pvesh(&[], &root), Err(WhyNot::NotFound));
        let path = folder.path().join("pvesh");
        program(&path, 0o644);
        assert_eq!(pvesh(&[], &root), Err(WhyNot::NotFound), "not executable");
        program(&root.fallback, 0o755);
        assert_eq!(pvesh(&[], &root), Ok(root.fallback.clone()));
        program(&path, 0o755);
        assert_eq!(pvesh(&[], &root), Ok(path.clone()));
        assert_eq!(
            pvesh(&[], &machine(folder.path(), User::Other)),
            Err(WhyNot::NotRoot(path))
        );
        let why = pvesh(&["api_user", "ca_path"], &root).unwrap_err();
        assert_eq!(why.to_string(), "api_user, ca_path is set");
    }

    #[test]
    fn this_machine_is_looked_at() {
        let this = Machine::this(&|name| (name == "PATH").then(|| "/a:/b".to_owned()));
        assert_eq!(this.path, "/a:/b");
        let own = fs::metadata("/proc/self").unwrap().uid();
        assert_eq!(this.user == User::Root, own == 0);
    }
}
