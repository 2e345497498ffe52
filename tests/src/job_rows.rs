//! Every option of `vzdump_job`: two values of it, and what each makes of the job in Proxmox VE.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::server::{Server, map, merged};

/// The options that are no setting of a job, and the tests that try them.
pub const ELSEWHERE: &[(&str, &str)] = &[
    (
        "id",
        "by_hand::jobs, suite: a job is made, found again and removed by it",
    ),
    ("state", "by_hand::jobs, suite"),
    ("timeout", "the module's own tests of `state: run`"),
    ("verify", "by_hand::digest"),
    ("ledger", "by_hand::digest"),
    (
        "storage_planned",
        "by_hand::jobs::a_storage_that_an_earlier_task_makes_is_missed_only_by_the_real_run",
    ),
    (
        "adopt",
        "by_hand::jobs::an_equal_job_is_named_and_taken_over_when_asked",
    ),
    ("rpo_hours", "by_hand::jobs::what_a_job_lacks_is_said"),
    ("notification_expected", "ansible::site: the play warns"),
    ("api_host", "by_hand::connection"),
    ("api_port", "by_hand::connection"),
    ("api_user", "by_hand::connection"),
    ("api_password", "by_hand::connection"),
    ("api_token_id", "by_hand::connection"),
    ("api_token_secret", "by_hand::connection"),
    ("validate_certs", "by_hand::connection"),
    ("ca_path", "by_hand::connection"),
    ("fingerprint", "by_hand::connection"),
];

/// One option.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub option: &'static str,
    /// What the base is changed to for it; null takes a word away.
    under: Value,
    /// What else the task says together with a value; null takes a word away.
    beside: Value,
    /// Two values of it, the second left out where there is none.
    values: Vec<Value>,
    /// The parameter of Proxmox VE.
    parameter: &'static str,
    /// What the parameter is: with each value, and at last with the option left out.
    expected: Vec<Value>,
}

/// One task of a row, and what must come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does, for a reader.
    pub name: String,
    /// The options of the task, without those of the connection.
    pub options: Map<String, Value>,
    /// Whether it changes the job.
    pub changes: bool,
    /// The parameter of Proxmox VE.
    pub parameter: &'static str,
    /// What the parameter is afterwards; null when it is not there.
    pub expected: Value,
}

impl Row {
    fn new(
        option: &'static str,
        parameter: &'static str,
        values: [(Value, Value); 2],
        left_out: Value,
    ) -> Self {
        let (values, mut expected): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        expected.push(left_out);
        Self {
            option,
            under: json!({}),
            beside: json!({}),
            values,
            parameter,
            expected,
        }
    }

    /// An option whose text is stored as it is.
    fn text(option: &'static str, parameter: &'static str, one: &str, two: &str) -> Self {
        let values = [one, two].map(|text| (json!(text), json!(text)));
        Self::new(option, parameter, values, Value::Null)
    }

    fn number(option: &'static str, parameter: &'static str, one: u32, two: u32) -> Self {
        let values = [one, two].map(|number| (json!(number), json!(number.to_string())));
        Self::new(option, parameter, values, Value::Null)
    }

    /// A flag: on, then off. Off said is another job than nothing said: then the node's own
    /// `/etc/vzdump.conf` decides.
    fn on(option: &'static str, parameter: &'static str) -> Self {
        let values = [(json!(true), json!("1")), (json!(false), json!("0"))];
        Self::new(option, parameter, values, Value::Null)
    }

    /// The same from the other end.
    fn off(option: &'static str, parameter: &'static str) -> Self {
        let values = [(json!(false), json!("0")), (json!(true), json!("1"))];
        Self::new(option, parameter, values, Value::Null)
    }

    fn keep(option: &'static str, parameter: &'static str) -> Self {
        let values = [3, 5].map(|count| (json!(count), json!({parameter: count.to_string()})));
        Self::new(option, "prune-backups", values, Value::Null)
    }

    fn beside(mut self, beside: Value) -> Self {
        self.beside = beside;
        self
    }

    fn under(mut self, under: Value) -> Self {
        self.under = under;
        self
    }

    fn left_out(mut self, expected: Value) -> Self {
        self.expected.pop();
        self.expected.push(expected);
        self
    }

    /// Without the second value: the server has no guest, pool or tag for it.
    fn without_second(mut self) -> Self {
        self.values.truncate(1);
        self.expected.remove(1);
        self
    }

    /// Whether the option is also changed, not only set and cleared.
    pub const fn has_second(&self) -> bool {
        self.values.len() > 1
    }

