//! A folder of archives with a manifest of the truth: what was found, what was missed, what was
//! blamed for nothing, and whether a restore would give what was saved.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use vzdump_archive::{Examination, FileName, Options, examine};

use crate::manifest::{Entry, Manifest};
use crate::truth::Restored;

/// How far we are from the truth.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Score {
    /// Damaged archives that an ideal checker finds.
    pub damaged: usize,
    /// Those of them that were called corrupt or warned of.
    pub found: usize,
    /// Archives that are fine.
    pub sound: usize,
    /// Those of them that were called anything else than what is acceptable.
    pub false_alarms: usize,
    /// Sound archives whose truth is known, and those that were reproduced.
    pub truths: usize,
    /// Those of them whose disks, configurations or files came out otherwise.
    pub wrong_truths: usize,
    /// Every miss, false alarm and wrong digest in a line.
    pub misses: Vec<String>,
}

impl Score {
    /// Adds one archive.
    ///
    /// # Errors
    /// When what was restored for comparison cannot be read back.
    pub fn add(
        &mut self,
        entry: &Entry,
        examination: &Examination,
        restored: &mut Restored,
    ) -> Result<()> {
        let verdict = examination.verdict.as_str();
        let accepted = entry.acceptable.iter().any(|word| word == verdict);
        let detectable = entry.damaged && entry.expected != "ok";
        if detectable {
            self.damaged += 1;
            self.found += usize::from(accepted);
        } else if !entry.damaged {
            self.sound += 1;
            self.false_alarms += usize::from(!accepted);
        }
        if !accepted {
            let reasons: Vec<String> = examination
                .reasons
                .iter()
                .map(ToString::to_string)
                .collect();
            self.misses.push(format!(
                "{} ({}): {verdict}, acceptable is {}; {}",
                entry.file,
                entry.kind,
                entry.acceptable.join(" or "),
                reasons.join("; ")
            ));
        }
        if examination.sha256.as_deref() != Some(&entry.sha256) {
            self.wrong_truths += 1;
            self.misses.push(format!(
                "{} ({}): SHA-256 of the file is {:?}, should be {}",
                entry.file, entry.kind, examination.sha256, entry.sha256
            ));
        }
        if let Some(truth) = &entry.truth {
            self.truths += 1;
            let differences = restored.differences(truth, examination.content_bytes)?;
            self.wrong_truths += usize::from(!differences.is_empty());
            for difference in differences {
                self.misses
                    .push(format!("{} ({}): {difference}", entry.file, entry.kind));
            }
        }
        Ok(())
    }
}

/// Reads the manifest of a folder.
///
/// # Errors
/// When it is not there or not one.
pub fn manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join("manifest.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no manifest", path.display()))
}

/// Examines one archive of a folder.
///
/// # Errors
/// When it cannot be opened.
pub fn examined(folder: &Path, entry: &Entry) -> Result<(Examination, Restored)> {
    let path = folder.join(&entry.file);
    let mut file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut restored = Restored::default();
    let examination = examine(
        &mut file,
        &FileName::new(&entry.file),
        &mut restored,
        Options::default(),
    );
    Ok((examination, restored))
}

/// Examines all archives of a folder and prints how it went.
///
/// # Errors
/// When the folder cannot be read.
pub fn run(folder: &Path) -> Result<ExitCode> {
    let manifest = manifest(folder)?;
    let mut score = Score::default();
    for entry in &manifest.entries {
        let (examination, mut restored) = examined(folder, entry)?;
        score.add(entry, &examination, &mut restored)?;
    }
    for miss in &score.misses {
        println!("MISS {miss}");
    }
    println!(
        "{} archives: damage found {}/{}, false alarms {}/{}, wrong truth hashes {}/{}",
        manifest.entries.len(),
        score.found,
        score.damaged,
        score.false_alarms,
        score.sound,
        score.wrong_truths,
        score.truths
    );
    Ok(if score.misses.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
