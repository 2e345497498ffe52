//! `/var/log/pve/tasks/active`: the list of tasks that PVE keeps for whoever looks without asking.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fs, io};

use super::Task;

/// How many ended tasks stay in the list.
const ENDED: usize = 25;

/// Where the list of a node lies.
pub(crate) const PATH: &str = "/var/log/pve/tasks/active";

/// The file.
#[derive(Debug)]
pub(super) struct List {
    path: PathBuf,
}

impl List {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes it anew; a reader sees the old list or the new one.
    pub(super) fn write(&self, tasks: &[Task]) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let next = self.path.with_extension("tmp");
        fs::write(&next, text(tasks))?;
        fs::rename(&next, &self.path)
    }
}

/// `UPID 0` of a running task and `UPID 1 <time of the end> <status>` of an ended one, the newest
/// first.
fn text(tasks: &[Task]) -> String {
    let mut newest: Vec<&Task> = tasks.iter().collect();
    newest.sort_by_key(|task| std::cmp::Reverse(task.upid.start));
    let mut ended = 0;
    let mut text = String::new();
    for task in newest {
        let written = match &task.end {
            None => writeln!(text, "{} 0", task.upid),
            Some(end) => {
                ended += 1;
                if ended > ENDED {
                    continue;
                }
                writeln!(text, "{} 1 {:08X} {}", task.upid, end.time, end.status)
            }
        };
        // A text takes everything.
        written.ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::upid::Upid;
    use super::super::{End, Task};
    use super::*;
    use crate::access::identity::Identity;

    fn task(start: i64, end: Option<&str>) -> Task {
        Task {
            upid: Upid {
                node: "pve1".to_owned(),
                pid: 11428,
                process_start: 0x000B_698F,
                start,
                kind: "vzdump".to_owned(),
                id: "300".to_owned(),
                owner: Identity::user("root@pam"),
            },
            log: Vec::new(),
            end: end.map(|status| End {
                time: start + 1,
                status: status.to_owned(),
            }),
            stopping: false,
            lost: None,
            link: None,
        }
    }

    #[test]
    fn the_newest_first_and_only_some_of_the_ended() {
        let mut tasks = vec![task(0x6B01_7E6E, Some("OK")), task(0x6B01_7E70, None)];
        assert_eq!(
            text(&tasks),
            "UPID:pve1:00002CA4:000B698F:6B017E70:vzdump:300:root@pam: 0\n\
             UPID:pve1:00002CA4:000B698F:6B017E6E:vzdump:300:root@pam: 1 6B017E6F OK\n"
        );
        tasks.extend((0..40).map(|_| task(1, Some("job errors"))));
        assert_eq!(text(&tasks).lines().count(), 1 + ENDED);
    }
}