    /// Set, set again, changed, cleared. Where the second value is what clearing
    /// gives too, it is set once more before it is cleared.
    pub fn steps(&self, base: &Map<String, Value>) -> Vec<Step> {
        let cleared = self.values.len();
        let mut order = vec![0, 0];
        if self.has_second() {
            order.push(1);
            if self.expected.get(1) == self.expected.get(cleared) {
                order.push(0);
            }
        }
        order.push(cleared);
        let mut before = self.expected.get(cleared).cloned().unwrap_or_default();
        let base = merged(base.clone(), self.under.clone());
        let mut steps = Vec::new();
        for at in order {
            let mut options = base.clone();
            let what = match self.values.get(at) {
                Some(value) => {
                    options = merged(options, self.beside.clone());
                    options.insert(self.option.to_owned(), value.clone());
                    ["one", "two"].get(at).copied().unwrap_or_default()
                }
                None => "left out",
            };
            let expected = self.expected.get(at).cloned().unwrap_or_default();
            steps.push(Step {
                name: format!("{}: value {what}, step {}", self.option, steps.len()),
                options,
                changes: expected != before,
                parameter: self.parameter,
                expected: expected.clone(),
            });
            before = expected;
        }
        steps
    }
}

/// What every row starts from: a job of all guests on a storage.
///
/// # Errors
/// When the server has no storage.
pub fn base(server: &Server, id: &str) -> Result<Map<String, Value>> {
    Ok(map(json!({
        "id": id,
        "schedule": "03:00",
        "all": true,
        "storage": server.storage()?,
    })))
}

/// A row for every setting of a job.
///
/// # Errors
/// When the server cannot be read.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn rows(server: &Server, api: &Api) -> Result<Vec<Row>> {
    let storage = server.storage()?;
    let mut rows = selection(server, api)?;
    rows.extend([
        Row::new(
            "enabled",
            "enabled",
            [(json!(false), json!("0")), (json!(true), json!("1"))],
            json!("1"),
        ),
        Row::text(
            "comment",
            "comment",
            "made by a test",
            "made by a test, \u{e9}t\u{e9}",
        ),
        Row::text("schedule", "schedule", "sat 04:00", "mon..fri 02:30").left_out(json!("03:00")),
        Row::new(
            "repeat_missed",
            "repeat-missed",
            [(json!(true), json!("1")), (json!(false), Value::Null)],
            Value::Null,
        ),
        Row::text("node", "node", &server.node, "reprise-test-nowhere"),
        Row::text("storage", "storage", "local", "reprise-test-nowhere").left_out(json!(storage)),
        Row::text("mode", "mode", "stop", "suspend").left_out(json!("snapshot")),
        Row::new(
            "compress",
            "compress",
            [(json!("gzip"), json!("gzip")), (json!("none"), json!("0"))],
            json!("zstd"),
        ),
        Row::number("threads", "zstd", 4, 0),
        Row::on("protected", "protected"),
        Row::text(
            "notes_template",
            "notes-template",
            "{{guestname}} on {{node}}",
            "second {{vmid}}",
        ),
        Row::new(
            "exclude_path",
            "exclude-path",
            [
                (json!(["/srv/a", "/srv/b"]), json!(["/srv/a", "/srv/b"])),
                (json!(["/srv/c"]), json!(["/srv/c"])),
            ],
            Value::Null,
        ),
        Row::off("stdexcludes", "stdexcludes"),
        Row::text(
            "pbs_change_detection_mode",
            "pbs-change-detection-mode",
            "metadata",
            "data",
        ),
        Row::new(
            "fleecing",
            "fleecing",
            [
                (
                    json!({"storage": storage}),
                    json!({"enabled": "1", "storage": storage}),
                ),
                (
                    json!({"enabled": false, "storage": storage}),
                    json!({"enabled": "0", "storage": storage}),
                ),
            ],
            Value::Null,
        ),
        Row::number("bwlimit", "bwlimit", 51200, 1024),
        Row::number("ionice", "ionice", 8, 5),
        Row::number("lockwait", "lockwait", 10, 20),
        Row::number("stopwait", "stopwait", 5, 6),
        Row::new(
            "performance",
            "performance",
            [
                (json!({"max_workers": 4}), json!({"max-workers": "4"})),
                (
                    json!({"max_workers": 8, "pbs_entries_max": 2048}),
                    json!({"max-workers": "8", "pbs-entries-max": "2048"}),
                ),
            ],
            Value::Null,
        ),
        Row::off("remove", "remove"),
        Row::text(
            "notification_mode",
            "notification-mode",
            "notification-system",
            "legacy-sendmail",
        ),
        Row::new(
            "mailto",
            "mailto",
            [
                (json!(["ops@example.com"]), json!("ops@example.com")),
                (
                    json!(["ops@example.com", "root@pam"]),
                    json!("ops@example.com,root@pam"),
                ),
            ],
            Value::Null,
        ),
        Row::new(
            "mailnotification",
            "mailnotification",
            [
                (json!("failure"), json!("failure")),
                (json!("always"), json!("always")),
            ],
            Value::Null,
        ),
        Row::new(
            "keep_all",
            "prune-backups",
            [
                (json!(true), json!({"keep-all": "1"})),
                (json!(false), Value::Null),
            ],
            Value::Null,
        ),
        Row::keep("keep_last", "keep-last"),
        Row::keep("keep_hourly", "keep-hourly"),
        Row::keep("keep_daily", "keep-daily"),
        Row::keep("keep_weekly", "keep-weekly"),
        Row::keep("keep_monthly", "keep-monthly"),
        Row::keep("keep_yearly", "keep-yearly"),
    ]);
    // Only one value of it can stand: `all: false` selects nothing.
    rows.push(
        Row::new(
            "all",
            "all",
            [(json!(true), json!("1")), (json!(true), json!("1"))],
            Value::Null,
        )
        .without_second()
        .under(json!({"all": null, "vmid": [server.vm]}))
        .beside(json!({"vmid": null})),
    );
    Ok(rows)
}

