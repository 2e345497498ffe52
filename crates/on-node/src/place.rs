//! The far side: where its state is, and which old programs go.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many programs are kept.
const KEPT: usize = 3;

/// Where the state of this machine is. The same rule as in the script that places the program.
pub fn state_folder(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|text| !text.is_empty());
    if let Some(folder) = set("REPRISE_STATE_DIR") {
        return PathBuf::from(folder);
    }
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/reprise");
    }
    set("XDG_STATE_HOME")
        .map_or_else(
            || Path::new(&set("HOME").unwrap_or_default()).join(".local/state"),
            PathBuf::from,
        )
        .join("reprise")
}

/// Marks the running program as the newest in its folder, and removes all but the newest three
/// that are not running. Failing to is no failure of a run.
pub fn prune_programs() {
    let Ok(own) = fs::read_link("/proc/self/exe") else {
        return;
    };
    let is_ours = own
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(is_program_name);
    let Some(folder) = own.parent().filter(|_| is_ours) else {
        return;
    };
    if let Ok(file) = fs::File::open(&own)
        && let Ok(age) = fs::metadata("/proc/self").and_then(|about| about.modified())
    {
        // Started now is used now; no clock is needed for that.
        file.set_modified(age).ok();
    }
    for path in superfluous(&programs(folder), &running()) {
        fs::remove_file(path).ok();
    }
}

/// `reprise-` and the beginning of a hash.
fn is_program_name(name: &str) -> bool {
    name.strip_prefix("reprise-")
        .is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn programs(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_program_name))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect()
}

fn running() -> BTreeSet<PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path().join("exe")).ok())
        .collect()
}

/// Those that go: older than the newest three, and not running.
fn superfluous(programs: &[(SystemTime, PathBuf)], running: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut sorted = programs.to_vec();
    sorted.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    sorted
        .into_iter()
        .skip(KEPT)
        .map(|(_, path)| path)
        .filter(|path| !running.contains(path))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_three_and_the_running_stay() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let program = |seconds: u64| (at(seconds), PathBuf::from(format!("/p{seconds}")));
        let all: Vec<_> = [3, 1, 5, 2, 4].map(program).to_vec();
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(superfluous(&all, &BTreeSet::new()), paths(&["/p2", "/p1"]));
        let running = BTreeSet::from([PathBuf::from("/p1")]);
        assert_eq!(superfluous(&all, &running), paths(&["/p2"]));
    }

    #[test]
    fn only_names_of_programs_count() {
        assert!(is_program_name("reprise-0123456789abcdef"));
        for name in [
            "reprise",
            "reprise-",
            "reprise-0123",
            "reprise-0123456789abcdeg",
            ".new-reprise-0123456789abcdef.1",
        ] {
            assert!(!is_program_name(name), "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("reprise-0123456789abcdef"), "").unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        assert_eq!(programs(folder.path()).len(), 1);
        assert!(running().contains(&std::env::current_exe().unwrap()));
    }

    #[test]
    fn the_state_has_one_place() {
        let named = state_folder(&|name| (name == "REPRISE_STATE_DIR").then(|| "/a".to_owned()));
        assert_eq!(named, PathBuf::from("/a"));
        let home = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
        let expected = if rustix::process::geteuid().is_root() {
            "/var/lib/reprise"
        } else {
            "/home/a/.local/state/reprise"
        };
        assert_eq!(state_folder(&home), PathBuf::from(expected));
    }
}
