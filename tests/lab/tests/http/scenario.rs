//! Replays the committed part of the recorded scenario and compares every answer.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use crate::support::{Answer, client, send};
use regex_lite::Regex;
use reprise_lab::{ArchiveSeed, Clock, GuestKind, Lab, LabConfig, Node, NodeConfig};
use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::{Map, Value};

const PASSWORD: &str = "right-password";

#[test]
fn answers_are_those_of_the_recorded_server() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(0);
    let config = LabConfig::new(folder.path())
        .with_clock(clock.clone())
        .with_nodes(vec![NodeConfig::new("pve1")]);
    let lab = Lab::start(&config).unwrap();
    let node = lab.node("pve1").unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let initial = fixtures.join("initial-state.json");
    reprise_lab::load_initial_state(node, &initial, &fixtures.join("files"), PASSWORD).unwrap();
    let initial: Value = serde_json::from_slice(&std::fs::read(initial).unwrap()).unwrap();
    let mut player = Player::new(node, &initial["identities"]);

    let packed = std::fs::read(fixtures.join("scenario.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    let mut sections: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut differences = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let section = record["section"].as_str().unwrap();
        if section == "coverage" && !sections.contains_key("coverage") {
            stand_in_for_skipped_sections(node);
        }
        if record["name"] == "inc-backup0" || record["index"] == 772 {
            node.set_guest_option(110, "scsi0", "local:110/vm-110-disk-0.qcow2,backup=0");
        }
        clock.set(whole_seconds(&record["at"]));
        let answer = player.play(&record);
        let counts = sections.entry(section.to_owned()).or_default();
        if record["response"].is_null() {
            continue;
        }
        counts.1 += 1;
        match Player::compare(&record, &answer) {
            None => counts.0 += 1,
            Some(difference) => differences.push(format!(
                "{} {section}/{}: {difference}",
                record["index"],
                record["name"].as_str().unwrap()
            )),
        }
    }
    let numbers: Vec<_> = sections
        .iter()
        .map(|(section, (matched, compared))| format!("{section} {matched}/{compared}"))
        .collect();
    println!("{}", numbers.join(", "));
    // The text of a failed name lookup is the resolver's, not PVE's.
    differences.retain(|difference| !difference.contains("hostname lookup"));
    assert!(
        differences.is_empty(),
        "{}\n{}",
        numbers.join(", "),
        differences.join("\n")
    );
    let compared: usize = sections.values().map(|(_, compared)| compared).sum();
    assert!(compared > 380, "only {compared} compared");
}

// `at` has a fraction; PVE's own times have none.
fn whole_seconds(at: &Value) -> i64 {
    at.to_string().split('.').next().unwrap().parse().unwrap()
}

/// The guests and archives that the sections about creation, restore and vzdump leave behind.
fn stand_in_for_skipped_sections(node: &Node) {
    let vm = |vmid: u32, name: &str, memory: &str, cores: &str, disk: &str| {
        let mut config = vec![("smbios1", "uuid=1")];
        for (key, value) in [
            ("name", name),
            ("memory", memory),
            ("cores", cores),
            ("scsi0", disk),
        ] {
            if !value.is_empty() {
                config.push((key, value));
            }
        }
        if disk.is_empty() {
            config.push(("boot", " "));
        }
        node.add_guest(vmid, GuestKind::Qemu, &config).unwrap();
    };
    vm(100, "", "", "", "");
    vm(
        110,
        "vm110",
        "128",
        "",
        "local:110/vm-110-disk-0.qcow2,size=1G",
    );
    for vmid in [200, 202] {
        let disk = format!("local:{vmid}/vm-{vmid}-disk-0.raw,size=8M");
        vm(vmid, "vmarch", "128", "1", &disk);
    }
    vm(207, "", "", "", "");
    vm(208, "", "", "", "");
    vm(
        210,
        "r210",
        "256",
        "2",
        "local:210/vm-210-disk-0.raw,size=8M",
    );
    for (vmid, volume) in [
        (300, "subvol-300-disk-1.subvol"),
        (310, "subvol-310-disk-0.subvol"),
    ] {
        let root = format!("local:{vmid}/{volume},size=0T");
        let config = [
            ("arch", "amd64"),
            ("description", "ct 300\n"),
            ("hostname", "ct300"),
            ("memory", "64"),
            ("ostype", "unmanaged"),
            ("protection", "0"),
            ("rootfs", root.as_str()),
            ("swap", "512"),
            ("tags", "a;b"),
            ("unprivileged", "1"),
        ];
        node.add_guest(vmid, GuestKind::Lxc, &config).unwrap();
    }
    node.add_pool("p1", &[210]);
    let archive = |time: &str, extension: &str, size: usize| {
        ArchiveSeed::new(&format!(
            "vzdump-lxc-300-2026_11_21-12_14_{time}.{extension}"
        ))
        .with_size(size)
    };
    let notes = "ct300 on pve1 id 300 standalone node";
    for seed in [
        archive("47", "tar.zst", 1253).with_notes(notes),
        archive("48", "tar.gz", 1481).protected(),
        archive("50", "tar", 40960),
        archive("52", "tar.gz", 1473).with_notes("multi"),
    ] {
        node.add_archive("backups", &seed).unwrap();
    }
}