/// The options that select guests, as far as the server has guests for them.
fn selection(server: &Server, api: &Api) -> Result<Vec<Row>> {
    let (vm, ct) = (server.vm, server.ct);
    let (of_vm, of_ct) = (vm.to_string(), ct.to_string());
    let both = format!("{},{}", vm.min(ct), vm.max(ct));
    let no_all = json!({"all": null});
    let guests = api.get("/cluster/resources?type=vm")?;
    let guest = |vmid: u32, key: &str| {
        let guests = guests.as_array().into_iter().flatten();
        guests
            .filter(|guest| guest.get("vmid").and_then(Value::as_u64) == Some(vmid.into()))
            .find_map(|guest| guest.get(key)?.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let mut rows = vec![
        Row::new(
            "vmid",
            "vmid",
            [(json!([vm]), json!(of_vm)), (json!([ct, vm]), json!(both))],
            Value::Null,
        )
        .beside(no_all.clone()),
        Row::new(
            "exclude",
            "exclude",
            [(json!([vm]), json!(of_vm)), (json!([ct]), json!(of_ct))],
            Value::Null,
        ),
        Row::new(
            "names",
            "vmid",
            [
                (json!([guest(vm, "name")]), json!(of_vm)),
                (json!([guest(ct, "name")]), json!(of_ct)),
            ],
            Value::Null,
        )
        .beside(no_all.clone()),
    ];
    let pools = api.get("/pools")?;
    let pools: Vec<&str> = pools
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|pool| pool.get("poolid")?.as_str())
        .collect();
    match pools.as_slice() {
        [] => {}
        [one] => rows.push(
            Row::text("pool", "pool", one, one)
                .without_second()
                .beside(no_all.clone()),
        ),
        [one, two, ..] => rows.push(Row::text("pool", "pool", one, two).beside(no_all.clone())),
    }
    // Who has a tag is looked up with the same list that names the tags.
    let tagged = |tag: &str| {
        let mut numbers: Vec<u64> = guests
            .as_array()
            .into_iter()
            .flatten()
            .filter(|guest| {
                let tags = guest
                    .get("tags")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                tags.split([';', ',', ' ']).any(|found| found == tag)
            })
            .filter_map(|guest| guest.get("vmid")?.as_u64())
            .collect();
        numbers.sort_unstable();
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        json!(numbers.join(","))
    };
    let tags: Vec<String> = guests
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|guest| guest.get("tags")?.as_str())
        .flat_map(|tags| tags.split([';', ',', ' ']).map(str::to_owned))
        .filter(|tag| !tag.is_empty())
        .collect();
    if let Some(one) = tags.first() {
        let two = tags.iter().find(|tag| tagged(tag) != tagged(one));
        let row = |two: &str| {
            Row::new(
                "tags",
                "vmid",
                [(json!([one]), tagged(one)), (json!([two]), tagged(two))],
                Value::Null,
            )
            .beside(no_all.clone())
        };
        rows.push(match two {
            Some(two) => row(two),
            None => row(one).without_second(),
        });
    }
    Ok(rows)
}

/// The options of the table that no row and no test elsewhere tries.
pub fn untried(rows: &[Row]) -> Vec<&'static str> {
    let job = reprise::MODULES
        .iter()
        .filter(|module| module.declaration.name == "vzdump_job");
    job.flat_map(|module| module.declaration.spec.options())
        .map(|option| option.name)
        .filter(|name| ELSEWHERE.iter().all(|(elsewhere, _)| elsewhere != name))
        .filter(|name| rows.iter().all(|row| row.option != *name))
        .collect()
}
