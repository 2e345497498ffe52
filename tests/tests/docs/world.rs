//! Where a page is read: a folder that looks like a clone after `cargo xtask dist`, with a home, a
//! search path and nodes of its own.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use reprise_tests::environment;
use reprise_tests::host::processes_with;
use reprise_tests::pages::{Page, Step};
use reprise_tests::process::{self, Watch};
use serde_json::Value;
use tempfile::TempDir;

use crate::Reader;

/// Folders of a clone that pages name.
const SHOWN: [&str; 5] = ["README.md", "docs", "molecule", "playbooks", "roles"];

/// One reader at work.
pub(crate) struct World {
    folder: TempDir,
    path: String,
    /// A page that does not install the collection is for those who have it.
    collections: Option<PathBuf>,
    /// What stands for the names and addresses of the page.
    names: Vec<(String, String)>,
}

impl World {
    pub(crate) fn new(root: &Path, reader: &Reader, page: &Page) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("reprise-docs-").tempdir()?;
        let clone = folder.path().join("clone");
        for name in ["bin", "home", "clone/target/dist"] {
            fs::create_dir_all(folder.path().join(name))?;
        }
        for name in SHOWN {
            symlink(root.join(name), clone.join(name))?;
        }
        let dist = clone.join("target/dist");
        let tarball = reader
            .tarball
            .file_name()
            .context("the tarball has no name")?;
        symlink(&reader.tarball, dist.join(tarball))?;
        let binary = environment::binary()?;
        let name = format!("reprise_{}", std::env::consts::ARCH);
        fs::copy(&binary, dist.join(name))?;
        symlink(&binary, folder.path().join("bin/reprise"))?;
        let bin = folder.path().join("bin");
        script(&bin.join("cargo"), &cargo(reader))?;
        for program in ["ssh", "scp"] {
            script(&bin.join(program), &logging_in(program, &clone))?;
        }
        let installs = page.steps.iter().any(|(_, step)| {
            matches!(step, Step::Run { commands, .. } if commands.contains("collection install"))
        });
        let mut world = Self {
            path: format!(
                "{}:{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                folder.path().join("bin").display(),
                reader.ansible.venv.join("bin").display()
            ),
            collections: (!installs).then(|| reader.ansible.collections.clone()),
            folder,
            names: Vec::new(),
        };
        if !page.nodes.is_empty() {
            world.run(
                &format!("cargo xtask lab up --nodes {}", page.nodes.join(",")),
                0,
            )?;
            fs::create_dir(world.clone().join("inventory"))?;
            fs::copy(
                world.clone().join("target/lab/inventory.yml"),
                world.clone().join("inventory/hosts.yml"),
            )?;
            world.names = world.connection()?;
            world.names.extend(page.names.iter().cloned());
        }
        Ok(world)
    }

    fn clone(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    /// The API of the first node in place of the one in the documentation.
    fn connection(&self) -> Result<Vec<(String, String)>> {
        let text = fs::read(self.clone().join("target/lab/lab.json"))?;
        let lab: Value = serde_json::from_slice(&text)?;
        let of = |pointer: &str| {
            let value = lab.pointer(&format!("/nodes/0/{pointer}"));
            value.with_context(|| format!("lab.json has no {pointer}"))
        };
        let text = |pointer: &str| {
            let value = of(pointer)?.as_str().map(str::to_owned);
            value.with_context(|| format!("{pointer} of lab.json is no text"))
        };
        let id = "root@pam!reprise";
        fs::copy(text("ca_path")?, self.clone().join("pve-root-ca.pem"))?;
        fs::write(
            self.folder.path().join("connection"),
            format!(
                "export PROXMOX_PORT={} PROXMOX_TOKEN_SECRET={}\n",
                of("port")?,
                text(&format!("tokens/{id}"))?
            ),
        )?;
        Ok([
            ("pve1.example.com", "127.0.0.1".to_owned()),
            ("reprise@pve!ansible", id.to_owned()),
            (" PROXMOX_TOKEN_SECRET=...", String::new()),
        ]
        .map(|(from, to)| (from.to_owned(), to))
        .into())
    }

    /// What the page says, with the names that are true here.
    pub(crate) fn said(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// Runs commands, and returns what they printed.
    pub(crate) fn run(&self, commands: &str, code: i32) -> Result<String> {
        let mut shell = process::command("bash");
        let connection = self.folder.path().join("connection");
        let script = format!(
            // What a reader's own `~/.ssh/config` would say of the nodes.
            "set -e\nexec 2>&1\n[ ! -f '{0}' ] || . '{0}'\n\
             ssh() {{ command ssh ${{REPRISE_SSH_CONFIG:+-F \"$REPRISE_SSH_CONFIG\"}} \"$@\"; }}\n{1}",
            connection.display(),
            self.said(commands)
        );
        shell
            .args(["-c", &script])
            .current_dir(self.clone())
            .env("PATH", &self.path)
            .env("HOME", self.folder.path().join("home"))
            // Root's state on this machine is not ours to write.
            .env("REPRISE_STATE_DIR", self.folder.path().join("state"))
            .env("ANSIBLE_NOCOLOR", "1")
            .env("COLUMNS", "200");
        if let Some(collections) = &self.collections {
            shell.env("ANSIBLE_COLLECTIONS_PATH", collections);
        }
        let ssh = self.clone().join("target/lab/ssh_config");
        if ssh.exists() {
            shell.env("REPRISE_SSH_CONFIG", ssh);
        }
        let ended = process::run(shell, b"", Watch::Nothing)?;
        ensure!(
            ended.code == Some(code),
            "ended with {:?} instead of {code}:\n{commands}\n{}",
            ended.code,
            ended.output()
        );
        Ok(ended.stdout)
    }

    pub(crate) fn write(&self, file: &str, content: &str) -> Result<()> {
        let file = self.clone().join(file);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, self.said(content)).with_context(|| file.display().to_string())
    }

    pub(crate) fn parse_yaml(&self, content: &str) -> Result<()> {
        let file = self.folder.path().join("shown.yml");
        fs::write(&file, content)?;
        let load = "import sys, yaml; list(yaml.safe_load_all(open(sys.argv[1])))";
        self.run(&format!("python3 -c '{load}' '{}'", file.display()), 0)?;
        Ok(())
    }

    /// Ends what still runs; that was left by the page is no fault of it.
    pub(crate) fn end(self) -> Result<()> {
        self.stop();
        let left = processes_with(&self.folder.path().display().to_string())?;
        if !left.is_empty() {
            bail!("these processes are left: {left:?}");
        }
        Ok(())
    }

    fn stop(&self) {
        if self.clone().join("target/lab/lab.pid").exists() {
            self.run("cargo xtask lab down", 0).ok();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `ssh` and `scp` of a reader whose own configuration knows the nodes.
fn logging_in(program: &str, clone: &Path) -> String {
    format!(
        "#!/bin/sh\nconfig='{}/target/lab/ssh_config'\n\
         [ ! -f \"$config\" ] || set -- -F \"$config\" \"$@\"\nexec /usr/bin/{program} \"$@\"\n",
        clone.display()
    )
}

fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// What `cargo xtask lab` does, without building anything. The nodes run in the background, as they
/// do for a reader; something watches that they end also with a test that is killed.
fn cargo(reader: &Reader) -> String {
    format!(
        r#"#!/bin/sh
said="cargo $*"
refuse() {{ echo "the tests of the documentation do not run $said" >&2; exit 64; }}
[ "$1" = xtask ] && [ "$2" = lab ] || refuse
word=$3
shift 3
lab='{lab}'
folder=$(pwd)/target/lab
case $word in
    up) set -- --background --hosts --sshd '{sshd}' --sftp-server '{sftp_server}' "$@" ;;
    down | status) ;;
    *) refuse ;;
esac
"$lab" "$word" --dir "$folder" "$@" || exit
[ "$word" = up ] || exit 0
cd "$folder" || exit
setsid sh -c '
    while kill -0 {test} && [ -e lab.pid ]; do sleep 1; done
    [ ! -e lab.pid ] || exec "$0" down --dir "$PWD"
' "$lab" < /dev/null > /dev/null 2>&1 &
"#,
        lab = reader.hosts.lab.display(),
        sshd = reader.hosts.sshd.display(),
        sftp_server = reader.hosts.sftp_server.display(),
        test = std::process::id(),
    )
}
