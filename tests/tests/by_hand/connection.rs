//! The ways to reach a node, to log in and to trust it.

use anyhow::Result;
use reprise_tests::program::Program;
use reprise_tests::server::merged;
use serde_json::{Map, Value, json};

use crate::support::{World, fails, succeeds};

/// A read-only call with these options of the connection.
fn call(program: &Program, connection: Map<String, Value>) -> Result<Value> {
    let absent = json!({"id": "none-of-this-name", "state": "absent"});
    program.module("vzdump_job", &merged(connection, absent))
}

#[test]
fn every_form_of_the_options_works() -> Result<()> {
    let world = World::start()?;
    let by_token = world.server.by_token()?;
    let (host, port) = world.server.endpoint()?;
    let (user, token) = world.server.token_id.split_once('!').unwrap_or_default();
    let forms = [
        json!({}),
        json!({"api_user": user, "api_token_id": token}),
        json!({"api_user": user}),
        json!({"api_host": format!("{host}:{port}"), "api_port": null}),
        json!({"api_host": format!("https://{host}:{port}"), "api_port": null}),
        json!({"api_host": "localhost"}),
        json!({"ca_path": null, "fingerprint": world.server.fingerprint}),
        json!({"ca_path": null, "fingerprint": world.server.fingerprint.to_lowercase()}),
        json!({"ca_path": null, "validate_certs": false}),
        json!({"api_port": port.to_string()}),
    ];
    for form in forms {
        let result = call(&world.program, merged(by_token.clone(), form.clone()))?;
        assert_eq!(result["changed"], json!(false), "{form}: {result}");
        assert_eq!(result.get("failed"), None, "{form}: {result}");
    }
    Ok(())
}

#[test]
fn a_password_logs_in_once_and_may_write() -> Result<()> {
    let world = World::start()?;
    let mut options = world.options(json!({}))?;
    for name in ["api_token_id", "api_token_secret", "ca_path"] {
        options.remove(name);
    }
    options.extend(world.server.by_password()?);
    let result = world.program.module("vzdump_job", &options)?;
    succeeds(&result, true);
    let journal = world.site.node()?.journal();
    let logins = journal
        .iter()
        .filter(|entry| entry.path == "/access/ticket");
    assert_eq!(logins.count(), 1, "{journal:?}");
    let wrong = merged(options, json!({"api_password": "wrong"}));
    fails(
        &world.program.module("vzdump_job", &wrong)?,
        1,
        &["root@pam"],
    );
    Ok(())
}

#[test]
fn the_environment_stands_in() -> Result<()> {
    let world = World::start()?;
    let (host, port) = world.server.endpoint()?;
    let (user, token) = world.server.token_id.split_once('!').unwrap_or_default();
    let program = || Program::under_test().map(|program| program.with("PROXMOX_HOST", host));
    let by_token = program()?
        .with("PROXMOX_PORT", port.to_string())
        .with("PROXMOX_USER", user)
        .with("PROXMOX_TOKEN_ID", token)
        .with("PROXMOX_TOKEN_SECRET", world.server.token_secret.as_str())
        .with("PROXMOX_CA_PATH", world.server.ca_path.as_str());
    assert_eq!(call(&by_token, Map::new())?["changed"], json!(false));
    let by_password = program()?
        .with("PROXMOX_PORT", port.to_string())
        .with("PROXMOX_USER", world.server.user.as_str())
        .with("PROXMOX_PASSWORD", world.server.password.as_str())
        .with("PROXMOX_FINGERPRINT", world.server.fingerprint.as_str());
    assert_eq!(call(&by_password, Map::new())?["changed"], json!(false));
    let careless = by_token_of(&world)?.with("PROXMOX_VALIDATE_CERTS", "false");
    assert_eq!(call(&careless, Map::new())?["changed"], json!(false));
    // What the task says comes first.
    let wrong_port = json!({"api_port": 1});
    let refused = call(&by_token, merged(Map::new(), wrong_port))?;
    fails(&refused, 1, &["127.0.0.1:1"]);
    Ok(())
}

fn by_token_of(world: &World) -> Result<Program> {
    let (host, port) = world.server.endpoint()?;
    Ok(Program::under_test()?
        .with("PROXMOX_HOST", host)
        .with("PROXMOX_PORT", port.to_string())
        .with("PROXMOX_TOKEN_ID", world.server.token_id.as_str())
        .with("PROXMOX_TOKEN_SECRET", world.server.token_secret.as_str()))
}

#[test]
fn a_certificate_that_is_not_the_one_is_refused() -> Result<()> {
    let world = World::start()?;
    let other = World::start()?;
    let by_token = world.server.by_token()?;
    let other_ca = json!({"ca_path": other.server.ca_path});
    let refused = call(&world.program, merged(by_token.clone(), other_ca))?;
    fails(&refused, 1, &["certificate", &world.server.fingerprint]);
    let other_print = json!({"ca_path": null, "fingerprint": other.server.fingerprint});
    let refused = call(&world.program, merged(by_token.clone(), other_print))?;
    fails(
        &refused,
        1,
        &["certificate", "pinned", &world.server.fingerprint],
    );
    let nobody = call(&world.program, merged(by_token, json!({"ca_path": null})))?;
    fails(&nobody, 1, &["certificate", "ca_path", "fingerprint"]);
    assert_eq!(
        world.site.calls()?.0,
        0,
        "a token went to a server nobody trusted"
    );
    Ok(())
}

#[test]
fn a_proxy_is_not_asked_for_this_machine() -> Result<()> {
    let world = World::start()?;
    let program = Program::under_test()?
        .with("https_proxy", "http://127.0.0.1:9")
        .with("HTTPS_PROXY", "http://127.0.0.1:9");
    let result = call(&program, world.server.by_token()?)?;
    assert_eq!(result["changed"], json!(false), "{result}");
    Ok(())
}
