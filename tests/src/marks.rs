//! Looking for secrets where none may be.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::process::Ended;

/// Secrets that are nowhere else: each was made for one test.
#[derive(Clone, Debug)]
pub struct Marks(Vec<String>);

impl Marks {
    /// These secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self(secrets.into_iter().map(str::to_owned).collect())
    }

    /// Fails when a text has one of them, in any case of letters.
    ///
    /// # Errors
    /// With the place around it.
    pub fn absent_from(&self, place: &str, text: &str) -> Result<()> {
        let lower = text.to_lowercase();
        for mark in &self.0 {
            if let Some(at) = lower.find(&mark.to_lowercase()) {
                let from = lower.floor_char_boundary(at.saturating_sub(200));
                let to =
                    lower.floor_char_boundary(at.saturating_add(mark.len()).saturating_add(80));
                bail!(
                    "{place} has the secret `{mark}`: …{}…",
                    lower.get(from..to).unwrap_or_default()
                );
            }
        }
        Ok(())
    }

    /// Fails when a program printed one of them, or anybody had one on a command line meanwhile.
    ///
    /// # Errors
    /// With the place around it.
    pub fn absent_from_run(&self, ended: &Ended) -> Result<()> {
        self.absent_from("standard output", &ended.stdout)?;
        self.absent_from("standard error", &ended.stderr)?;
        for line in &ended.command_lines {
            self.absent_from("a command line", line)?;
        }
        Ok(())
    }

    /// Fails when a file below a folder has one of them, in its name or in its content.
    ///
    /// # Errors
    /// With the place around it.
    pub fn absent_below(&self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let shown = path.display().to_string();
            self.absent_from("a file name", &shown)?;
            let about = fs::symlink_metadata(&path)?;
            if about.is_dir() {
                self.absent_below(&path)?;
            } else if about.is_file() {
                let content = fs::read(&path)?;
                self.absent_from(&shown, &String::from_utf8_lossy(&content))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_is() {
        let marks = Marks::new(["hunter2-and-more"]);
        marks.absent_from("x", "nothing here: hunter2").unwrap();
        assert!(marks.absent_from("x", "PW=HUNTER2-and-more;").is_err());

        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "fine").unwrap();
        marks.absent_below(folder.path()).unwrap();
        fs::write(folder.path().join("a/c"), "\u{0}\u{1}hunter2-and-more").unwrap();
        let found = marks.absent_below(folder.path()).unwrap_err().to_string();
        assert!(found.contains("a/c"), "{found}");
    }
}
