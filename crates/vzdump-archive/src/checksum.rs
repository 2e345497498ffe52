//! Checksum files beside an archive: `NAME.sha256`, `SHA256SUMS`, and the same with SHA-512
//! and MD5.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use crate::{Examination, Finding, Reason, Verdict, file};

/// A file of many checksums is not longer.
const LARGEST: u64 = 4 << 20;

/// The kind of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// 64 digits.
    Sha256,
    /// 128 digits.
    Sha512,
    /// 32 digits.
    Md5,
}

impl Algorithm {
    fn of_file(name: &str) -> Option<Self> {
        match name {
            "SHA256SUMS" | "sha256sums" => return Some(Self::Sha256),
            "SHA512SUMS" | "sha512sums" => return Some(Self::Sha512),
            "MD5SUMS" | "md5sums" => return Some(Self::Md5),
            _ => {}
        }
        match name.rsplit_once('.')?.1 {
            "sha256" | "sha256sum" => Some(Self::Sha256),
            "sha512" | "sha512sum" => Some(Self::Sha512),
            "md5" | "md5sum" => Some(Self::Md5),
            _ => None,
        }
    }

    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
            Self::Md5 => 32,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Md5 => "MD5",
        }
    }
}

/// A checksum that somebody wrote down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its kind.
    pub algorithm: Algorithm,
    /// The checksum in small letters; none when the file could not be understood.
    pub digest: Option<String>,
    /// The file that says so.
    pub from: String,
}

/// The checksums that the files of a folder give, by the name of the file they are of.
#[derive(Debug, Clone, Default)]
pub struct Checksums {
    by_name: BTreeMap<String, Vec<Expected>>,
}

impl Checksums {
    /// Whether a name is that of a checksum file.
    pub fn is_one(name: &str) -> bool {
        Algorithm::of_file(name).is_some()
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, folder: &Path, name: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        file::open_file(&folder.join(name))?
            .0
            .take(LARGEST)
            .read_to_end(&mut bytes)?;
        self.parse(name, &String::from_utf8_lossy(&bytes));
        Ok(())
    }

    fn parse(&mut self, name: &str, text: &str) {
        let Some(algorithm) = Algorithm::of_file(name) else {
            return;
        };
        let lines = text.lines().filter_map(|line| line_of(line, algorithm));
        let Some((of_one, _)) = name.rsplit_once('.') else {
            for (digest, of) in lines {
                if let Some(of) = of {
                    self.add(of, algorithm, Some(digest), name);
                }
            }
            return;
        };
        let mut lines: Vec<_> = lines.collect();
        // Of several the ones that name the file count. A single one may name another place.
        if lines.len() > 1 {
            let is_of_one =
                |of: Option<&str>| of.is_some_and(|of| of.rsplit('/').next() == Some(of_one));
            lines.retain(|(_, of)| is_of_one(*of));
        }
        if lines.is_empty() {
            self.add(of_one, algorithm, None, name);
        }
        for (digest, _) in lines {
            self.add(of_one, algorithm, Some(digest), name);
        }
    }

    fn add(&mut self, of: &str, algorithm: Algorithm, digest: Option<String>, from: &str) {
        let of = of.rsplit('/').next().unwrap_or(of);
        self.by_name
            .entry(of.to_owned())
            .or_default()
            .push(Expected {
                algorithm,
                digest,
                from: from.to_owned(),
            });
    }

    /// What is expected of a file.
    pub fn of(&self, name: &str) -> &[Expected] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a checksum of this kind is wanted of a file.
    pub fn want(&self, algorithm: Algorithm, name: &str) -> bool {
        self.of(name)
            .iter()
            .any(|expected| expected.algorithm == algorithm)
    }

    /// Compares what was read with what is expected.
    pub fn compare(&self, name: &str, examination: &mut Examination) {
        for expected in self.of(name) {
            let real = match expected.algorithm {
                Algorithm::Sha256 => examination.sha256.as_deref(),
                Algorithm::Sha512 => examination.sha512.as_deref(),
                Algorithm::Md5 => examination.md5.as_deref(),
            };
            let kind = expected.algorithm.as_str();
            let reason = match (&expected.digest, real) {
                (None, _) => Reason::new(
                    Finding::ChecksumFileUnreadable,
                    format!("`{}` holds no {kind}", expected.from),
                ),
                (Some(wanted), Some(real)) if wanted != real => Reason::new(
                    Finding::ChecksumFile,
                    format!("`{}` says {kind} {wanted}, and it is {real}", expected.from),
                ),
                _ => continue,
            };
            examination.verdict = examination.verdict.max(reason.verdict);
            if examination.verdict == Verdict::Corrupt {
                examination.integrity = crate::Integrity::Unknown;
            }
            examination.reasons.push(reason);
        }
    }
}

/// `digest  name`, `digest *name`, `SHA256 (name) = digest`, or the digest alone.
fn line_of(line: &str, algorithm: Algorithm) -> Option<(String, Option<&str>)> {
    // `sha256sum` begins a line so when the name holds a backslash or a line break.
    let line = line.trim().trim_start_matches('\\');
    let is_digest = |text: &str| {
        text.len() == algorithm.digits() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some((before, digest)) = line.rsplit_once(" = ") {
        let name = before.split_once('(')?.1.strip_suffix(')')?;
        return is_digest(digest).then(|| (digest.to_ascii_lowercase(), Some(name)));
    }
    let (digest, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let name = name.trim_start().trim_start_matches('*');
    is_digest(digest).then(|| {
        (
            digest.to_ascii_lowercase(),
            (!name.is_empty()).then_some(name),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_checksum_file() {
        let digest = "AB".repeat(32);
        let mut sums = Checksums::default();
        sums.parse(
            "SHA256SUMS",
            &format!("{digest}  a.tar\n{digest} *./b.vma\nSHA256 (c.sql) = {digest}\nnonsense\n"),
        );
        sums.parse("d.vma.zst.sha256", &digest);
        sums.parse("e.vma.md5", "this is none");
        let both = format!("{}  other.sql\n\\{digest}  ./g.sql\n", "1".repeat(64));
        sums.parse("g.sql.sha256", &both);
        sums.parse("f.vma.md5", &format!("{}  /mnt/f.vma", "0".repeat(32)));
        assert_eq!(sums.of("g.sql").len(), 1);
        for name in ["a.tar", "b.vma", "c.sql", "d.vma.zst", "g.sql"] {
            assert_eq!(
                sums.of(name)[0].digest,
                Some(digest.to_lowercase()),
                "{name}"
            );
        }
        assert_eq!(sums.of("e.vma")[0].digest, None);
        sums.parse("SHA512SUMS", &format!("{}  a.tar\n", "0".repeat(128)));
        for (algorithm, name, wanted) in [
            (Algorithm::Md5, "f.vma", true),
            (Algorithm::Md5, "a.tar", false),
            (Algorithm::Sha512, "a.tar", true),
        ] {
            assert_eq!(sums.want(algorithm, name), wanted);
        }
        assert_eq!(sums.of("g"), []);
    }
}
