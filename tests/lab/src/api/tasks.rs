//! Tasks. The lab starts none yet, so the lists are empty and every UPID is unknown.

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

pub(super) fn list_of_cluster(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(json!([]).into())
}

pub(super) fn list_of_node(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::page(json!([]), 0))
}

pub(super) fn status(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_upid(call.required("upid"))?;
    Err(Refusal::parameter("upid", "no such task"))
}

pub(super) fn log(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let upid = call.required("upid");
    check_upid(upid)?;
    // PVE answers 200 with an object where a list should be.
    let path = format!("/var/log/pve/tasks/X/{upid}");
    let line: Value =
        json!({"n": 1, "t": format!("unable to open file - {path}: No such file or directory")});
    Ok(Reply::page(line, 1))
}

fn check_upid(upid: &str) -> Result<(), Refusal> {
    let parts = upid.split(':').count();
    if upid.starts_with("UPID:") && parts == 9 && upid.ends_with(':') {
        return Ok(());
    }
    Err(Refusal::parameter("upid", "unable to parse worker upid"))
}
