//! A program in the place of `pvesh`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pve_client::pvesh::{Patience, Pvesh, Settings};
use pve_client::{ApiPath, SystemTimer};
use tempfile::TempDir;

/// The folder of one test: the program, what it shall do, what it was called with.
pub(crate) struct Fake {
    folder: TempDir,
    pub(crate) settings: Settings,
}

impl Fake {
    /// A program that does this (in the language of the shell; the folder is `$here`).
    pub(crate) fn doing(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A link, for a file just written by this process may still be open in another test's
        // child, and cannot be run then.
        let program = folder.path().join("pvesh");
        symlink(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pvesh/fake-pvesh.sh"),
            &program,
        )
        .unwrap();
        fs::write(folder.path().join("do"), script).unwrap();
        fs::write(folder.path().join("active"), "").unwrap();
        let settings = Settings {
            program,
            outputs: folder.path().join("state/tasks"),
            active_tasks: folder.path().join("active"),
            node: Some("pve1".to_owned()),
            patience: Patience {
                read: Duration::from_secs(20),
                write: Duration::from_secs(20),
            },
        };
        Self { folder, settings }
    }

    /// A program that says this and ends with this number.
    pub(crate) fn saying(stdout: &str, stderr: &str, code: i64) -> Self {
        let fake = Self::doing(&format!(
            "cat \"$here/stdout\"; cat \"$here/stderr\" >&2; exit {code}"
        ));
        fs::write(fake.path("stdout"), stdout).unwrap();
        fs::write(fake.path("stderr"), stderr).unwrap();
        fake
    }

    pub(crate) fn transport(&self) -> Pvesh {
        Pvesh::new(self.settings.clone(), Arc::new(SystemTimer::default()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.text("calls").lines().map(str::to_owned).collect()
    }

    /// Waits for a file to hold this.
    pub(crate) fn wait_for(&self, name: &str, text: &str) {
        let start = Instant::now();
        while !self.text(name).contains(text) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "`{name}` does not hold `{text}` but `{}`",
                self.text(name)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn version() -> ApiPath {
    ApiPath::new("version")
}
