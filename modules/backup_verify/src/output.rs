//! Writes the page and the metrics: each as a whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use module_kit::{Exit, Failure};
use tempfile::NamedTempFile;

use crate::metrics;
use crate::observe::Observed;
use crate::page::{self, Format, Made};
use crate::report::Report;
use crate::spec::Spec;

/// Readable by the user of `node_exporter`, and by who looks at the page.
const MODE: u32 = 0o644;

/// Where the page goes, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The file.
    pub path: PathBuf,
    /// What its ending asks for.
    pub format: Format,
}

impl ReportFile {
    pub(crate) fn new(path: &str) -> Result<Self, Failure> {
        let path = PathBuf::from(path);
        let format = Format::of(&path).ok_or_else(|| {
            Failure::usage(format!(
                "report: `{}` ends neither in `.html` nor in `.md`",
                path.display()
            ))
            .hint("The ending says how the page is written.")
        })?;
        Ok(Self { path, format })
    }
}

/// The file of the metrics.
pub(crate) fn metrics_file(path: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(path);
    if path.extension().is_some_and(|ending| ending == "prom") {
        return Ok(path);
    }
    Err(Failure::usage(format!(
        "metrics: `{}` does not end in `.prom`",
        path.display()
    ))
    .hint("The textfile collector of node_exporter reads no other files."))
}

/// What is written, for messages.
const PAGE: &str = "the report";
const METRICS: &str = "the metrics";

fn files(spec: &Spec) -> impl Iterator<Item = (&'static str, &Path)> {
    let report = spec.report.iter().map(|file| (PAGE, file.path.as_path()));
    report.chain(spec.metrics.iter().map(|path| (METRICS, path.as_path())))
}

/// Whether the files can be written, as far as that can be told before.
pub(crate) fn check(spec: &Spec) -> Result<(), Failure> {
    for (what, path) in files(spec) {
        if path.is_dir() {
            let is_folder = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(failure(what, path, &is_folder));
        }
        // A file without a name: nobody sees it, and it is gone at once.
        drop(tempfile::tempfile_in(folder(path)).map_err(|error| failure(what, path, &error))?);
    }
    Ok(())
}

/// Writes what the user asked for. Of two files that cannot be written both are named.
pub(crate) fn write(report: &Report, spec: &Spec, observed: &Observed) -> Result<(), Failure> {
    let page = spec.report.as_ref().map(|file| {
        let text = page::page(report, &made(report, observed), file.format);
        put(PAGE, &file.path, text.as_bytes())
    });
    let metrics = spec.metrics.as_ref().map(|path| {
        let text = metrics::text(report, spec.policies.minimum_size, &report.zone);
        put(METRICS, path, text.as_bytes())
    });
    match (page, metrics) {
        (Some(Err(mut first)), Some(Err(second))) => {
            first.message = format!("{}; {}", first.message, second.message);
            Err(first)
        }
        (page, metrics) => page.unwrap_or(Ok(())).and(metrics.unwrap_or(Ok(()))),
    }
}

fn made(report: &Report, observed: &Observed) -> Made {
    let here = observed
        .asked
        .as_ref()
        .and_then(|asked| asked.here.as_ref());
    Made {
        at: report.now,
        zone: report.zone.clone(),
        node: here.map(ToString::to_string),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

fn put(what: &'static str, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, |file| file.write_all(bytes)).map_err(|error| failure(what, path, &error))
}

/// Puts a new file in the place of an old one. Who reads meanwhile sees the one or the other; when
/// it fails the old one stays.
fn replace(path: &Path, fill: impl FnOnce(&mut fs::File) -> io::Result<()>) -> io::Result<()> {
    let mut temporary: NamedTempFile = tempfile::Builder::new()
        .prefix(".reprise-")
        .suffix(".tmp")
        .tempfile_in(folder(path))?;
    fill(temporary.as_file_mut())?;
    temporary
        .as_file()
        .set_permissions(Permissions::from_mode(MODE))?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn failure(what: &'static str, path: &Path, error: &io::Error) -> Failure {
    let folder = folder(path).display();
    let hint = match error.kind() {
        io::ErrorKind::NotFound => format!("Make the folder `{folder}` first."),
        io::ErrorKind::PermissionDenied => format!(
            "Run it as a user that may write to `{folder}`, on a node as root, or name another file."
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!(
                "Free space on the file system of `{folder}`. What was there before is unchanged."
            )
        }
        io::ErrorKind::IsADirectory => "Name a file, not a folder.".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => {
            "Name a file on a file system that can be written.".to_owned()
        }
        _ => "What was there before is unchanged.".to_owned(),
    };
    Failure::new(
        Exit::Failed,
        format!("cannot write {what} `{}`: {error}", path.display()),
    )
    .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_readable_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.prom");
        fs::write(&path, "old").unwrap();
        put(METRICS, &path, b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn when_the_disk_is_full_the_old_file_stays_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.prom");
        fs::write(&path, "old").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half of")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let said = failure(METRICS, &path, &error).to_string();
        assert!(
            said.contains("a.prom") && said.contains("Free space"),
            "{said}"
        );
    }

    #[test]
    fn what_cannot_be_written_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none/a.html");
        let said = put(PAGE, &missing, b"").unwrap_err().to_string();
        assert!(
            said.contains("none/a.html") && said.contains("Make the folder"),
            "{said}"
        );
    }

    #[test]
    fn endings_are_checked() {
        assert_eq!(ReportFile::new("a.md").unwrap().format, Format::Markdown);
        for name in ["a", "a.pdf", "html"] {
            assert!(ReportFile::new(name).unwrap_err().message.contains(name));
        }
        assert!(metrics_file("/x/a.prom").is_ok());
        assert!(
            metrics_file("/x/a.txt")
                .unwrap_err()
                .message
                .contains("a.txt")
        );
    }
}
