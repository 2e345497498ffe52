//! The binary as a person calls it.

use std::fs;

use anyhow::Result;
use reprise_tests::process::{Ended, Watch};
use reprise_tests::program::Program;
use serde_json::json;

use crate::support::World;

/// The words that reach the node of this world; the secret lies in a file.
struct Words {
    program: Program,
    words: Vec<String>,
}

impl Words {
    fn new(world: &World) -> Result<Self> {
        let program = Program::under_test()?;
        let secret = program.home().join("secret");
        fs::write(&secret, format!("{}\n", world.server.token_secret))?;
        let words = [
            "vzdump_job",
            "--api-host",
            &world.server.url,
            "--api-token-id",
            &world.server.token_id,
            "--api-token-secret-file",
            &secret.display().to_string(),
            "--ca-path",
            &world.server.ca_path,
        ];
        Ok(Self {
            words: words.map(str::to_owned).into(),
            program,
        })
    }

    fn call(&self, more: &[&str]) -> Result<Ended> {
        let words = self.words.iter().map(String::as_str);
        self.program.by_hand(words.chain(more.iter().copied()))
    }
}

const JOB: [&str; 7] = [
    "--id",
    "reprise-prod",
    "--schedule",
    "03:00",
    "--all",
    "--storage",
    "backups",
];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    JOB.iter().chain(more).copied().collect()
}

#[test]
fn help_and_version() -> Result<()> {
    let program = Program::under_test()?;
    let version = program.by_hand(["--version"])?;
    assert_eq!(version.code, Some(0));
    let arch = std::env::consts::ARCH;
    assert!(
        version.stdout.starts_with("reprise 0.") && version.stdout.contains(arch),
        "{version:?}"
    );
    for words in [&["--help"][..], &[], &["help"]] {
        let help = program.by_hand(words.iter().copied())?;
        assert_eq!(help.code, Some(0));
        assert!(help.stdout.contains("vzdump_job") && help.stdout.contains("pve_storage"));
    }
    let help = program.by_hand(["vzdump_job", "--help"])?;
    assert_eq!(help.code, Some(0));
    for module in reprise::MODULES
        .iter()
        .filter(|module| module.declaration.name == "vzdump_job")
    {
        for option in module.declaration.spec.options() {
            let flag = format!("--{}", option.name.replace('_', "-"));
            assert!(help.stdout.contains(&flag), "{flag} is not in the help");
        }
    }
    for exit in module_kit::Exit::ALL {
        assert!(help.stdout.contains(exit.meaning()), "{}", exit.meaning());
    }
    Ok(())
}

#[test]
fn words_that_are_nothing_are_wrong_usage() -> Result<()> {
    let program = Program::under_test()?;
    let calls: [(&[&str], &str); 5] = [
        (&["vzdump_jobs"], "vzdump_jobs"),
        (&["vzdump_job", "--scedule", "03:00"], "--schedule"),
        (&["vzdump_job", "--mode", "hot"], "snapshot"),
        (&["vzdump_job"], "id"),
        (
            &["vzdump_job", "--id", "x1", "--keep-last", "many"],
            "keep_last",
        ),
    ];
    for (words, says) in calls {
        let ended = program.by_hand(words.iter().copied())?;
        assert_eq!(ended.code, Some(2), "{words:?}: {}", ended.output());
        assert!(ended.stderr.contains(says), "{words:?}: {}", ended.output());
        assert_eq!(ended.stdout, "", "{words:?}");
    }
    Ok(())
}

#[test]
fn nothing_is_done_without_consent() -> Result<()> {
    let world = World::start()?;
    let words = Words::new(&world)?;
    let looked = words.call(&with(&["--dry-run"]))?;
    assert_eq!(looked.code, Some(0), "{}", looked.output());
    assert!(
        looked.stdout.contains("Would be done:"),
        "{}",
        looked.output()
    );
    let refused = words.call(&JOB)?;
    assert_eq!(refused.code, Some(3), "{}", refused.output());
    assert!(
        refused.stderr.contains("create backup job `reprise-prod`"),
        "{}",
        refused.output()
    );
    assert!(refused.stderr.contains("--yes"), "{}", refused.output());
    assert_eq!(world.site.calls()?.1, 0, "something was written");

    let done = words.call(&with(&["--yes"]))?;
    assert_eq!(done.code, Some(0), "{}", done.output());
    assert!(
        done.stdout.contains("create backup job `reprise-prod`"),
        "{}",
        done.output()
    );
    // Nothing to do needs no consent; `--force` is another word for it.
    let again = words.call(&JOB)?;
    assert_eq!(again.code, Some(0), "{}", again.output());
    assert!(again.stdout.contains("Nothing to do"), "{}", again.output());
    let removed = words.call(&["--id", "reprise-prod", "--state", "absent", "--force"])?;
    assert_eq!(removed.code, Some(0), "{}", removed.output());
    Ok(())
}

