//! Plays in a private folder: no setting of the machine or its user counts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::environment::Tools;
use crate::process::{self, Ended, Watch};

/// Writes what each task returned.
const CALLBACK: &str = include_str!("results.py");

/// A controller: `ansible-playbook` and a folder for everything that it writes.
#[derive(Debug)]
pub struct Controller {
    folder: TempDir,
    tools: Tools,
}

impl Controller {
    /// A new one.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn new(tools: &Tools) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("reprise-play-").tempdir()?;
        // Another user, become by su, has to find its way to the module.
        open(folder.path(), 0o755)?;
        for (name, mode) in [
            ("home", 0o700),
            ("local", 0o700),
            ("callbacks", 0o755),
            ("async", 0o700),
            ("remote", 0o1777),
        ] {
            let path = folder.path().join(name);
            fs::create_dir(&path)?;
            open(&path, mode)?;
        }
        fs::write(folder.path().join("callbacks/results.py"), CALLBACK)?;
        fs::write(folder.path().join("ansible.cfg"), "[defaults]\n")?;
        Ok(Self {
            folder,
            tools: tools.clone(),
        })
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The tools it uses.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Where modules are laid on the hosts.
    pub fn remote(&self) -> PathBuf {
        self.folder.path().join("remote")
    }
}

fn open(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot open {} to others", path.display()))
}

/// One play.
#[derive(Clone, Debug)]
pub struct Play {
    keys: Map<String, Value>,
    tasks: Vec<Value>,
    hosts: Map<String, Value>,
    groups: Map<String, Value>,
    shipped: Option<String>,
    variables: Map<String, Value>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    watch: Watch,
}

impl Default for Play {
    fn default() -> Self {
        Self::new()
    }
}

impl Play {
    /// A play for the host `node`, which is this machine, without tasks.
    pub fn new() -> Self {
        let keys = json!({"name": "Test", "hosts": "all", "gather_facts": false});
        Self {
            keys: crate::server::map(keys),
            tasks: Vec::new(),
            hosts: Map::new(),
            groups: Map::new(),
            shipped: None,
            variables: Map::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            watch: Watch::Nothing,
        }
    }

    /// With `module_defaults` of the group for this connection. It comes from variables, as it
    /// would from a vault: ansible-core prints lines of the playbook when a task fails.
    #[must_use]
    pub fn connected(mut self, connection: &Map<String, Value>) -> Self {
        let references: Map<String, Value> = connection
            .keys()
            .map(|name| (name.clone(), json!(format!("{{{{ pve_api.{name} }}}}"))))
            .collect();
        self.keys.insert(
            "module_defaults".to_owned(),
            json!({"group/reprise.pve.all": references}),
        );
        self.variable("pve_api", Value::Object(connection.clone()))
    }

    /// With one more task.
    #[must_use]
    pub fn task(mut self, task: Value) -> Self {
        self.tasks.push(task);
        self
    }

    /// With one more task: a module with these options, named so.
    #[must_use]
    pub fn module(self, name: &str, module: &str, options: impl Into<Value>) -> Self {
        let mut task = Map::new();
        task.insert("name".to_owned(), name.into());
        task.insert(format!("reprise.pve.{module}"), options.into());
        self.task(Value::Object(task))
    }

    /// With this key of the play.
    #[must_use]
    pub fn key(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(name.to_owned(), value.into());
        self
    }

    /// With this host instead of this machine.
    #[must_use]
    pub fn host(mut self, name: &str, variables: Value) -> Self {
        self.hosts.insert(name.to_owned(), variables);
        self
    }

    /// Not a play of its own, but this playbook of a collection.
    pub fn shipped(name: &str) -> Self {
        Self {
            shipped: Some(name.to_owned()),
            ..Self::new()
        }
    }

