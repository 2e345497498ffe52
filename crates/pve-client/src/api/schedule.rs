//! When a calendar event comes.

use pve_types::lenient;
use serde::Deserialize;

use crate::{ApiPath, Client, Error, ErrorKind, Params};

/// What PVE makes of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleEvents {
    /// The next times in Unix seconds; empty when it never comes.
    Valid(Vec<i64>),
    /// PVE cannot read it, and says why.
    Invalid(String),
}

#[derive(Deserialize)]
struct Event {
    #[serde(deserialize_with = "lenient::optional_i64")]
    timestamp: Option<i64>,
}

impl Client {
    /// The next `iterations` times (1 to 100) of a schedule, in the node's time zone. Needs no
    /// right.
    pub fn schedule_analyze(
        &self,
        schedule: &str,
        iterations: u8,
    ) -> Result<ScheduleEvents, Error> {
        let params = Params::new()
            .with("schedule", schedule)
            .with("iterations", iterations);
        let path = ApiPath::new("cluster/jobs/schedule-analyze");
        let answer = self.get::<Vec<Event>>(
            &path,
            &params,
            format_args!("check the schedule `{schedule}`"),
        );
        match answer {
            Ok(events) => Ok(ScheduleEvents::Valid(
                events
                    .into_iter()
                    .filter_map(|event| event.timestamp)
                    .collect(),
            )),
            Err(error) => match error.kind() {
                ErrorKind::Refused { parameters } => match parameters.get("schedule") {
                    Some(text) => Ok(ScheduleEvents::Invalid(text.clone())),
                    None => Err(error),
                },
                _ => Err(error),
            },
        }
    }
}
