//! `/version`.

use serde_json::json;

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

pub(super) fn version(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let version = json!({"version": "8.4.21", "release": "8.4", "repoid": "0123456789abcdef"});
    Ok(version.into())
}
