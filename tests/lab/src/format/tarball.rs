//! tar archives of containers, as GNU tar writes them for PVE: an extended header with the times
//! before each member, names with `./`, filled up to 10240 bytes.

use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

const BLOCK: usize = 512;
/// GNU tar writes twenty blocks at a time.
const RECORD: u64 = 20 * 512;

/// A file of its own, not from the tree.
#[derive(Debug)]
pub(crate) struct Extra<'data> {
    pub(crate) name: &'static str,
    pub(crate) data: &'data [u8],
}

/// Writes an archive: the extra files, then the trees, each under its mount path. Gives back how
/// many bytes tar would count.
///
/// # Errors
/// When a tree cannot be read or writing fails.
pub(crate) fn write(
    out: &mut dyn Write,
    extras: &[Extra<'_>],
    trees: &[(&str, &Path)],
    now: i64,
    standard_excludes: StandardExcludes,
) -> io::Result<u64> {
    let mut writer = Writer { out, written: 0 };
    for extra in extras {
        let times = Times::all(now);
        let member = Member::file(&format!("./{}", extra.name), 0o640, extra.data.len() as u64);
        writer.member(&member, times)?;
        writer.data(&mut &*extra.data)?;
    }
    for (mount, root) in trees {
        let base = format!(".{}/", mount.trim_end_matches('/'));
        writer.tree(&base, root, standard_excludes)?;
    }
    writer.finish()
}

/// Whether what is temporary is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandardExcludes {
    Yes,
    No,
}

struct Writer<'out> {
    out: &'out mut dyn Write,
    written: u64,
}

#[derive(Clone, Copy)]
struct Times {
    modified: (i64, i64),
    accessed: (i64, i64),
    changed: (i64, i64),
}