    /// With a group of these hosts.
    #[must_use]
    pub fn group(mut self, name: &str, hosts: &[&str]) -> Self {
        let hosts: Map<String, Value> = hosts
            .iter()
            .map(|host| ((*host).to_owned(), json!({})))
            .collect();
        self.groups.insert(name.to_owned(), json!({"hosts": hosts}));
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// With this argument of `ansible-playbook`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With this in the environment of `ansible-playbook`.
    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Looking at the command lines of all processes meanwhile.
    #[must_use]
    pub const fn watched(mut self) -> Self {
        self.watch = Watch::CommandLines;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// When `ansible-playbook` cannot be run; a task that fails is no error here.
    pub fn run(mut self, controller: &Controller) -> Result<Played> {
        let folder = tempfile::tempdir_in(controller.folder())?;
        let at = |name: &str| folder.path().join(name);
        if self.hosts.is_empty() {
            self.hosts
                .insert("node".to_owned(), json!({"ansible_connection": "local"}));
        }
        let python = controller.tools.venv.join("bin/python");
        let common = json!({
            "ansible_python_interpreter": python,
            "ansible_remote_tmp": controller.remote(),
            "ansible_async_dir": controller.folder().join("async"),
        });
        let inventory =
            json!({"all": {"hosts": self.hosts, "children": self.groups, "vars": common}});
        self.keys
            .insert("tasks".to_owned(), Value::Array(self.tasks));
        fs::write(at("inventory.json"), inventory.to_string())?;
        fs::write(
            at("secrets.json"),
            Value::Object(self.variables).to_string(),
        )?;
        fs::write(at("playbook.json"), json!([self.keys]).to_string())?;
        fs::write(at("results"), "")?;

        let bin = controller.tools.venv.join("bin");
        let mut command = process::command(bin.join("ansible-playbook"));
        command
            .arg("--inventory")
            .arg(at("inventory.json"))
            .arg("--extra-vars")
            .arg(format!("@{}", at("secrets.json").display()))
            .args(&self.arguments)
            .arg(
                self.shipped
                    .map_or_else(|| at("playbook.json"), PathBuf::from),
            )
            .current_dir(folder.path())
            .env(
                "PATH",
                format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()),
            )
            .env("HOME", controller.folder().join("home"))
            // Of modules that run here: root's state on this machine is not ours to write.
            .env("REPRISE_STATE_DIR", controller.folder().join("state"))
            .env("ANSIBLE_CONFIG", controller.folder().join("ansible.cfg"))
            .env("ANSIBLE_HOME", controller.folder().join("home/.ansible"))
            .env("ANSIBLE_LOCAL_TEMP", controller.folder().join("local"))
            .env("ANSIBLE_COLLECTIONS_PATH", &controller.tools.collections)
            .env(
                "ANSIBLE_CALLBACK_PLUGINS",
                controller.folder().join("callbacks"),
            )
            .env("ANSIBLE_CALLBACKS_ENABLED", "results")
            .env("REPRISE_RESULTS", at("results"))
            .env("ANSIBLE_NOCOWS", "1")
            .env("ANSIBLE_RETRY_FILES_ENABLED", "0")
            .env("ANSIBLE_HOST_KEY_CHECKING", "0")
            .envs(self.environment);
        let ended = process::run(command, b"", self.watch)?;
        let tasks = fs::read_to_string(at("results"))?
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("results cannot be read:\n{}", ended.output()))?;
        Ok(Played { ended, tasks })
    }
}

/// How a task ended on a host, or for one item of its loop.
#[derive(Clone, Debug, Deserialize)]
pub struct TaskResult {
    /// `ok`, `failed`, `unreachable`, `skipped`, `item_ok`, `item_failed`.
    pub kind: String,
    /// The name of the task.
    pub task: String,
    /// The host.
    pub host: String,
    /// What the task returned.
    pub result: Value,
}

impl TaskResult {
    /// Whether something is different now.
    pub fn changed(&self) -> bool {
        self.result.get("changed") == Some(&Value::Bool(true))
    }

    /// Its message.
    pub fn message(&self) -> &str {
        let message = self.result.get("msg").and_then(Value::as_str);
        message.unwrap_or_default()
    }
}

/// A play that has ended.
#[derive(Clone, Debug)]
pub struct Played {
    /// `ansible-playbook`.
    pub ended: Ended,
    /// The results in their order.
    pub tasks: Vec<TaskResult>,
}

impl Played {
    /// The result of the task of this name; of a loop: of the whole.
    ///
    /// # Errors
    /// When it did not run.
    pub fn result(&self, task: &str) -> Result<&TaskResult> {
        self.tasks
            .iter()
            .find(|found| found.task == task && !found.kind.starts_with("item"))
            .with_context(|| {
                format!(
                    "the task `{task}` did not run; ansible-playbook printed:\n{}",
                    self.ended.output()
                )
            })
    }

    /// Fails when a task failed.
    ///
    /// # Errors
    /// With all that was printed.
    pub fn succeeded(self) -> Result<Self> {
        anyhow::ensure!(
            self.ended.code == Some(0),
            "ansible-playbook ended with {:?}:\n{}",
            self.ended.code,
            self.ended.output()
        );
        Ok(self)
    }

    /// How many changes the recap counts, over all hosts.
    ///
    /// # Errors
    /// When there is no recap.
    pub fn changes(&self) -> Result<u32> {
        let counts: Vec<u32> = self
            .ended
            .stdout
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("changed="))
            .filter_map(|count| count.parse().ok())
            .collect();
        anyhow::ensure!(!counts.is_empty(), "no recap:\n{}", self.ended.output());
        Ok(counts.into_iter().sum())
    }
}
