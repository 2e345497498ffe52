//! A lab, the binary, and what a call is made of.

use std::path::Path;

use anyhow::{Context as _, Result};
use reprise_lab::{Node, Release};
use reprise_tests::api::Api;
use reprise_tests::job_rows;
use reprise_tests::on_node::OnNode;
use reprise_tests::program::Program;
use reprise_tests::server::{Server, merged};
use reprise_tests::site::Site;
use serde_json::{Map, Value, json};

/// The job that the tests declare.
pub(crate) const JOB: &str = "reprise-prod";

/// The program on a node; it is there as long as the first of the two.
pub(crate) fn on_node(node: &Node) -> Result<(OnNode, Program)> {
    let lab = Path::new(env!("CARGO_BIN_EXE_lab-under-test"));
    let on_node = OnNode::new(node, lab)?;
    let program = on_node.program()?;
    Ok((on_node, program))
}

/// A lab of its own for each test, and the binary.
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) server: Server,
    pub(crate) api: Api,
    pub(crate) program: Program,
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        Self::of_release(Release::default())
    }

    /// One whose node is this release of Proxmox VE.
    pub(crate) fn of_release(release: Release) -> Result<Self> {
        Self::of(Site::of_release(release)?)
    }

    /// One with this lab.
    pub(crate) fn of(site: Site) -> Result<Self> {
        let server = site.server()?;
        Ok(Self {
            api: Api::new(&server)?,
            program: Program::under_test()?,
            server,
            site,
        })
    }

    /// The options of a job: the connection, the base, and these over them.
    pub(crate) fn options(&self, more: Value) -> Result<Map<String, Value>> {
        let mut options = self.server.by_token()?;
        options.extend(job_rows::base(&self.server, JOB)?);
        options.insert("_ansible_diff".to_owned(), json!(true));
        Ok(merged(options, more))
    }

    /// Declares the job.
    pub(crate) fn job(&self, more: Value) -> Result<Value> {
        self.program.module("vzdump_job", &self.options(more)?)
    }

    /// What check mode says about it.
    pub(crate) fn predict(&self, more: Value) -> Result<Value> {
        let options = merged(self.options(more)?, json!({"_ansible_check_mode": true}));
        self.program.module("vzdump_job", &options)
    }

    /// Declares a storage.
    pub(crate) fn storage(&self, more: Value) -> Result<Value> {
        let mut options = merged(self.server.by_token()?, more);
        options.insert("_ansible_diff".to_owned(), json!(true));
        self.program.module("pve_storage", &options)
    }

    /// The job as the node has it.
    pub(crate) fn stored(&self) -> Result<Value> {
        self.api.job(JOB)?.context("the job is not there")
    }

    /// A token that has only these privileges, each on its path, and the options of a call with it.
    pub(crate) fn limited(&self, grants: &[(&str, &str)]) -> Result<Map<String, Value>> {
        const USER: &str = "limited@pve";
        const TOKEN: &str = "limited@pve!cli";
        let node = self.site.node()?;
        node.add_user(USER, "a-password");
        node.add_token(TOKEN, reprise_lab::Separation::Shared)?;
        for (number, (path, privileges)) in grants.iter().enumerate() {
            let role = format!("Role{number}");
            node.add_role(&role, privileges);
            node.grant(path, USER, &role);
        }
        self.site.server_with(TOKEN)?.by_token()
    }
}

/// Text of a key; empty when there is none.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The warnings of a result, in one text.
pub(crate) fn warnings(result: &Value) -> String {
    let warnings = result.get("warnings").and_then(Value::as_array);
    warnings
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Fails with the whole result when it is no success of this kind.
#[track_caller]
pub(crate) fn succeeds(result: &Value, changed: bool) {
    assert_eq!(result.get("failed"), None, "{result}");
    assert_eq!(result["changed"], json!(changed), "{result}");
    assert_eq!(result["exit_code"], json!(0), "{result}");
}

/// Fails with the whole result unless it failed with this code, said all this and changed nothing.
#[track_caller]
pub(crate) fn fails(result: &Value, code: u8, says: &[&str]) {
    assert_eq!(result["failed"], json!(true), "{result}");
    assert_eq!(result["exit_code"], json!(code), "{result}");
    assert_eq!(result["changed"], json!(false), "{result}");
    for part in says {
        assert!(text(result, "msg").contains(part), "no `{part}`: {result}");
    }
}
