//! Terraform's variables through the binary: the inventory, and `--tfvars` of a module's command.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the report"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../../docs/how-to/terraform.md");
const SECRET: &str = "12345678-90ab-cdef-1234-567890abcdef";

/// A folder that is home and working directory of the calls.
struct Place {
    folder: TempDir,
}

/// How a call ended: code, standard output, standard error.
type Ended = (i32, String, String);

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With the file of the document.
    fn documented() -> Self {
        let place = Self::new();
        place.write("terraform.tfvars", &block("hcl"));
        place
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::cargo_bin("reprise").unwrap();
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path());
        command
    }

    fn call<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Ended {
        ended(self.command().args(words))
    }

    fn inventory(&self, more: &[&'static str]) -> Ended {
        self.call(["inventory"].into_iter().chain(more.iter().copied()))
    }
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The blocks of this language in the document.
fn blocks(language: &str) -> Vec<String> {
    let mut rest = DOCUMENT;
    let mut blocks = Vec::new();
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = after.split_once("\n```").unwrap();
        blocks.push(block.to_owned());
        rest = after;
    }
    blocks
}

fn block(language: &str) -> String {
    let mut blocks = blocks(language);
    // The file of the inventory plugin is none of the program.
    blocks.retain(|block| !block.starts_with("plugin: "));
    assert_eq!(blocks.len(), 1, "{language}");
    blocks.remove(0)
}

/// The one documented command with these words.
fn documented(words: &str) -> Vec<String> {
    let found: Vec<String> = blocks("sh")
        .into_iter()
        .filter(|block| block.starts_with("reprise ") && block.contains(words))
        .collect();
    assert_eq!(found.len(), 1, "{words}");
    found[0]
        .split_whitespace()
        .skip(1)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_document_shows_what_is_printed() {
    let place = Place::documented();
    // Without its map it is the first command of the document.
    let mut words = documented("inventory --tfvars terraform.tfvars --map");
    let first: Vec<&str> = words.iter().take(3).map(String::as_str).collect();
    assert!(blocks("sh").contains(&format!("reprise {}", first.join(" "))));
    let (code, stdout, stderr) = place.call(first);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout.trim_end(), block("json"));

    let (code, stdout, stderr) = place.call(words.iter().map(String::as_str));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(value["pve"]["hosts"], serde_json::json!(["pve-prod"]));
    assert_eq!(
        value["_meta"]["hostvars"]["pve-prod"],
        serde_json::json!({"ansible_host": "192.0.2.10", "ansible_user": "root"})
    );
    words.extend(["--host".to_owned(), "pve-prod".to_owned()]);
    let (_, stdout, _) = place.call(words.iter().map(String::as_str));
    let host: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(host, value["_meta"]["hostvars"]["pve-prod"]);
}

#[test]
fn the_documented_program_is_an_inventory() {
    let place = Place::documented();
    let script = blocks("sh")
        .into_iter()
        .find(|block| block.starts_with("#!"))
        .unwrap();
    let path = place.write("hosts", &script);
    let binary = Command::cargo_bin("reprise").unwrap();
    let folder = PathBuf::from(binary.get_program());
    let folder = folder.parent().unwrap().display().to_string();
    let run = |words: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command
            .arg(&path)
            .args(words)
            .current_dir("/")
            .env("PATH", format!("{folder}:/usr/bin:/bin"));
        ended(&mut command)
    };
    assert_eq!(run(&["--list"]).1.trim_end(), block("json"));
    assert_eq!(run(&["--host", "pve-lab"]).0, 0);
    let (code, stdout, stderr) = run(&["--host", "pve-old"]);
    assert_eq!((code, stdout.as_str()), (4, ""));
    assert!(stderr.contains("pve-prod, pve-lab, pve-mon"), "{stderr}");
}

