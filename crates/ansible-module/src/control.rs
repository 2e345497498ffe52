//! What the controller tells the module beside its options: the `_ansible_*` keys.

use serde_json::{Map, Value};

use crate::{Environment, coerce, path, python};

/// The prefix of all keys of the controller.
const PREFIX: &str = "_ansible_";

/// The `_ansible_*` keys of ansible-core 2.16 to 2.21. Keys of later cores are accepted unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Change nothing, predict the change.
    pub check_mode: bool,
    /// Return a `diff`.
    pub diff: bool,
    /// Log nothing of the arguments; the controller censors the result itself.
    pub no_log: bool,
    /// The number of `-v`.
    pub verbosity: u64,
    /// `ANSIBLE_DEBUG` is set on the controller.
    pub debug: bool,
    /// Leave temporary files in place.
    pub keep_remote_files: bool,
    /// Pass over unknown options (2.17 and later).
    pub ignore_unknown_opts: bool,
    /// Whether to return `invocation` (2.21 and later). None, from an older core: return it.
    pub inject_invocation: Option<bool>,
    /// A folder for temporary files, removed by the controller. None when becoming an
    /// unprivileged user: make one of mode 0700 under [`Self::remote_tmp`] and remove it.
    pub tmpdir: Option<String>,
    /// Where temporary folders are made, its `~` expanded.
    pub remote_tmp: Option<String>,
    /// The full name of what the controller runs: the program's, not the module's.
    pub module_name: Option<String>,
    /// The version of ansible-core.
    pub version: Option<String>,
    /// The syslog facility, for a module that logs.
    pub syslog_facility: Option<String>,
    /// What to put in front of a log line (2.17 and later).
    pub target_log_info: Option<String>,
    /// File systems on which `SELinux` contexts are not set.
    pub selinux_special_fs: Vec<String>,
    /// The shell, for a module that runs shell text.
    pub shell_executable: Option<String>,
    /// The socket of a persistent connection.
    pub socket: Option<String>,
    /// The kinds of event for which a traceback is wanted (2.19 and later).
    pub tracebacks_for: Vec<String>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            check_mode: false,
            diff: false,
            no_log: false,
            verbosity: 0,
            debug: false,
            keep_remote_files: false,
            ignore_unknown_opts: false,
            inject_invocation: None,
            tmpdir: None,
            remote_tmp: None,
            module_name: None,
            version: None,
            syslog_facility: None,
            target_log_info: None,
            selinux_special_fs: ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"]
                .map(str::to_owned)
                .to_vec(),
            shell_executable: None,
            socket: None,
            tracebacks_for: Vec::new(),
        }
    }
}

impl Control {
    /// Takes all `_ansible_*` keys out of the arguments.
    ///
    /// A switch that is no boolean is an error: a check mode misread as false would change what
    /// the operator wanted to look at. The first error is returned beside what could be read.
    pub(crate) fn take(
        arguments: &mut Map<String, Value>,
        environment: Environment<'_>,
    ) -> (Self, Result<(), String>) {
        let keys: Vec<String> = arguments
            .keys()
            .filter(|key| key.starts_with(PREFIX))
            .cloned()
            .collect();
        let mut control = Self::default();
        let mut outcome = Ok(());
        for key in keys {
            let Some(value) = arguments.shift_remove(&key) else {
                continue;
            };
            let name = key.strip_prefix(PREFIX).unwrap_or_default();
            let set = control.set(name, &value, environment);
            outcome = outcome.and(set.map_err(|why| format!("the controller's `{key}`: {why}")));
        }
        (control, outcome)
    }

