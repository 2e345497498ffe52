//! Starting tasks: how their ids are found.

use std::time::{Duration, Instant};

use pve_client::api::NO_TASK;
use pve_client::{ApiPath, Error, ErrorKind, Method, Params, Secret, Transport};
use pve_types::Upid;

use crate::fake::Fake;

/// A worker that runs for `seconds`, in PVE's list as PVE writes it, and its log on stdout.
pub(crate) fn task(seconds: &str) -> String {
    format!(
        r#"
case "$1 $2" in 'get /cluster/tasks') cat "$here/cluster" 2>/dev/null || echo '[]'; exit 0;; esac
[ -z "$BEFORE" ] || sleep "$BEFORE"
(
  echo 'INFO: starting new backup job: vzdump 200'
  sleep {seconds}
  echo 'INFO: Backup job finished successfully'
  echo finished >> "$here/worker"
) &
upid=$(printf 'UPID:pve1:%08X:000B698F:6B017E6E:vzdump:200:root@pam:' $!)
echo "$upid" > "$here/upid"
printf 'UPID:pve1:00000001:000B698F:6B017E6E:vzdump:1:root@pam: 0\n%s 0\n' "$upid" > "$here/new"
mv "$here/new" "$here/active"
wait
echo "$upid 1 6B017E70 OK" > "$here/active"
echo "\"$upid\""
echo ended >> "$here/worker"
"#
    )
}

pub(crate) fn start(fake: &Fake) -> Result<Upid, Error> {
    let params = Params::new().with("vmid", 200).with("storage", "backups");
    fake.transport()
        .start(Method::Post, &ApiPath::new("nodes/pve1/vzdump"), &params)
}

#[test]
fn the_id_is_known_while_the_task_runs() {
    let fake = Fake::doing(&task("2"));
    let begin = Instant::now();
    let upid = start(&fake).unwrap();
    let taken = begin.elapsed();
    assert_eq!(fake.text("upid").trim(), upid.to_string());
    assert_eq!(fake.text("worker"), "", "it still runs");
    assert!(taken < Duration::from_millis(1900), "after {taken:?}");
    assert_eq!(
        fake.calls(),
        ["create /nodes/pve1/vzdump --vmid=200 --storage=backups --output-format=json"]
    );
    let left = std::fs::read_dir(&fake.settings.outputs).unwrap().count();
    assert_eq!(left, 0, "its output has no name any more");
    fake.wait_for("worker", "finished\nended\n");
}

#[test]
fn a_short_task_tells_its_id_at_the_end() {
    // Recorded: the task failed, and still the program ends with 0.
    let upid = "UPID:pve1:00002CFA:000B6E65:6B017E7B:vzdump:998:root@pam:";
    let fake = Fake::saying(
        &format!(
            "INFO: starting new backup job: vzdump 998 --node pve1 --storage backups\n\
             ERROR: Backup of VM 998 failed - unable to find VM '998'\n\
             INFO: Backup job finished with errors\n\"{upid}\"\n"
        ),
        "job errors\n",
        0,
    );
    assert_eq!(start(&fake).unwrap().to_string(), upid);
}

#[test]
fn a_refused_task_is_an_error_and_was_not_done() {
    let fake = Fake::saying("", "CT 300 not running\n", 255);
    let error = start(&fake).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Refused { .. }),
        "{error:?}"
    );
    assert!(error.retry_is_safe());
    let nothing = start(&Fake::saying("\"OK\"\n", "", 0)).unwrap_err();
    assert_eq!(nothing.text(), NO_TASK);
    assert_eq!(start(&Fake::saying("", "", 0)).unwrap_err().text(), NO_TASK);
}

#[test]
fn a_program_killed_on_the_way_leaves_it_open_whether_it_was_done() {
    let fake = Fake::doing("kill -9 $$");
    let error = start(&fake).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::MayHaveBeenProcessed);
    assert!(!error.retry_is_safe());
}

#[test]
fn a_start_that_takes_too_long_goes_on_without_us() {
    let mut fake = Fake::doing("sleep 1.5; echo finished >> \"$here/worker\"");
    fake.settings.patience.write = Duration::from_millis(300);
    let error = start(&fake).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::MayHaveBeenProcessed);
    assert!(error.to_string().contains("goes on as process"), "{error}");
    assert_eq!(fake.text("worker"), "");
    fake.wait_for("worker", "finished");
}

#[test]
fn on_another_node_the_list_of_all_nodes_tells() {
    let mut fake = Fake::doing(&task("6").replace("UPID:pve1", "UPID:pve2"));
    // What runs there is no process of this machine, and in no list of it.
    fake.settings.active_tasks = fake.path("no-list");
    let old = "UPID:pve2:00000009:000B698F:6B017E6E:vzdump:200:root@pam:";
    let other = "UPID:pve2:00000008:000B698F:6B017E6E:vzdump:201:root@pam:";
    let ours = "UPID:pve2:0000000A:000B698F:6B017E6F:vzdump:200:root@pam:";
    let list = |upids: &[&str]| {
        let entries: Vec<_> = upids
            .iter()
            .map(|upid| serde_json::json!({"upid": upid}))
            .collect();
        std::fs::write(
            fake.path("cluster"),
            serde_json::to_string(&entries).unwrap(),
        )
        .unwrap();
    };
    list(&[old]);
    let found = std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            fake.transport().start(
                Method::Post,
                &ApiPath::new("nodes/pve2/vzdump"),
                &Params::new().with("vmid", 200),
            )
        });
        fake.wait_for("calls", "create /nodes/pve2/vzdump");
        list(&[ours, other, old]);
        started.join().unwrap()
    });
    assert_eq!(found.unwrap().to_string(), ours);
    assert_eq!(fake.text("worker"), "", "it still runs");
    fake.wait_for("worker", "ended");
}

#[test]
fn a_secret_starts_nothing() {
    let fake = Fake::saying("", "", 0);
    let params = Params::new().with("password", Secret::new("hunter2"));
    let transport = fake.transport();
    for error in [
        transport
            .accepts_secret(&ApiPath::new("storage"), "password")
            .unwrap_err(),
        transport
            .start(Method::Post, &ApiPath::new("nodes/pve1/lxc"), &params)
            .unwrap_err(),
        transport
            .write(Method::Post, &ApiPath::new("storage"), &params)
            .unwrap_err(),
    ] {
        assert!(error.hint().unwrap().contains("pveum user token add"));
        assert!(!format!("{error:?}{error}").contains("hunter2"));
    }
    assert_eq!(fake.calls(), [""; 0]);
}
