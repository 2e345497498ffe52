//! Which task a program that still runs has started.

use std::fs;
use std::path::{Path, PathBuf};

use pve_types::Upid;

/// How far a task may be below the program: wrappers stand between them.
const DEEPEST: usize = 12;

/// PVE's list of running tasks, with the processes of this machine.
#[derive(Debug)]
pub(super) struct ActiveTasks {
    list: PathBuf,
}

impl ActiveTasks {
    pub(super) fn new(list: impl Into<PathBuf>) -> Self {
        Self { list: list.into() }
    }

    /// Can the list be read?
    pub(super) fn is_there(&self) -> bool {
        fs::metadata(&self.list).is_ok()
    }

    /// The running task whose process descends from this one. A task that starts others is nearer
    /// than those.
    pub(super) fn started_by(&self, pid: u32) -> Option<Upid> {
        let list = fs::read(&self.list).ok()?;
        String::from_utf8_lossy(&list)
            .lines()
            .filter_map(running)
            .filter_map(|upid| distance(upid.pid(), pid).map(|distance| (distance, upid)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, upid)| upid)
    }
}

/// `UPID 0`; an ended task is `UPID 1 <time> <status>`.
fn running(line: &str) -> Option<Upid> {
    let (upid, "0") = line.trim_end().split_once(' ')? else {
        return None;
    };
    upid.parse().ok()
}

/// How many generations `pid` is below `ancestor`.
fn distance(pid: u32, ancestor: u32) -> Option<usize> {
    let mut pid = pid;
    for generation in 0..DEEPEST {
        if pid == ancestor {
            return Some(generation);
        }
        pid = parent(pid)?;
    }
    None
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // `12 (name) S 1 …`; the name may hold anything, also parentheses.
    let stat = String::from_utf8_lossy(&stat);
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_running_tasks_of_the_descendants() {
        let own = std::process::id();
        let above = parent(own).unwrap();
        let line = |pid: u32, state: &str| {
            format!("UPID:pve1:{pid:08X}:000B698F:6B017E6E:vzdump:300:root@pam: {state}\n")
        };
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("active");
        let active = ActiveTasks::new(&list);
        assert!(!active.is_there());
        assert_eq!(active.started_by(above), None);
        fs::write(
            &list,
            format!("rubbish\n{}{}", line(own, "1 6B017E6F OK"), line(1, "0")),
        )
        .unwrap();
        assert_eq!(active.started_by(above), None, "ended, or somebody else's");
        fs::write(&list, line(own, "0")).unwrap();
        assert_eq!(active.started_by(above).unwrap().pid(), own);
        assert_eq!(active.started_by(own).unwrap().pid(), own);
    }
}
