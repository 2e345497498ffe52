//! `/cluster/jobs/schedule-analyze`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::calendar::CalendarEvent;
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

pub(super) fn analyze(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let event: CalendarEvent = call
        .required("schedule")
        .parse()
        .map_err(|error| Refusal::parameter("schedule", format!("{error}")))?;
    let start = call.parameters.integer("starttime").unwrap_or(call.now);
    let count = call.parameters.integer("iterations").unwrap_or(10);
    let times: Vec<Value> = event
        .iterations(start, count, &call.node.zone)
        .into_iter()
        .map(|time| json!({"timestamp": time, "utc": in_words(time)}))
        .collect();
    Ok(Value::from(times).into())
}

fn in_words(time: i64) -> String {
    Timestamp::from_second(time)
        .map(|time| {
            time.to_zoned(TimeZone::UTC)
                .strftime("%a %b %e %H:%M:%S %Y")
                .to_string()
        })
        .unwrap_or_default()
}
