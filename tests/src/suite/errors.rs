//! Errors as users cause them: each says what is wrong and where, and changes nothing.

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::{PREFIX, Suite, literal};
use crate::job_rows;
use crate::server::merged;

/// A mistake.
struct Mistake {
    name: &'static str,
    /// What the task says instead of what would work; null leaves something out.
    options: Value,
    /// What the message has to have.
    says: &'static [&'static str],
    /// The code.
    code: u8,
}

const USAGE: u8 = 2;
const FAILED: u8 = 1;

pub(super) fn run(suite: &mut Suite<'_>) -> Result<()> {
    let id = format!("{PREFIX}mistake");
    let mut good: Map<String, Value> = suite.server.by_token()?;
    good.extend(job_rows::base(suite.server, &id)?);
    let mistakes = mistakes();
    for check in [true, false] {
        let mut play = crate::ansible::Play::new().variable("good", Value::Object(good.clone()));
        if check {
            play = play.argument("--check");
        }
        for mistake in &mistakes {
            let names = merged(good.clone(), mistake.options.clone());
            let options: Map<String, Value> = names
                .into_iter()
                .map(|(name, value)| {
                    // What is right comes from variables, and so does the secret.
                    let reference = json!(format!("{{{{ good.{name} }}}}"));
                    let own = mistake.options.get(&name).is_some();
                    (name, if own { literal(value) } else { reference })
                })
                .collect();
            play = play.task(json!({
                "name": mistake.name,
                "reprise.pve.vzdump_job": options,
                "ignore_errors": true,
            }));
        }
        let played = play.run(suite.controller)?.succeeded()?;
        let mut wrong = Vec::new();
        for mistake in &mistakes {
            let result = played.result(mistake.name)?;
            let missing: Vec<_> = mistake
                .says
                .iter()
                .filter(|part| !result.message().contains(**part))
                .collect();
            let code = result.result.get("exit_code") == Some(&json!(mistake.code));
            if result.kind != "failed" || !missing.is_empty() || !code || result.changed() {
                wrong.push(format!(
                    "{}: lacks {missing:?}: {} {}",
                    mistake.name, result.kind, result.result
                ));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        ensure!(suite.api.job(&id)?.is_none(), "a mistake made a job");
    }
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn mistakes() -> Vec<Mistake> {
    let mistake = |name, options, says, code| Mistake {
        name,
        options,
        says,
        code,
    };
    vec![
        mistake(
            "an option that is none",
            json!({"schedul": "03:00"}),
            &["Unsupported parameters", "vzdump_job", "schedul"],
            USAGE,
        ),
        mistake(
            "a text for a number",
            json!({"keep_daily": "seven"}),
            &["keep_daily", "unable to convert to int"],
            USAGE,
        ),
        mistake(
            "a value that is no choice",
            json!({"mode": "hot"}),
            &["value of mode must be one of", "snapshot"],
            USAGE,
        ),
        mistake(
            "no schedule",
            json!({"schedule": null}),
            &["state is present", "missing: schedule"],
            USAGE,
        ),
        mistake(
            "no guests",
            json!({"all": null}),
            &["any of the following are missing", "vmid"],
            USAGE,
        ),
        mistake(
            "two selections",
            json!({"vmid": [100]}),
            &["mutually exclusive"],
            USAGE,
        ),
        mistake(
            "an id that is none",
            json!({"id": "1-job"}),
            &["id", "1-job"],
            USAGE,
        ),
        mistake(
            "no calendar event",
            json!({"schedule": "mon-fri"}),
            &["schedule `mon-fri` is no calendar event"],
            USAGE,
        ),
        mistake(
            "an hour that is none",
            json!({"schedule": "24:00"}),
            &["24 is no hour"],
            USAGE,
        ),
        mistake(
            "a variable that is none",
            json!({"notes_template": "{{host}}"}),
            &["notes_template", "`host` is no variable"],
            USAGE,
        ),
        mistake(
            "threads of nothing",
            json!({"compress": "lzo", "threads": 2}),
            &["threads", "lzo"],
            USAGE,
        ),
        mistake(
            "keep everything and something",
            json!({"keep_all": true, "keep_last": 1}),
            &["keep_all"],
            USAGE,
        ),
        mistake(
            "two lines of comment",
            json!({"comment": "one\ntwo"}),
            &["comment", "one line"],
            USAGE,
        ),
        mistake(
            "no secret",
            json!({"api_token_secret": null}),
            &["api_token_secret is not"],
            USAGE,
        ),
        mistake(
            "no token",
            json!({"api_token_id": null, "api_token_secret": null}),
            &["neither a token nor a password"],
            USAGE,
        ),
        mistake(
            "no host",
            json!({"api_host": null, "api_port": null}),
            &["api_host is not set"],
            USAGE,
        ),
        mistake(
            "a secret that is wrong",
            json!({"api_token_secret": "00000000-0000-0000-0000-000000000000"}),
            &["token"],
            FAILED,
        ),
        mistake(
            "a token that is not there",
            json!({"api_token_id": "root@pam!reprise-test-none"}),
            &["reprise-test-none"],
            FAILED,
        ),
        mistake(
            "a certificate that nobody knows",
            json!({"ca_path": null}),
            &["certificate", "ca_path", "fingerprint"],
            FAILED,
        ),
        mistake(
            "another certificate",
            json!({"ca_path": null, "fingerprint": "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"}),
            &["fingerprint"],
            FAILED,
        ),
        mistake(
            "a file that is not there",
            json!({"ca_path": "/nowhere/ca.pem"}),
            &["/nowhere/ca.pem"],
            USAGE,
        ),
        mistake(
            "a port where nobody listens",
            json!({"api_port": 1}),
            &["127.0.0.1:1"],
            FAILED,
        ),
    ]
}