#[test]
fn the_json_is_what_ansible_gets() -> Result<()> {
    let world = World::start()?;
    let words = Words::new(&world)?;
    let by_hand = words
        .call(&with(&["--json", "--dry-run", "--keep-daily", "7"]))?
        .json()?;
    let mut by_ansible = world.predict(json!({"keep_daily": 7}))?;
    if let Some(result) = by_ansible.as_object_mut() {
        result.remove("invocation");
        // Ansible adds an empty list itself.
        result.entry("warnings").or_insert_with(|| json!([]));
    }
    assert_eq!(by_hand, by_ansible);
    let failed = words.call(&with(&["--json", "--yes", "--pool", "none"]))?;
    assert_eq!(failed.code, Some(2), "{}", failed.output());
    assert_eq!(failed.json()?["failed"], json!(true));
    assert_eq!(failed.json()?["exit_code"], json!(2));
    Ok(())
}

#[test]
fn the_code_says_how_it_ended() -> Result<()> {
    let world = World::start()?;
    let words = Words::new(&world)?;
    let calls: [(Vec<&str>, i32); 4] = [
        (with(&["--dry-run"]), 0),
        (
            vec!["--id", "x1", "--schedule", "mon-fri", "--all", "--dry-run"],
            2,
        ),
        (
            vec![
                "--id",
                "x1",
                "--schedule",
                "03:00",
                "--tags",
                "none",
                "--dry-run",
            ],
            4,
        ),
        (
            vec![
                "--id",
                "x1",
                "--schedule",
                "03:00",
                "--names",
                "guest-100",
                "--yes",
            ],
            0,
        ),
    ];
    for (call, code) in calls {
        let ended = words.call(&call)?;
        assert_eq!(ended.code, Some(code), "{call:?}: {}", ended.output());
    }
    world.site.node()?.down()?;
    assert_eq!(words.call(&with(&["--dry-run"]))?.code, Some(1));
    Ok(())
}

#[test]
fn settings_come_from_words_then_environment_then_file() -> Result<()> {
    let world = World::start()?;
    let config = |host: &str, comment: &str| {
        format!(
            "api_host: {host}\napi_token_id: {}\napi_token_secret: {}\nca_path: {}\nvzdump_job:\n  comment: {comment}\n  storage: backups\npve_storage:\n  enabled: false\n",
            world.server.token_id, world.server.token_secret, world.server.ca_path
        )
    };
    let job = [
        "vzdump_job",
        "--id",
        "x1",
        "--schedule",
        "03:00",
        "--all",
        "--dry-run",
        "--json",
    ];
    let program = Program::under_test()?;
    let file = program.home().join("named.yml");
    let named = file.display().to_string();
    fs::write(&file, config(&world.server.url, "from the file"))?;
    let with_file = |more: &[&str], program: &Program| {
        let words = job.iter().copied().chain(["--config", named.as_str()]);
        program.by_hand(words.chain(more.iter().copied()))
    };

    let result = with_file(&[], &program)?.json()?;
    assert_eq!(
        result["diff"]["after"]["comment"],
        json!("from the file"),
        "{result}"
    );
    let result = with_file(&["--comment", "from a word"], &program)?.json()?;
    assert_eq!(result["diff"]["after"]["comment"], json!("from a word"));

    // The environment comes before the file, a word before both.
    fs::write(&file, config("127.0.0.1:1", "from the file"))?;
    assert_eq!(with_file(&[], &program)?.code, Some(1));
    let program = program.with("PROXMOX_HOST", world.server.url.as_str());
    assert_eq!(with_file(&[], &program)?.code, Some(0));
    let ended = with_file(&["--api-host", "127.0.0.1:1"], &program)?;
    assert_eq!(ended.code, Some(1), "{}", ended.output());

    // The user's own file, without being named.
    let own = program.home().join(".config/reprise");
    fs::create_dir_all(&own)?;
    fs::write(
        own.join("config.yml"),
        config(&world.server.url, "the user's"),
    )?;
    let result = program.by_hand(job)?.json()?;
    assert_eq!(
        result["diff"]["after"]["comment"],
        json!("the user's"),
        "{result}"
    );
    Ok(())
}