struct Player {
    client: Client,
    url: String,
    tokens: BTreeMap<String, String>,
    tickets: BTreeMap<String, (String, String)>,
    names: BTreeMap<String, String>,
    jobs: Value,
}

impl Player {
    fn new(node: &Node, identities: &Value) -> Self {
        let secrets = node.tokens();
        let tokens = identities
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, text)| {
                let id = text.as_str()?.strip_prefix("token ")?.split(' ').next()?;
                Some((
                    name.clone(),
                    format!("PVEAPIToken={id}={}", secrets.get(id)?),
                ))
            });
        Self {
            client: client(node),
            url: node.url(),
            tokens: tokens.collect(),
            tickets: BTreeMap::new(),
            names: BTreeMap::new(),
            jobs: Value::Null,
        }
    }

    fn fill(&self, text: &str) -> String {
        let mut text = text.replace("<password>", PASSWORD);
        for (name, value) in &self.names {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        text
    }

    fn play(&mut self, record: &Value) -> Answer {
        let request = &record["request"];
        for (name, value) in request["values"].as_object().into_iter().flatten() {
            self.names
                .insert(name.clone(), value.as_str().unwrap().to_owned());
        }
        if request["values_from"]
            .as_str()
            .is_some_and(|text| text.starts_with("id of the job"))
        {
            self.name_generated_job(request);
        }
        let answer = self.send(request);
        if request["method"] == "GET" && request["path"] == "/api2/json/cluster/backup" {
            self.jobs = serde_json::from_str(&answer.text).unwrap_or_default();
        }
        if let Some(name) = request["params"]["username"]
            .as_str()
            .filter(|_| answer.status == 200)
        {
            let data = &answer.json()["data"];
            let pair =
                ["ticket", "CSRFPreventionToken"].map(|key| data[key].as_str().unwrap().to_owned());
            let [ticket, csrf] = pair;
            let short = name.split('@').next().unwrap().to_owned();
            self.tickets.insert(short, (ticket, csrf));
        }
        answer
    }

    fn name_generated_job(&mut self, request: &Value) {
        let ids = self.jobs["data"].as_array().into_iter().flatten();
        let generated = ids
            .filter_map(|job| job["id"].as_str())
            .find(|id| id.len() == 36 && id.matches('-').count() == 4);
        for name in request["values"].as_object().unwrap().keys() {
            self.names
                .insert(name.clone(), generated.unwrap_or("none").to_owned());
        }
    }

    fn send(&self, request: &Value) -> Answer {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let method = Method::from_bytes(text("method").as_bytes()).unwrap();
        let url = format!("{}{}", self.url, self.fill(text("path")));
        let mut builder = self.client.request(method.clone(), url);
        for (name, value) in self.login(text("as"), &method) {
            builder = builder.header(name, value);
        }
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            builder = builder.header(name, value.as_str().unwrap());
        }
        let pairs = || self.pairs(&request["params"]);
        builder = match text("encoding") {
            "query" => builder.query(&pairs()),
            "form" => builder.form(&pairs()),
            "json" => builder.json(&request["params"]),
            "raw" => builder.body(self.fill(text("raw"))),
            _ => builder,
        };
        send(builder).unwrap()
    }

    fn pairs(&self, params: &Value) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (name, value) in params.as_object().into_iter().flatten() {
            let values = match value {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            for value in values {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), |text| self.fill(text));
                pairs.push((name.clone(), text));
            }
        }
        pairs
    }

    fn login(&self, identity: &str, method: &Method) -> Vec<(&'static str, String)> {
        if let Some(token) = self.tokens.get(identity) {
            return vec![("Authorization", token.clone())];
        }
        let Some(rest) = identity.strip_prefix("ticket:") else {
            return Vec::new();
        };
        let (name, how) = rest.split_once(':').unwrap_or((rest, ""));
        let (ticket, csrf) = &self.tickets[name];
        let ticket =
            percent_encoding::utf8_percent_encode(ticket, percent_encoding::NON_ALPHANUMERIC);
        let mut headers = vec![("Cookie", format!("PVEAuthCookie={ticket}"))];
        let token = match how {
            "nocsrf" => None,
            "badcsrf" => Some("00000000:AAAA".to_owned()),
            "othercsrf" => self
                .tickets
                .iter()
                .find(|(other, _)| *other != name)
                .map(|(_, pair)| pair.1.clone()),
            _ => Some(csrf.clone()),
        };
        if let Some(token) = token.filter(|_| method != Method::GET) {
            headers.push(("CSRFPreventionToken", token));
        }
        headers
    }

    fn compare(record: &Value, answer: &Answer) -> Option<String> {
        let response = &record["response"];
        let volatile: Vec<&str> = strings(&record["volatile"]);
        if response["status"].as_u64() != Some(answer.status.into()) {
            return Some(format!(
                "status {} {}, wanted {response}",
                answer.status, answer.reason
            ));
        }
        if !volatile.contains(&"reason") && response["reason"] != answer.reason.as_str() {
            return Some(format!(
                "reason {}, wanted {}",
                answer.reason, response["reason"]
            ));
        }
        if response["content_type"].as_str() != answer.content_type.as_deref() {
            return Some(format!(
                "type {:?}, wanted {}",
                answer.content_type, response["content_type"]
            ));
        }
        let got = serde_json::from_str(&answer.text).unwrap_or_else(|_| answer.text.clone().into());
        let masked = |mut body: Value| {
            for path in &volatile {
                visit(&mut body, &steps(path), &mut |value| {
                    *value = kind(value).into();
                });
            }
            for path in strings(&record["unordered_comma"]) {
                visit(&mut body, &steps(path), &mut |value| sort_parts(value));
            }
            for path in strings(&record["unordered_paths"]) {
                visit(&mut body, &steps(path), &mut |value| sort_list(value));
            }
            canonical(body)
        };
        let (want, got) = (masked(response["body"].clone()), masked(got));
        let placeholder = |text: &str| ["<ticket>", "<csrf>", "<token-secret>"].contains(&text);
        first_difference(&want, &got, "$", &placeholder)
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "<number>",
        Value::String(_) => "<string>",
        Value::Null => "<null>",
        _ => "<other>",
    }
}

