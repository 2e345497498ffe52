//! The options of the connection become a client.

use std::sync::Arc;

use pve_client::https::{Auth, Connection, DEFAULT_PORT, Endpoint, Proxy, Trust};
use pve_client::{Client, Secret, SystemTimer, pvesh};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::fragment::api::API;
use crate::on_node::{self, Machine, WhyNot};
use crate::{Environment, Failure};

/// Whether this is the name of an option of the connection.
pub(crate) fn is_option(name: &str) -> bool {
    API.options.iter().any(|option| option.name == name)
}

/// Takes the options of the connection out of the others.
pub(crate) fn split(options: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
    let (connection, own) = options.into_iter().partition(|(name, _)| is_option(name));
    (own, connection)
}

/// The options of the connection, as the table has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionArgs {
    api_host: Option<String>,
    api_port: Option<i64>,
    api_user: Option<String>,
    api_password: Option<String>,
    api_token_id: Option<String>,
    api_token_secret: Option<String>,
    #[serde(default = "yes")]
    validate_certs: bool,
    ca_path: Option<String>,
    fingerprint: Option<String>,
}

const fn yes() -> bool {
    true
}

/// The client that the options describe: over https, or through `pvesh` when nothing is said and
/// this is a node. Makes no connection yet.
pub(crate) fn client(
    options: &Map<String, Value>,
    environment: Environment<'_>,
) -> Result<Client, Failure> {
    let args: ConnectionArgs =
        serde_json::from_value(Value::Object(options.clone())).map_err(|error| {
            Failure::usage(format!("the options of the connection do not fit: {error}"))
        })?;
    if args.api_host.as_deref().is_none_or(str::is_empty) {
        return match on_node::pvesh(&args.set(), &Machine::this(environment)) {
            Ok(program) => Ok(Client::pvesh(
                pvesh::Settings::new(program),
                Arc::new(SystemTimer::default()),
            )),
            Err(why) => Err(no_host(&why)),
        };
    }
    let endpoint = endpoint(&args)?;
    let mut connection = Connection::new(endpoint, auth(&args)?);
    connection.trust = trust(&args)?;
    connection.proxy = Proxy::from_environment(environment);
    Client::https(connection, Arc::new(SystemTimer::default())).map_err(usage)
}

impl ConnectionArgs {
    /// The options that say something.
    fn set(&self) -> Vec<&'static str> {
        let texts = [
            ("api_host", &self.api_host),
            ("api_user", &self.api_user),
            ("api_password", &self.api_password),
            ("api_token_id", &self.api_token_id),
            ("api_token_secret", &self.api_token_secret),
            ("ca_path", &self.ca_path),
            ("fingerprint", &self.fingerprint),
        ];
        let mut set: Vec<&str> = texts
            .iter()
            .filter(|(_, value)| value.as_deref().is_some_and(|text| !text.is_empty()))
            .map(|(name, _)| *name)
            .collect();
        set.extend(self.api_port.is_some().then_some("api_port"));
        set.extend((!self.validate_certs).then_some("validate_certs"));
        set
    }
}

fn no_host(why: &WhyNot) -> Failure {
    Failure::usage(format!(
        "api_host is not set: no node of Proxmox VE is named; and `pvesh` is not used because {why}"
    ))
    .hint("Set api_host, PROXMOX_HOST, or in a play `module_defaults: group/reprise.pve.all`; or run as root on a node, with none of these options.")
}

fn endpoint(args: &ConnectionArgs) -> Result<Endpoint, Failure> {
    let host = args.api_host.as_deref().unwrap_or_default();
    let port = match args.api_port {
        None => DEFAULT_PORT,
        Some(port) => u16::try_from(port)
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| {
                Failure::usage(format!(
                    "api_port: {port} is no port; they go from 1 to 65535"
                ))
            })?,
    };
    Endpoint::new(host, port).map_err(usage)
}

