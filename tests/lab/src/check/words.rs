//! What of an output may differ from run to run: times, process numbers, sizes of the host's disk,
//! the order that Perl's hashes have.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::{Map, Value};

/// Keys whose values belong to the machine or to the moment.
const VOLATILE: [&str; 21] = [
    "avail",
    "cpu",
    "ctime",
    "digest",
    "disk",
    "endtime",
    "maxcpu",
    "maxdisk",
    "maxmem",
    "mem",
    "next-run",
    "pid",
    "pstart",
    "saved",
    "snaptime",
    "ssl_fingerprint",
    "starttime",
    "total",
    "uptime",
    "used",
    "used_fraction",
];

/// Texts that differ from run to run.
const SHAPES: [(&str, &str); 13] = [
    (r"UPID:([^:]*):[0-9A-F]*:[0-9A-F]*:[0-9A-F]*:", "UPID:$1:…:"),
    (r"vzdumptmp[0-9_]*", "vzdumptmp…"),
    (r"at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "at …"),
    (r"\(\d\d:\d\d:\d\d\)", "(…)"),
    (r"[0-9.]+[KMG]?i?B/s", "…/s"),
    (r"duration \d+ sec", "duration …"),
    (
        r"Total bytes (written|read): \d+ \([^,]*",
        "Total bytes $1: …",
    ),
    (r"archive file size: .*", "archive file size: …"),
    (r"uuid=[0-9a-f-]{36}", "uuid=…"),
    (r"^[0-9a-f]{8}-[0-9a-f-]{27}$", "…"),
    (r"ctime=\d+", "ctime=…"),
    (r"(virtio|hwaddr)=[0-9A-F:]{17}", "$1=…"),
    (r"^CTIME: .*", "CTIME: …"),
];

/// The lines of a text in no order, each without what differs from run to run.
pub(super) fn normal_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(normal).collect();
    lines.sort();
    lines
}

fn normal(line: &str) -> String {
    let mut line = line.to_owned();
    for (form, instead) in SHAPES {
        if let Ok(form) = Regex::new(form) {
            line = form.replace_all(&line, instead).into_owned();
        }
    }
    // Perl writes the options of a job in the order of its hash.
    if line.contains("starting new backup job:") {
        let mut words: Vec<&str> = line.split(' ').collect();
        words.sort_unstable();
        line = words.join(" ");
    }
    line
}

/// A value without what differs from run to run, lists in one order.
/// `made` are the archives of this run: how large they are depends on the guest's files.
pub(super) fn normal_value(value: &Value, made: &BTreeSet<String>) -> Value {
    match value {
        Value::Object(object) => {
            let is_made = ["volid", "path"].iter().any(|key| {
                let name = object.get(*key).and_then(Value::as_str);
                let name = name.and_then(|name| name.rsplit('/').next());
                name.is_some_and(|name| made.contains(name))
            });
            let mut pairs: Vec<_> = object
                .iter()
                .filter(|(name, _)| !VOLATILE.contains(&name.as_str()))
                .filter(|(name, _)| !is_made || *name != "size")
                .collect();
            pairs.sort_by_key(|(name, _)| *name);
            pairs
                .into_iter()
                .map(|(name, value)| {
                    let value = match value {
                        Value::String(text) if name == "content" => {
                            let mut parts: Vec<&str> = text.split(',').collect();
                            parts.sort_unstable();
                            parts.join(",").into()
                        }
                        value => normal_value(value, made),
                    };
                    (name.clone(), value)
                })
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| normal_value(item, made)).collect();
            items.sort_by_key(ToString::to_string);
            items.into()
        }
        Value::String(text) => normal(text).into(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_varies_is_let_go() {
        let line = |text: &str| normal_lines(text).concat();
        assert_eq!(
            line("\"UPID:pve1:00002CA4:000B698F:6B017E6E:vzdump:300:root@pam:\""),
            "\"UPID:pve1:…:vzdump:300:root@pam:\""
        );
        assert_ne!(
            line("INFO: adding notes to backup"),
            line("INFO: marking backup as protected")
        );
        let value = json!([{"id": "b", "digest": "1", "content": "b,a"}, {"id": "a"}]);
        assert_eq!(
            normal_value(&value, &BTreeSet::new()),
            json!([{"content": "a,b", "id": "b"}, {"id": "a"}])
        );
        let made = BTreeSet::from(["x.tar".to_owned()]);
        let sized = |name: &str| normal_value(&json!({"volid": name, "size": 1}), &made);
        assert_eq!(sized("b:backup/x.tar").get("size"), None);
        assert_eq!(sized("b:backup/y.tar")["size"], 1);
    }
}
