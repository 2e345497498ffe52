//! Retention against the marks that a real node gave.

use std::path::Path;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Report, read};
use crate::prune::{Keep, Mark, mark};

#[derive(Debug, Deserialize)]
struct Vector {
    backups: Vec<(i64, bool)>,
    keep: serde_json::Map<String, serde_json::Value>,
    marks: Vec<String>,
    tz: String,
}

/// Computes the marks of recorded groups of backups.
///
/// # Errors
/// When the file cannot be read.
pub fn retention(file: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for (number, line) in read(file)?.lines().enumerate() {
        let vector: Vector = serde_json::from_str(line)
            .with_context(|| format!("line {} of {}", number + 1, file.display()))?;
        let values: Vec<(String, String)> = vector
            .keep
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        let keep = Keep::from_values(values.iter().map(|(a, b)| (a.as_str(), b.as_str())));
        let zone = TimeZone::get(&vector.tz)
            .with_context(|| format!("time zone {} is not installed", vector.tz))?;
        let marks: Vec<_> = mark(&vector.backups, &keep, &zone)
            .into_iter()
            .map(Mark::as_str)
            .collect();
        let difference = (marks != vector.marks).then(|| {
            let wanted = &vector.marks;
            format!("line {}: {marks:?}, wanted {wanted:?}", number + 1)
        });
        report.count("prune-vectors", difference);
    }
    Ok(report)
}