impl Times {
    fn all(seconds: i64) -> Self {
        let time = (seconds, 0);
        Self {
            modified: time,
            accessed: time,
            changed: time,
        }
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            accessed: (metadata.atime(), metadata.atime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

struct Member {
    name: String,
    kind: u8,
    mode: u32,
    size: u64,
    target: String,
}

impl Member {
    fn file(name: &str, mode: u32, size: u64) -> Self {
        Self {
            name: name.to_owned(),
            kind: b'0',
            mode,
            size,
            target: String::new(),
        }
    }
}

// What `--exclude` takes out: what is in the folders for temporary files.
fn is_excluded(name: &str) -> bool {
    let inside = |folder: &str| {
        name.strip_prefix(folder)
            .is_some_and(|rest| !rest.is_empty())
    };
    inside("./tmp/")
        || inside("./var/tmp/")
        || (inside("./var/run/") && name.rsplit('.').next() == Some("pid"))
}

impl Writer<'_> {
    fn tree(&mut self, name: &str, path: &Path, excludes: StandardExcludes) -> io::Result<()> {
        let metadata = fs::symlink_metadata(path)?;
        let mode = metadata.permissions().mode() & 0o7777;
        let bare = name.trim_end_matches('/');
        if excludes == StandardExcludes::Yes && is_excluded(bare) {
            return Ok(());
        }
        let times = Times::of(&metadata);
        let kind = metadata.file_type();
        if kind.is_dir() {
            let member = Member {
                kind: b'5',
                ..Member::file(name, mode, 0)
            };
            self.member(&member, times)?;
            let mut entries: Vec<_> = fs::read_dir(path)?.collect::<io::Result<_>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let inner = entry.file_name().to_string_lossy().into_owned();
                let slash = if entry.file_type()?.is_dir() { "/" } else { "" };
                self.tree(&format!("{name}{inner}{slash}"), &entry.path(), excludes)?;
            }
        } else if kind.is_symlink() {
            let target = fs::read_link(path)?.to_string_lossy().into_owned();
            let member = Member {
                kind: b'2',
                target,
                ..Member::file(bare, 0o777, 0)
            };
            self.member(&member, times)?;
        } else if kind.is_file() {
            self.member(&Member::file(bare, mode, metadata.len()), times)?;
            self.data(&mut fs::File::open(path)?)?;
        }
        // Sockets and devices cannot be made by who runs a lab.
        Ok(())
    }

    fn member(&mut self, member: &Member, times: Times) -> io::Result<()> {
        let mut records = String::new();
        for (key, time) in [
            ("mtime", times.modified),
            ("atime", times.accessed),
            ("ctime", times.changed),
        ] {
            let value = match time {
                (seconds, 0) => seconds.to_string(),
                (seconds, nanoseconds) => {
                    let text = format!("{seconds}.{nanoseconds:09}");
                    text.trim_end_matches('0').to_owned()
                }
            };
            records.push_str(&record(key, &value));
        }
        if member.name.len() > 100 {
            records.push_str(&record("path", &member.name));
        }
        if member.target.len() > 100 {
            records.push_str(&record("linkpath", &member.target));
        }
        let bare = member.name.trim_end_matches('/');
        let (folder, last) = bare.rsplit_once('/').unwrap_or((".", "."));
        let name = format!("{folder}/PaxHeaders/{last}");
        let extended = Member {
            kind: b'x',
            ..Member::file(&name, 0o644, records.len() as u64)
        };
        self.header(&extended, times.modified.0)?;
        self.data(&mut records.as_bytes())?;
        self.header(member, times.modified.0)
    }

    fn header(&mut self, member: &Member, modified: i64) -> io::Result<()> {
        let mut block = [0_u8; BLOCK];
        let mut put = |at: usize, bytes: &[u8], room: usize| {
            let bytes = bytes.get(..room.min(bytes.len())).unwrap_or_default();
            if let Some(place) = block.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, member.name.as_bytes(), 100);
        put(100, format!("{:07o}", member.mode).as_bytes(), 8);
        put(108, b"0000000", 8);
        put(116, b"0000000", 8);
        put(124, format!("{:011o}", member.size).as_bytes(), 12);
        put(136, format!("{:011o}", modified.max(0)).as_bytes(), 12);
        put(148, b"        ", 8);
        put(156, &[member.kind], 1);
        put(157, member.target.as_bytes(), 100);
        put(257, b"ustar\x0000", 8);
        put(329, b"0000000", 8);
        put(337, b"0000000", 8);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        let text = format!("{sum:06o}\0 ");
        if let Some(place) = block.get_mut(148..156) {
            place.copy_from_slice(text.as_bytes());
        }
        self.put(&block)
    }

    fn data(&mut self, data: &mut dyn Read) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut length = 0;
        loop {
            let count = data.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            length += count;
            self.put(buffer.get(..count).unwrap_or_default())?;
        }
        let padding = length.next_multiple_of(BLOCK) - length;
        self.put(&vec![0; padding])
    }

    fn put(&mut self, data: &[u8]) -> io::Result<()> {
        self.written += data.len() as u64;
        self.out.write_all(data)
    }

    fn finish(mut self) -> io::Result<u64> {
        self.put(&[0; 2 * BLOCK])?;
        let rest = self.written.next_multiple_of(RECORD) - self.written;
        self.put(&vec![0; usize::try_from(rest).unwrap_or(0)])?;
        Ok(self.written)
    }
}

// `30 mtime=1795263286.123456789`: the length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    length = rest + length.to_string().len();
    format!("{length} {key}={value}\n")
}

/// Counts what is read, as `--totals` does.
#[derive(Debug)]
pub(crate) struct Counted<R> {
    inner: R,
    pub(crate) count: u64,
}

