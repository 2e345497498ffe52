//! What a play sees when something is wrong around the module.

use anyhow::{Result, ensure};
use reprise_lab::{Fault, FaultRule};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::site::Site;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

pub(crate) const TESTS: &[WithTools] = tests![
    a_node_that_is_down_and_one_that_is_not,
    a_certificate_of_another,
    a_rescue_reads_what_happened,
    the_selector_is_no_option,
];

fn job() -> Value {
    json!({"id": "reprise-prod", "schedule": "daily", "all": true, "storage": "backups", "keep_daily": 7})
}

fn a_node_that_is_down_and_one_that_is_not(tools: &Tools) -> Result<()> {
    let (up, down) = (Site::start()?, Site::start()?);
    let controller = Controller::new(tools)?;
    let mut play = Play::new().key(
        "module_defaults",
        json!({"group/reprise.pve.all": {"api_host": "{{ url }}", "api_token_id": "{{ token }}", "api_token_secret": "{{ secret }}", "fingerprint": "{{ print }}"}}),
    );
    for (name, site) in [("up", &up), ("down", &down)] {
        let server = site.server()?;
        play = play.host(
            name,
            json!({"ansible_connection": "local", "url": server.url, "token": server.token_id, "secret": server.token_secret, "print": server.fingerprint}),
        );
    }
    down.node()?.down()?;
    let played = play.module("job", "vzdump_job", job()).run(&controller)?;
    ensure!(played.ended.code == Some(2), "{:?}", played.ended.code);
    for result in &played.tasks {
        if result.host == "up" {
            ensure!(result.changed(), "{}", result.result);
        } else {
            ensure!(
                result.kind == "failed" && result.result["exit_code"] == 1,
                "{}",
                result.result
            );
            for part in ["nothing was sent", &down.server()?.url, "refused"] {
                ensure!(
                    result.message().contains(part),
                    "no `{part}`: {}",
                    result.message()
                );
            }
        }
    }
    ensure!(played.tasks.len() == 2);
    Ok(())
}

fn a_certificate_of_another(tools: &Tools) -> Result<()> {
    let (site, other) = (Site::start()?, Site::start()?);
    let controller = Controller::new(tools)?;
    let mut connection = site.server()?.by_token()?;
    connection.insert("ca_path".to_owned(), other.server()?.ca_path.into());
    let played = Play::new()
        .connected(&connection)
        .module("job", "vzdump_job", job())
        .run(&controller)?;
    let result = played.result("job")?;
    ensure!(result.kind == "failed", "{}", result.result);
    // What the operator can pin, and what it has to be compared with.
    ensure!(
        result.message().contains(&site.server()?.fingerprint),
        "{}",
        result.message()
    );
    ensure!(
        site.calls()?.0 == 0,
        "a token went to a server that nobody trusted"
    );
    Ok(())
}

fn a_rescue_reads_what_happened(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let cut = FaultRule::new("/cluster/backup", Fault::CutAfterProcessing);
    site.node()?.inject(cut.on_method("POST"));
    let block = json!({
        "name": "block",
        "block": [{"name": "job", "reprise.pve.vzdump_job": job(), "register": "result"}],
        "rescue": [{
            "name": "read",
            "ansible.builtin.assert": {"that": ["result is failed", "result.exit_code == 7", "'run' in result.msg"]},
        }],
    });
    let played = Play::new()
        .connected(&site.server()?.by_token()?)
        .task(block)
        .run(&controller)?;
    played.succeeded()?;
    let writes: Vec<_> = site
        .node()?
        .journal()
        .into_iter()
        .filter(reprise_lab::JournalEntry::is_write)
        .collect();
    ensure!(writes.len() == 1, "{writes:?}");
    Ok(())
}

fn the_selector_is_no_option(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let played = Play::new()
        .connected(&site.server()?.by_token()?)
        .module(
            "job",
            "vzdump_job",
            json!({"id": "x1", "state": "absent", "_module": "pve_storage"}),
        )
        .run(&controller)?;
    let result = played.result("job")?;
    ensure!(
        result.kind == "failed" && result.message().contains("_module"),
        "{}",
        result.result
    );
    ensure!(site.calls()?.0 == 0);
    Ok(())
}
