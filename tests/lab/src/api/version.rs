//! `/version`.

use serde_json::json;

use crate::call::Call;
use crate::config::REPOSITORY;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

pub(super) fn version(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let release = call.node.release;
    let version = json!({
        "version": release.version(),
        "release": release.short(),
        "repoid": REPOSITORY,
    });
    Ok(version.into())
}
