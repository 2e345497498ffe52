//! The role `reprise` on this machine, in folders of its own.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::json;

pub(crate) const TESTS: &[WithTools] = tests![the_program_is_installed_and_removed];

fn the_program_is_installed_and_removed(tools: &Tools) -> Result<()> {
    crate::ways::only_root()?;
    let controller = Controller::new(tools)?;
    let node = tempfile::tempdir()?;
    let at = |name: &str| node.path().join(name);
    std::fs::create_dir(at("bin"))?;
    let mark = "not-for-any-eyes";
    let play = Play::new()
        .key("roles", json!(["reprise.pve.reprise"]))
        .variable("reprise_bin", json!(at("bin")))
        .variable("reprise_lib", json!(at("lib")))
        .variable("reprise_etc", json!(at("etc")))
        .variable("reprise_var", json!(at("var")))
        .variable("reprise_config", json!({"api_token_secret": mark}));

    let check = play
        .clone()
        .argument("--check")
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(
        check.changes()? > 0 && !at("lib").exists(),
        "check mode installed"
    );
    let made = play
        .clone()
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(!made.ended.output().contains(mark), "the token was shown");
    for module in reprise::MODULES {
        let mut help = reprise_tests::process::command(at("bin").join(module.declaration.name));
        help.arg("--help");
        let ended = reprise_tests::process::run(help, b"", reprise_tests::process::Watch::Nothing)?;
        ensure!(ended.code == Some(0), "{}", ended.output());
    }
    ensure!(mode(&at("etc"))? == 0o700 && mode(&at("var"))? == 0o700);
    ensure!(mode(&at("etc/config.yml"))? == 0o600);
    ensure!(std::fs::read_to_string(at("etc/config.yml"))?.contains(mark));

    // An older one goes; what stands in its place and is not ours stays.
    std::fs::write(at("lib/reprise-0000000000000000"), "old")?;
    let again = play.clone().run(&controller)?.succeeded()?;
    ensure!(again.changes()? == 1, "{}", again.ended.output());
    ensure!(std::fs::read_dir(at("lib"))?.count() == 1);
    ensure!(play.clone().run(&controller)?.succeeded()?.changes()? == 0);

    std::fs::write(at("var/ledger"), "kept")?;
    std::fs::remove_file(at("bin/vzdump_job"))?;
    std::fs::write(at("bin/vzdump_job"), "somebody's own")?;
    for argument in ["--check", "--diff"] {
        let refused = play.clone().argument(argument).run(&controller)?;
        let said = refused.ended.output();
        ensure!(
            refused.ended.code == Some(2) && said.contains("bin/vzdump_job on "),
            "{argument}: {said}"
        );
    }
    let absent = play.variable("reprise_state", "absent");
    let gone = absent.clone().run(&controller)?.succeeded()?;
    ensure!(gone.changes()? > 0, "{}", gone.ended.output());
    let left = |name: &str| -> Result<Vec<String>> {
        let mut names: Vec<String> = std::fs::read_dir(at(name))
            .with_context(|| format!("no {name}"))?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    };
    ensure!(left("bin")? == ["vzdump_job"] && left("var")? == ["ledger"]);
    ensure!(!at("lib").exists() && !at("etc").exists());
    ensure!(absent.clone().run(&controller)?.succeeded()?.changes()? == 0);
    absent
        .variable("reprise_remove_data", true)
        .run(&controller)?
        .succeeded()?;
    ensure!(!at("var").exists());
    Ok(())
}

fn mode(path: &Path) -> Result<u32> {
    Ok(std::fs::metadata(path)?.mode() & 0o777)
}
