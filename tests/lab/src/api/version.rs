//! `/version`.

use serde_json::json;

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;
use crate::release::{RELEASE, REPOSITORY, VERSION};

pub(super) fn version(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let version = json!({"version": VERSION, "release": RELEASE, "repoid": REPOSITORY});
    Ok(version.into())
}