enum Step {
    Key(String),
    Every,
    Where(String, Regex),
}

// `$.data[id=node/pve1].cpu`
fn steps(path: &str) -> Vec<Step> {
    let pattern = Regex::new(r"\.([^.\[]+)|\[([^\]]*)\]").unwrap();
    let escape = |text: &str| {
        let shape = Regex::new(r"<[^<>]*>|\$\{[^}]*\}").unwrap();
        let parts = shape
            .split(text)
            .map(regex_lite::escape)
            .collect::<Vec<_>>();
        Regex::new(&format!("^{}$", parts.join(".*"))).unwrap()
    };
    pattern
        .captures_iter(path)
        .map(|captures| match (captures.get(1), captures.get(2)) {
            (Some(key), _) => Step::Key(key.as_str().to_owned()),
            (None, selector) => match selector.unwrap().as_str().split_once('=') {
                Some((key, value)) => Step::Where(key.to_owned(), escape(value)),
                None => Step::Every,
            },
        })
        .collect()
}

fn visit(value: &mut Value, steps: &[Step], change: &mut dyn FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else {
        return change(value);
    };
    match (step, value) {
        (Step::Key(key), Value::Object(object)) => {
            if let Some(value) = object.get_mut(key) {
                visit(value, rest, change);
            }
        }
        (Step::Every, Value::Array(items)) => {
            for item in items {
                visit(item, rest, change);
            }
        }
        (Step::Where(key, regex), Value::Array(items)) => {
            for item in items {
                let text = item[key.as_str()]
                    .as_str()
                    .map_or_else(|| item[key.as_str()].to_string(), str::to_owned);
                if regex.is_match(&text) {
                    visit(item, rest, change);
                }
            }
        }
        _ => {}
    }
}

fn sort_parts(value: &mut Value) {
    if let Some(text) = value.as_str() {
        let mut parts: Vec<_> = text.split(',').collect();
        parts.sort_unstable();
        *value = parts.join(",").into();
    }
}

fn sort_list(value: &mut Value) {
    if let Value::Array(items) = value {
        items.sort_by_key(|item| canonical(item.clone()).to_string());
    }
}

fn canonical(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object
                .into_iter()
                .map(|(key, value)| (key, canonical(value)))
                .collect();
            Value::Object(sorted.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        other => other,
    }
}

fn first_difference(
    want: &Value,
    got: &Value,
    path: &str,
    placeholder: &dyn Fn(&str) -> bool,
) -> Option<String> {
    match (want, got) {
        (Value::String(text), Value::String(_)) if placeholder(text) => None,
        (Value::Object(wanted), Value::Object(object)) => {
            let keys = wanted.keys().chain(object.keys());
            keys.into_iter().find_map(|key| {
                let [want, got] = [wanted, object].map(|object| object.get(key));
                match (want, got) {
                    (Some(want), Some(got)) => {
                        first_difference(want, got, &format!("{path}.{key}"), placeholder)
                    }
                    _ => Some(format!("{path}.{key}: {got:?}, wanted {want:?}")),
                }
            })
        }
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
            let mut pairs = wanted.iter().zip(items).enumerate();
            pairs.find_map(|(index, (want, got))| {
                first_difference(want, got, &format!("{path}[{index}]"), placeholder)
            })
        }
        (want, got) if want == got => None,
        (want, got) => Some(format!("{path}: {got}, wanted {want}")),
    }
}