    fn set(
        &mut self,
        name: &str,
        value: &Value,
        environment: Environment<'_>,
    ) -> Result<(), String> {
        match name {
            "check_mode" => self.check_mode = coerce::boolean(value)?,
            "diff" => self.diff = coerce::boolean(value)?,
            "no_log" => self.no_log = coerce::boolean(value)?,
            "debug" => self.debug = coerce::boolean(value)?,
            "keep_remote_files" => self.keep_remote_files = coerce::boolean(value)?,
            "ignore_unknown_opts" => self.ignore_unknown_opts = coerce::boolean(value)?,
            "inject_invocation" => self.inject_invocation = Some(coerce::boolean(value)?),
            "verbosity" => self.verbosity = value.as_u64().unwrap_or(0),
            "tmpdir" => self.tmpdir = text(value),
            "remote_tmp" => {
                // Only a last resort uses it: a home that is not known is said by whoever does.
                self.remote_tmp =
                    text(value).map(|path| path::expand(&path, environment).unwrap_or(path));
            }
            "module_name" => self.module_name = text(value),
            "version" => self.version = text(value),
            "syslog_facility" => self.syslog_facility = text(value),
            "target_log_info" => self.target_log_info = text(value),
            "selinux_special_fs" => self.selinux_special_fs = texts(value),
            "shell_executable" => self.shell_executable = text(value),
            "socket" => self.socket = text(value),
            "tracebacks_for" => self.tracebacks_for = texts(value),
            _ => {}
        }
        Ok(())
    }
}

fn text(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| python::str(value))
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .map(|elements| elements.iter().map(python::str).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(arguments: Value) -> (Map<String, Value>, Control, Result<(), String>) {
        let Value::Object(mut arguments) = arguments else {
            panic!("an object is needed");
        };
        let (control, outcome) = Control::take(&mut arguments, &|name| {
            (name == "HOME").then(|| "/root".to_owned())
        });
        (arguments, control, outcome)
    }

    #[test]
    fn the_keys_of_the_newest_core_are_read() {
        let (rest, control, outcome) = take(json!({
            "name": "kept",
            "_ansible_check_mode": true,
            "_ansible_debug": "no",
            "_ansible_diff": 1,
            "_ansible_ignore_unknown_opts": true,
            "_ansible_inject_invocation": false,
            "_ansible_keep_remote_files": true,
            "_ansible_module_name": "reprise.pve.reprise_x86_64",
            "_ansible_no_log": true,
            "_ansible_remote_tmp": "~/.ansible/tmp",
            "_ansible_selinux_special_fs": ["fuse"],
            "_ansible_shell_executable": "/bin/sh",
            "_ansible_socket": null,
            "_ansible_syslog_facility": "LOG_USER",
            "_ansible_target_log_info": null,
            "_ansible_tmpdir": null,
            "_ansible_tracebacks_for": ["error"],
            "_ansible_verbosity": 3,
            "_ansible_version": "2.21.5",
            "_ansible_string_conversion_action": "warn",
            "_ansible_of_a_later_core": {"any": "thing"},
        }));
        assert_eq!(outcome, Ok(()));
        assert_eq!(Value::Object(rest), json!({"name": "kept"}));
        assert_eq!(
            control,
            Control {
                check_mode: true,
                diff: true,
                no_log: true,
                verbosity: 3,
                debug: false,
                keep_remote_files: true,
                ignore_unknown_opts: true,
                inject_invocation: Some(false),
                tmpdir: None,
                remote_tmp: Some("/root/.ansible/tmp".to_owned()),
                module_name: Some("reprise.pve.reprise_x86_64".to_owned()),
                version: Some("2.21.5".to_owned()),
                syslog_facility: Some("LOG_USER".to_owned()),
                target_log_info: None,
                selinux_special_fs: vec!["fuse".to_owned()],
                shell_executable: Some("/bin/sh".to_owned()),
                socket: None,
                tracebacks_for: vec!["error".to_owned()],
            }
        );
    }

    #[test]
    fn a_switch_that_is_no_boolean_is_an_error_and_the_rest_is_read() {
        let (rest, control, outcome) =
            take(json!({"_ansible_check_mode": "maybe", "_ansible_diff": true, "x": 1}));
        assert!(outcome.unwrap_err().contains("`_ansible_check_mode`"));
        assert!(control.diff);
        assert_eq!(rest.len(), 1);
    }
}