impl<R: Read> Counted<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, count: 0 }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(target)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// The first member of a name, such as `etc/vzdump/pct.conf`.
///
/// # Errors
/// When the archive is damaged before it.
pub(crate) fn find(input: &mut dyn Read, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut archive = tar::Archive::new(input);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if path.strip_prefix(".").unwrap_or(&path) == Path::new(name) {
            let mut data = Vec::new();
            entry.read_to_end(&mut data)?;
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn modified<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<std::time::SystemTime> {
    let seconds = std::time::Duration::from_secs(entry.header().mtime()?);
    Ok(std::time::UNIX_EPOCH + seconds)
}

/// Unpacks an archive. `place` says where a path inside belongs; device nodes and `./dev` are
/// left out. Gives back how many bytes were read.
///
/// # Errors
/// When the archive is damaged or cut, or a file cannot be made.
pub(crate) fn unpack(
    input: &mut dyn Read,
    place: &dyn Fn(&Path) -> Option<std::path::PathBuf>,
) -> io::Result<u64> {
    let mut counted = Counted::new(input);
    let mut archive = tar::Archive::new(&mut counted);
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inside = path.strip_prefix(".").unwrap_or(&path).to_path_buf();
        let safe = inside
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        let in_dev = inside.starts_with("dev") && inside != Path::new("dev");
        let Some(target) = place(&inside).filter(|_| safe && !in_dev) else {
            continue;
        };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            fs::create_dir_all(&target)?;
            folders.push((target, entry.header().mode()?, modified(&entry)?));
        } else if kind.is_symlink() {
            let link = entry.link_name()?.map(std::borrow::Cow::into_owned);
            if let Some(link) = link.filter(|_| fs::symlink_metadata(&target).is_err()) {
                std::os::unix::fs::symlink(link, &target)?;
            }
        } else if kind.is_hard_link() {
            let link = entry.link_name()?.map(std::borrow::Cow::into_owned);
            let source = link
                .map(|link| link.strip_prefix(".").unwrap_or(&link).to_path_buf())
                .and_then(|link| place(&link));
            if let Some(source) = source.filter(|_| !target.exists()) {
                fs::hard_link(source, &target)?;
            }
        } else if kind.is_file() && !target.exists() {
            let mut file = fs::File::create(&target)?;
            io::copy(&mut entry, &mut file)?;
            file.set_modified(modified(&entry)?)?;
            let mode = entry.header().mode()? & 0o777;
            fs::set_permissions(&target, fs::Permissions::from_mode(mode | 0o400))?;
        }
    }
    // Modes that would lock out who runs the lab come last, and never do so wholly.
    for (folder, mode, modified) in folders.into_iter().rev() {
        fs::File::open(&folder)?.set_modified(modified)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode((mode & 0o777) | 0o700))?;
    }
    let _padding = io::copy(&mut counted, &mut io::sink())?;
    Ok(counted.count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_records_count_themselves() {
        assert_eq!(record("mtime", "1795263286"), "20 mtime=1795263286\n");
        assert_eq!(record("mtime", &"1".repeat(90)).len(), 101);
        let long = record("path", &"a".repeat(91));
        assert!(long.starts_with(&format!("{} ", long.len())), "{long}");
    }

    #[test]
    fn a_tree_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("a");
        fs::create_dir_all(tree.join("etc")).unwrap();
        fs::create_dir_all(tree.join("tmp")).unwrap();
        fs::write(tree.join("etc/hostname"), "a\n").unwrap();
        fs::write(tree.join("tmp/x"), "gone").unwrap();
        std::os::unix::fs::symlink("hostname", tree.join("etc/link")).unwrap();
        let mut out = Vec::new();
        let extra = Extra {
            name: "etc/vzdump/pct.conf",
            data: b"arch: amd64\n",
        };
        let size = write(
            &mut out,
            &[extra],
            &[("/", &tree)],
            5,
            StandardExcludes::Yes,
        )
        .unwrap();
        assert_eq!(size, 20_480);
        let config = find(&mut &out[..], "etc/vzdump/pct.conf").unwrap();
        assert_eq!(config.as_deref(), Some(&b"arch: amd64\n"[..]));
        let target = folder.path().join("b");
        let count = unpack(&mut &out[..], &|path| Some(target.join(path))).unwrap();
        assert_eq!(count, 20_480);
        assert_eq!(fs::read_to_string(target.join("etc/link")).unwrap(), "a\n");
        assert!(target.join("tmp").is_dir() && !target.join("tmp/x").exists());
        let cut = &out[..3000];
        assert!(
            unpack(&mut &cut[..], &|path| Some(
                folder.path().join("c").join(path)
            ))
            .is_err()
        );
    }
}
