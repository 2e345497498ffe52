//! `/version`, and the time of a node.

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

pub(super) fn time(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let zone = &call.node.zone;
    let now = call.node.clock.now();
    let offset = jiff::Timestamp::from_second(now).map_or(0, |now| zone.to_offset(now).seconds());
    let time = json!({
        "timezone": zone.iana_name().unwrap_or("UTC"),
        "time": now,
        // Unix seconds of a clock that shows the local time as if it were UTC.
        "localtime": now + i64::from(offset),
    });
    Ok(time.into())
}