#[test]
fn settings_name_file_and_map() {
    let place = Place::documented();
    let settings = block("yaml").replace("/srv/infra/", "../../");
    place.write(".config/reprise/config.yml", &settings);
    let (code, stdout, stderr) = place.inventory(&[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        value["pve"]["hosts"],
        serde_json::json!(["pve-prod", "pve-lab"])
    );
    let (_, stdout, _) = place.inventory(&["--map", "nodes=nodes.mon.ip"]);
    let value: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(value["pve"]["hosts"], serde_json::json!(["pve-mon"]));

    for (settings, says) in [
        ("tfvars: [a]", "`tfvars` is no path"),
        ("tfvars_map: a", "no mapping"),
        ("tfvars_map: {nodes: 1}", "`nodes` is no expression"),
        (
            "tfvars_map: {hosts: a}",
            "`hosts` is nothing that a map can name",
        ),
    ] {
        let path = place.write("other.yml", settings);
        let (code, stdout, stderr) = ended(
            place
                .command()
                .args(["inventory", "--tfvars", "terraform.tfvars", "--config"])
                .arg(&path),
        );
        // A named file wins, and its own `tfvars` is not even looked at.
        if settings.starts_with("tfvars:") {
            assert_eq!(code, 0, "{stderr}");
            let (code, _, stderr) =
                ended(place.command().args(["inventory", "--config"]).arg(&path));
            assert!(code == 2 && stderr.contains(says), "{stderr}");
        } else {
            assert_eq!((code, stdout.as_str()), (2, ""));
            assert!(
                stderr.contains(says) && stderr.contains("other.yml"),
                "{stderr}"
            );
        }
    }
}

#[test]
fn what_goes_wrong_goes_to_standard_error() {
    let place = Place::documented();
    place.write(
        "template.tfvars",
        "x = 1\nnodes = { prod = { ip = \"${var.ip}\" } }\n",
    );
    place.write("broken.tfvars", &format!("x = 1\ntoken = \"{SECRET}\n"));
    for (words, code, says) in [
        (&[][..], 2, "no file of Terraform's variables is named"),
        (&["--map", "nodes=a"], 2, "no file of them is named"),
        (
            &["--tfvars", "none.tfvars"],
            2,
            "`none.tfvars`: cannot be read",
        ),
        (
            &["--tfvars", "template.tfvars"],
            2,
            "`template.tfvars` line 2: `nodes.prod.ip` is a template",
        ),
        (
            &["--tfvars", "broken.tfvars"],
            2,
            "`broken.tfvars` line 2, column",
        ),
        (
            &[
                "--tfvars",
                "terraform.tfvars",
                "--map",
                "nodes=nodes.*.address",
            ],
            4,
            "`nodes.prod` has no `address`; it has `ip`, `user`",
        ),
        (
            &[
                "--tfvars",
                "terraform.tfvars",
                "--map",
                "nodes=proxmox_api_token",
            ],
            2,
            "promises a secret",
        ),
        (
            &["--tfvars", "terraform.tfvars", "--map", "nodes"],
            2,
            "--map: ",
        ),
        (&["--bogus"], 2, "--bogus"),
        (&["--list", "--host", "a"], 2, "--host"),
    ] {
        let (ended, stdout, stderr) = place.inventory(words);
        assert_eq!((ended, stdout.as_str()), (code, ""), "{words:?}: {stderr}");
        assert!(stderr.contains(says), "{words:?}: {stderr}");
        assert!(!stderr.contains("12345678-90ab"), "{stderr}");
    }
}

#[test]
fn help_names_it() {
    let place = Place::new();
    let (_, stdout, _) = place.call(["--help"]);
    assert!(stdout.contains("inventory"), "{stdout}");
    let (code, stdout, _) = place.inventory(&["--help"]);
    assert_eq!(code, 0);
    for key in tfvars::Key::ALL {
        for text in key.defaults().iter().copied().chain([key.name()]) {
            assert!(stdout.contains(text), "{text}");
        }
    }
    let (_, stdout, _) = place.call(["vzdump_job", "--help"]);
    assert!(stdout.contains("--tfvars <FILE>") && stdout.contains("--map <KEY=EXPRESSION>"));
}

/// The documented call of a module, with the file's address replaced by this one.
fn module(place: &Place, address: &str, environment: &[(&str, &str)], more: &[&str]) -> Ended {
    let text = block("hcl").replace("192.0.2.10:8006", address);
    place.write("terraform.tfvars", &text);
    let words = documented("vzdump_job --tfvars");
    let environment = environment.iter().copied();
    ended(place.command().args(words).args(more).envs(environment))
}

/// A port that takes one connection and says whether something came.
fn listen() -> (String, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 256];
        let count = stream.read(&mut buffer).unwrap();
        stream.write_all(b"no TLS here").ok();
        count
    });
    (address, seen)
}

#[test]
fn a_module_calls_the_endpoint_of_the_file() {
    let place = Place::new();
    let (address, seen) = listen();
    let (code, stdout, stderr) = module(&place, &address, &[], &["--validate-certs=false"]);
    assert!(seen.join().unwrap() > 0);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stderr.contains("127.0.0.1"), "{stderr}");
    assert!(!format!("{stdout}{stderr}").contains(SECRET));
}

#[test]
fn options_environment_and_settings_come_before_the_file() {
    let settings = |address: &str| format!("api_host: {address}\nvalidate_certs: false\n");
    for source in ["option", "environment", "settings"] {
        let place = Place::new();
        let (address, seen) = listen();
        let option = ["--api-host", &address, "--validate-certs=false"];
        let variables = [
            ("PROXMOX_HOST", address.as_str()),
            ("PROXMOX_VALIDATE_CERTS", "false"),
        ];
        let (variables, option) = match source {
            "option" => (&[][..], &option[..]),
            "environment" => (&variables[..], &[][..]),
            _ => {
                place.write(".config/reprise/config.yml", &settings(&address));
                (&[][..], &[][..])
            }
        };
        // Nobody answers at the file's address: 192.0.2.0/24 is for documents.
        let (code, stdout, stderr) = module(&place, "192.0.2.10:8006", variables, option);
        assert!(seen.join().unwrap() > 0, "{source}");
        assert_eq!(code, 1, "{source}: {stdout}{stderr}");
    }
}

#[test]
fn a_module_tells_what_it_cannot_read() {
    let place = Place::new();
    let (code, stdout, stderr) = module(&place, "${var.host}:8006", &[], &["--json"]);
    assert_eq!((code, stderr.as_str()), (2, ""));
    let value: Value = serde_json::from_str(&stdout).unwrap();
    let says = "`terraform.tfvars` line 1: `proxmox_endpoint` is a template";
    assert!(value["msg"].as_str().unwrap().contains(says), "{value}");
    let (code, _, stderr) = module(
        &place,
        "h:8006",
        &[],
        &["--map", "api_token=nodes.prod.tok"],
    );
    assert_eq!(code, 4);
    assert!(
        stderr.contains("`nodes.prod` has no `tok`; it has `ip`, `user`"),
        "{stderr}"
    );
}