#[test]
fn a_settings_file_that_is_wrong_is_said() -> Result<()> {
    let program = Program::under_test()?;
    let file = program.home().join("settings.yml");
    let named = file.display().to_string();
    let call = || {
        program.by_hand([
            "vzdump_job",
            "--id",
            "x1",
            "--state",
            "absent",
            "--config",
            &named,
        ])
    };
    assert_eq!(call()?.code, Some(2));
    for (text, says) in [
        ("api_hots: x\n", "api_hots"),
        ("vzdump_job:\n  shedule: x\n", "shedule"),
        ("api_token_secret: \"sesame-open\n", "no YAML"),
        ("- a\n", "no mapping"),
    ] {
        fs::write(&file, text)?;
        let ended = call()?;
        assert_eq!(ended.code, Some(2), "{text}: {}", ended.output());
        assert!(
            ended.stderr.contains(says) && ended.stderr.contains("settings.yml"),
            "{}",
            ended.output()
        );
        assert!(!ended.output().contains("sesame"), "{}", ended.output());
    }
    Ok(())
}

#[test]
fn the_ansible_front_reads_no_settings_file() -> Result<()> {
    let world = World::start()?;
    let own = world.program.home().join(".config/reprise");
    fs::create_dir_all(&own)?;
    fs::write(
        own.join("config.yml"),
        "vzdump_job:\n  comment: from the file\n",
    )?;
    let result = world.predict(json!({}))?;
    assert_eq!(result["diff"]["after"].get("comment"), None, "{result}");
    Ok(())
}

#[test]
fn arguments_come_by_file_and_by_standard_input() -> Result<()> {
    let world = World::start()?;
    let options = world.options(json!({}))?;
    let by_file = world.program.module_ended("vzdump_job", &options)?;
    assert_eq!(by_file.code, Some(0), "{}", by_file.output());
    let by_stdin = world.program.module_by_stdin("vzdump_job", &options)?;
    assert_eq!(by_stdin.code, Some(0), "{}", by_stdin.output());
    assert_eq!(by_stdin.json()?["changed"], json!(false));
    assert_eq!(by_stdin.stderr, "");
    let nothing = world.program.module_by_stdin("", &serde_json::Map::new())?;
    assert_eq!(nothing.code, Some(1));
    assert_eq!(nothing.json()?["exit_code"], json!(2));
    Ok(())
}

#[test]
fn the_variables_of_terraform_reach_the_node() -> Result<()> {
    let world = World::start()?;
    let program = Program::under_test()?;
    let (id, secret) = (&world.server.token_id, &world.server.token_secret);
    let text = format!(
        "proxmox_endpoint = \"{}\"\nproxmox_api_token = \"{id}={secret}\"\nother = {{ id = \"{id}\", secret = \"wrong\" }}\n",
        world.server.url
    );
    fs::write(program.home().join("terraform.tfvars"), text)?;
    let call = |more: &[&'static str]| {
        let mut words = vec!["vzdump_job", "--tfvars", "terraform.tfvars", "--yes"];
        words.extend(["--ca-path", &world.server.ca_path]);
        words.extend(JOB.iter().chain(more).copied());
        program.by_hand_watched(words, Watch::CommandLines)
    };
    let refused = call(&[
        "--map",
        "api_token_id=other.id",
        "--map",
        "api_token_secret=other.secret",
    ])?;
    assert_eq!(refused.code, Some(1), "{}", refused.output());
    assert!(
        refused.stderr.contains("not logged in"),
        "{}",
        refused.output()
    );
    let done = call(&[])?;
    assert_eq!(done.code, Some(0), "{}", done.output());
    let again = call(&["--json"])?;
    assert_eq!(again.json()?["changed"], json!(false));
    for ended in [refused, done, again] {
        assert!(!ended.output().contains(secret), "{}", ended.output());
        assert!(!ended.command_lines.iter().any(|line| line.contains(secret)));
    }
    Ok(())
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder
            .path()
            .join("vzdump-qemu-100-2026_01_02-04_00_01.vma"),
        "x",
    )?;
    let full = ["sh", "-c", "exec \"$@\" > /dev/full", "sh"].map(str::to_owned);
    let program = Program::under_test()?.run_by(full.into());
    let folder = folder.path().display().to_string();
    for more in [&["--json"][..], &[]] {
        let words = ["backup_verify", "--remember=false", "--fail-on", "warn"];
        let ended = program.by_hand(
            words
                .into_iter()
                .chain(["--path", &folder])
                .chain(more.iter().copied()),
        )?;
        assert_eq!(ended.code, Some(1), "{}", ended.output());
        assert!(
            ended.stderr.contains("the result cannot be written"),
            "{}",
            ended.output()
        );
    }
    Ok(())
}