fn auth(args: &ConnectionArgs) -> Result<Auth, Failure> {
    match (
        &args.api_token_id,
        &args.api_token_secret,
        &args.api_password,
    ) {
        (Some(id), Some(secret), _) => {
            Auth::token(args.api_user.as_deref(), id, Secret::from(secret.as_str())).map_err(usage)
        }
        (Some(_), None, _) => Err(Failure::usage(
            "api_token_id is set, but api_token_secret is not",
        )),
        (None, Some(_), _) => Err(Failure::usage(
            "api_token_secret is set, but api_token_id is not",
        )),
        (None, None, Some(password)) => match &args.api_user {
            Some(user) => Auth::password(user, Secret::from(password.as_str())).map_err(usage),
            None => Err(Failure::usage("api_password is set, but api_user is not")),
        },
        (None, None, None) => Err(Failure::usage("neither a token nor a password is set")
            .hint("Set api_token_id and api_token_secret (better), or api_user and api_password.")),
    }
}

fn trust(args: &ConnectionArgs) -> Result<Trust, Failure> {
    match (&args.fingerprint, &args.ca_path, args.validate_certs) {
        (Some(_), Some(_), _) => Err(Failure::usage("ca_path and fingerprint are both set: one says who may sign the certificate, the other which one it is")
            .hint("Leave one of them out.")),
        (Some(_), None, false) | (None, Some(_), false) => {
            Err(Failure::usage("validate_certs is false, but ca_path or fingerprint is set: the certificate would not be checked")
                .hint("Leave validate_certs out."))
        }
        (Some(fingerprint), None, true) => fingerprint.parse().map(Trust::Fingerprint).map_err(usage),
        (None, Some(path), true) => Ok(Trust::CaFile(path.into())),
        (None, None, true) => Ok(Trust::System),
        (None, None, false) => Ok(Trust::Insecure),
    }
}

/// Settings that cannot work are wrong usage.
fn usage(error: pve_client::Error) -> Failure {
    Failure {
        exit: Exit::Usage,
        ..Failure::from(error)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(options: Value) -> String {
        let Value::Object(options) = options else {
            panic!("no object")
        };
        let failure = client(&options, &|_| None).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        failure.to_string()
    }

    #[test]
    fn what_cannot_work_is_said_before_anything_is_sent() {
        let part = refusal(json!({"api_user": "a@pve", "validate_certs": false}));
        assert!(
            part.contains("api_host is not set")
                && part.contains("api_user, validate_certs is set"),
            "{part}"
        );
        assert!(refusal(json!({"api_host": "pve1"})).contains("neither a token nor a password"));
        assert!(
            refusal(json!({"api_host": "pve1", "api_token_id": "a@pve!cli"}))
                .contains("api_token_secret is not")
        );
        assert!(
            refusal(json!({"api_host": "pve1", "api_password": "x"})).contains("api_user is not")
        );
        assert!(refusal(json!({"api_host": "pve1", "api_port": 70000})).contains("70000"));
        let token = json!({"api_host": "pve1", "api_token_id": "a@pve!cli", "api_token_secret": "s", "validate_certs": false, "ca_path": "/x"});
        assert!(refusal(token).contains("would not be checked"));
    }

    #[test]
    fn with_nothing_said_a_node_is_reached_from_within() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let environment = |name: &str| (name == "PATH").then(|| path.clone());
        let nothing_but_defaults = json!({"validate_certs": true, "api_host": null});
        let Value::Object(options) = nothing_but_defaults else {
            panic!("no object")
        };
        let program = folder.path().join("pvesh");
        std::fs::write(&program, "").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        match client(&options, &environment) {
            // Only root gets it, and a test may be run by anyone.
            Ok(client) => assert_eq!(
                (client.identity().to_string().as_str(), client.server()),
                ("root@pam", "this node (pvesh)")
            ),
            Err(failure) => assert!(failure.message.contains("not run by root"), "{failure}"),
        }
    }

    #[test]
    fn a_refusal_names_no_secret() {
        let options = json!({"api_host": "pve1", "api_token_id": "cli", "api_token_secret": "hunter2-and-more"});
        assert!(!refusal(options).contains("hunter2"));
    }

    #[test]
    fn every_option_of_the_table_can_come_from_terraform() {
        for option in API.options {
            assert!(
                option.name.parse::<tfvars::Key>().is_ok(),
                "{}",
                option.name
            );
        }
    }

    #[test]
    fn every_option_of_the_table_is_read() {
        let options: Map<String, Value> = API
            .options
            .iter()
            .map(|option| (option.name.to_owned(), Value::Null))
            .collect();
        let (own, connection) = split(options.clone());
        assert!(own.is_empty());
        assert_eq!(connection.len(), API.options.len());
    }
}
