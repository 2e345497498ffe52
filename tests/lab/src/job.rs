//! Backup jobs as `/etc/pve/jobs.cfg` holds them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::calendar::CalendarEvent;
use crate::parameters::Parameter;
use crate::schema::{Endpoint, Property, Schema};

/// The options of one job.
pub(crate) type Options = BTreeMap<String, Parameter>;

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) options: Options,
}

/// The jobs in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct JobTable {
    jobs: Vec<Job>,
}

impl JobTable {
    /// The jobs that PVE can read: one whose schedule it cannot parse is invisible.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.is_readable())
    }

    /// A readable job.
    pub(crate) fn find(&self, id: &str) -> Option<&Job> {
        self.readable().find(|job| job.id == id)
    }

    /// Whether an unreadable job other than `id` makes every write fail.
    pub(crate) fn is_poisoned_beside(&self, id: &str) -> bool {
        self.jobs
            .iter()
            .any(|job| job.id != id && !job.is_readable())
    }

    /// Writes a job: in its place when the id is there, else at the end.
    pub(crate) fn put(&mut self, job: Job) {
        match self.jobs.iter_mut().find(|present| present.id == job.id) {
            Some(present) => *present = job,
            None => self.jobs.push(job),
        }
    }

    /// Takes a job away.
    pub(crate) fn remove(&mut self, id: &str) {
        self.jobs.retain(|job| job.id != id);
    }
}

impl Job {
    /// The text of an option.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.options.get(name).and_then(Parameter::as_text)
    }

    /// Whether an option is there and true.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "1")
    }

    fn is_readable(&self) -> bool {
        self.event().is_some()
    }

    /// The parsed schedule.
    pub(crate) fn event(&self) -> Option<CalendarEvent> {
        self.text("schedule")?.parse().ok()
    }

    /// The job as GET shows it.
    pub(crate) fn to_json(&self, schema: &Schema) -> Value {
        let mut object = Map::new();
        object.insert("id".to_owned(), self.id.clone().into());
        object.insert("type".to_owned(), "vzdump".into());
        let properties = schema
            .endpoint("POST /cluster/backup")
            .map(Endpoint::properties);
        for (name, value) in &self.options {
            let property = properties.and_then(|properties| properties.get(name));
            if let Some(value) = option_to_json(schema, name, property, value) {
                object.insert(name.clone(), value);
            }
        }
        Value::Object(object)
    }
}

fn option_to_json(
    schema: &Schema,
    name: &str,
    property: Option<&Property>,
    value: &Parameter,
) -> Option<Value> {
    match value {
        Parameter::List(items) => Some(items.clone().into()),
        Parameter::Text(text) if is_object(name) => {
            let keys = schema.property_string(object_format(name))?;
            let mut values =
                crate::schema::property_string::parse(schema, keys, text, name).ok()?;
            if name == "prune-backups" {
                // Whatever keeps nothing keeps all, and only then the value is a number.
                values.remove("keep-all");
                if values
                    .values()
                    .all(|value| value.trim_start_matches('0').is_empty())
                {
                    return Some(serde_json::json!({"keep-all": 1}));
                }
            }
            // What holds nothing was stored as nothing.
            (!values.is_empty()).then(|| serde_json::json!(values))
        }
        Parameter::Text(text) => {
            let kind = property.and_then(|property| property.kind.as_deref());
            Some(typed(kind, text))
        }
        Parameter::Hash | Parameter::Undefined => None,
    }
}

fn is_object(name: &str) -> bool {
    matches!(name, "prune-backups" | "fleecing" | "performance")
}

fn object_format(name: &str) -> &str {
    match name {
        "fleecing" => "backup-fleecing",
        "performance" => "backup-performance",
        other => other,
    }
}

/// A text with the JSON type that its schema says.
pub(crate) fn typed(kind: Option<&str>, text: &str) -> Value {
    match kind {
        Some("boolean" | "integer") => text
            .parse::<i64>()
            .map_or_else(|_| Value::from(text), Value::from),
        Some("number") => text
            .parse::<f64>()
            .map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(pairs: &[(&str, &str)]) -> Job {
        let options = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Parameter::Text((*value).to_owned())))
            .collect();
        Job {
            id: "j1".to_owned(),
            options,
        }
    }

    #[test]
    fn values_have_the_types_of_pve() {
        let schema = Schema::of(crate::config::Release::Eight).unwrap();
        let json = job(&[
            ("lockwait", "05"),
            ("compress", "0"),
            ("prune-backups", "keep-all=0,keep-last=3"),
            ("fleecing", "1,storage=x1"),
            ("schedule", "daily"),
        ])
        .to_json(schema);
        assert_eq!(json["lockwait"], 5);
        assert_eq!(json["compress"], "0");
        assert_eq!(json["prune-backups"], serde_json::json!({"keep-last": "3"}));
        assert_eq!(
            json["fleecing"],
            serde_json::json!({"enabled": "1", "storage": "x1"})
        );
    }

    #[test]
    fn an_unreadable_schedule_hides_the_job_and_poisons_the_others() {
        let mut table = JobTable::default();
        table.put(job(&[("schedule", "25:99")]));
        assert!(table.find("j1").is_none());
        assert!(table.is_poisoned_beside("j2"));
        assert!(!table.is_poisoned_beside("j1"));
    }
}
