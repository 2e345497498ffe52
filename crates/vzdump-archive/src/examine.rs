//! One pass over one file: reading and hashing, decompressing, and parsing beside each other.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use md5::Md5;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

use crate::codec::Decoded;
use crate::number::wide;
use crate::stream::{CHUNK, End, Feeder, Stream, pipe};
use crate::{
    Codec, FileName, Finding, Findings, Format, Pace, Place, Reason, Sink, Verdict, dump,
    guest_config, tar, vma,
};

/// How many bytes tell what a content is.
const TELLING: usize = 512;

/// What the caller wants of a pass beside the result.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Counts the bytes that were read, while they are.
    pub progress: Option<&'a AtomicU64>,
    /// The rate that is kept, together with all others who have the same one.
    pub pace: Option<&'a Pace>,
    /// Whether the MD5 of the file is made too, for checksum files of this kind.
    pub md5: bool,
    /// Whether the SHA-512 is taken too.
    pub sha512: bool,
}

/// Whether damage inside the data of disks and files would have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// Every byte was covered by a checksum, and each was right.
    Proven,
    /// The archive has no checksum of its data: only a digest kept elsewhere could prove it.
    NotProvable,
    /// It was not read to the end.
    Unknown,
}

/// A disk of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Its name in the archive, such as `drive-scsi0`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// How many clusters of 64 KiB it has.
    pub clusters: u64,
    /// How many of them the archive holds.
    pub clusters_present: u64,
    /// Its key in the configuration, such as `scsi0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_key: Option<String>,
}

/// A configuration file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of it.
    pub sha256: String,
}

/// What one pass found out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Examination {
    /// What follows from the findings.
    pub verdict: Verdict,
    /// What was found.
    pub reasons: Vec<Reason>,
    /// How many more findings there were.
    pub reasons_left_out: u64,
    /// Whether damage in the data would have been seen.
    pub integrity: Integrity,
    /// What was in the file.
    pub format: Option<Format>,
    /// How it was compressed.
    pub codec: Codec,
    /// How many bytes the file had.
    pub bytes: u64,
    /// How many bytes there were in it once decompressed.
    pub content_bytes: u64,
    /// The SHA-256 of the file, if it was read to its end.
    pub sha256: Option<String>,
    /// The MD5 of the file, if it was asked for and the file was read to its end.
    pub md5: Option<String>,
    /// The SHA-512 of the file, if it was asked for and the file was read to its end.
    pub sha512: Option<String>,
    /// The configuration files.
    pub configs: Vec<ConfigFile>,
    /// The disks.
    pub disks: Vec<Disk>,
    /// How many members a tar archive has.
    pub members: Option<u64>,
    /// When a virtual machine was saved, as the archive says, in seconds since 1970.
    pub created: Option<i64>,
}

impl Examination {
    /// A file of which nothing was read, and why.
    pub fn unread(reason: Reason) -> Self {
        Self {
            verdict: reason.verdict,
            reasons: vec![reason],
            reasons_left_out: 0,
            integrity: Integrity::Unknown,
            format: None,
            codec: Codec::None,
            bytes: 0,
            content_bytes: 0,
            sha256: None,
            md5: None,
            sha512: None,
            configs: Vec::new(),
            disks: Vec::new(),
            members: None,
            created: None,
        }
    }
}

/// What reading came to.
struct Raw {
    sha256: Option<String>,
    md5: Option<String>,
    sha512: Option<String>,
    bytes: u64,
    failure: Option<io::Error>,
}

/// What parsing came to.
#[derive(Default)]
struct Content {
    format: Option<Format>,
    configs: Vec<(String, Vec<u8>)>,
    disks: Vec<Disk>,
    members: Option<u64>,
    created: Option<i64>,
    bytes: u64,
}

/// Reads a file to its end and says what is wrong with it. What is in it goes to the sink as it
/// comes by.
pub fn examine(
    input: &mut (dyn Read + Send),
    name: &FileName,
    sink: &mut dyn Sink,
    options: Options<'_>,
) -> Examination {
    let (feeder, mut raw) = pipe();
    let mut findings = Findings::default();
    let (read, decoded, content, codec) = thread::scope(|scope| {
        let reader = scope.spawn(move || read(input, &feeder, options));
        let start = raw.peek(TELLING);
        let codec = codec(name, start, &mut findings);
        let (decoded, content) = if codec == Codec::None {
            let content = parse(&mut raw, name, sink, &mut findings);
            raw.drain();
            (Decoded::default(), content)
        } else {
            let (output, mut stream) = pipe();
            let decoder = scope.spawn(move || codec.decode(&mut raw, &output));
            let content = parse(&mut stream, name, sink, &mut findings);
            stream.drain();
            (joined(decoder), content)
        };
        (joined(reader), decoded, content, codec)
    });
    conclude(name, read, decoded, content, codec, findings)
}

/// The result of a thread. One that panicked goes on panicking.
fn joined<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read(input: &mut (dyn Read + Send), output: &Feeder, options: Options<'_>) -> Raw {
    let mut digest = Sha256::new();
    let mut md5 = options.md5.then(Md5::new);
    let mut sha512 = options.sha512.then(Sha512::new);
    let mut bytes: u64 = 0;
    loop {
        let mut buffer = output.buffer();
        let (length, failure) = fill(input, &mut buffer);
        let data = buffer.get(..length).unwrap_or_default();
        digest.update(data);
        if let Some(md5) = &mut md5 {
            md5.update(data);
        }
        if let Some(sha512) = &mut sha512 {
            sha512.update(data);
        }
        bytes = bytes.saturating_add(wide(length));
        if let Some(progress) = options.progress {
            progress.fetch_add(wide(length), Ordering::Relaxed);
        }
        output.send(buffer, length);
        if let Some(pace) = options.pace {
            pace.wait(wide(length));
        }
        if let Some(error) = failure {
            output.end(End::Broken);
            return Raw {
                sha256: None,
                md5: None,
                sha512: None,
                bytes,
                failure: Some(error),
            };
        }
        if length < CHUNK {
            output.end(End::Complete);
            return Raw {
                sha256: Some(hex::encode(digest.finalize())),
                md5: md5.map(|md5| hex::encode(md5.finalize())),
                sha512: sha512.map(|sha512| hex::encode(sha512.finalize())),
                bytes,
                failure: None,
            };
        }
    }
}

/// Fills a buffer unless the file ends before.
fn fill(input: &mut (dyn Read + Send), buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut length: usize = 0;
    while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(count) => length = length.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(error)),
        }
    }
    (length, None)
}

/// How the content is compressed, and what follows when the name says otherwise.
fn codec(name: &FileName, start: &[u8], findings: &mut Findings) -> Codec {
    let real = Codec::of_content(start);
    let Some(named) = name.codec else {
        return real;
    };
    if named == real || start.is_empty() {
        return named;
    }
    let is_plain = start.starts_with(&vma::MAGIC) || tar::is_header(start);
    if real == Codec::None && !is_plain {
        // It looks like nothing that is known: its own decoder says what is wrong with it.
        return named;
    }
    let id = if (named, real) == (Codec::Zstd, Codec::Gzip) {
        Finding::NameCodecTolerated
    } else {
        Finding::NameCodec
    };
    let is = match real {
        Codec::None => "not compressed".to_owned(),
        real => format!("compressed by {}", real.as_str()),
    };
    findings.push(
        Reason::new(
            id,
            match named {
                Codec::None => format!("the name says no compression, and the content is {is}"),
                named => format!(
                    "the name says compression {}, and the content is {is}",
                    named.as_str()
                ),
            },
        )
        .at(Place::File(0)),
    );
    real
}

/// What the content is, and what follows when the name says otherwise.
fn format(name: &FileName, start: &[u8], findings: &mut Findings) -> Format {
    let real = if start.starts_with(&vma::MAGIC) {
        Some(Format::Vma)
    } else if tar::is_header(start) {
        Some(Format::Tar)
    } else if dump::is_custom(start) {
        Some(Format::PgCustom)
    } else if name.is_dump() && dump::is_text(start) {
        Some(Format::Sql)
    } else {
        None
    };
    let Some(named) = name.format else {
        return real.unwrap_or(Format::Sql);
    };
    let Some(real) = real.filter(|real| *real != named) else {
        return named;
    };
    // A dump may have any ending.
    if !(name.is_dump() && matches!(real, Format::PgCustom | Format::Sql)) {
        findings.push(
            Reason::new(
                Finding::NameFormat,
                format!(
                    "the name says {}, and the content is {}",
                    named.as_str(),
                    real.as_str()
                ),
            )
            .at(Place::Decoded(0)),
        );
    }
    real
}

fn parse(
    input: &mut Stream,
    name: &FileName,
    sink: &mut dyn Sink,
    findings: &mut Findings,
) -> Content {
    let mut content = Content::default();
    let start = input.peek(TELLING);
    if start.is_empty() {
        return content;
    }
    let format = format(name, start, findings);
    content.format = Some(format);
    let walked = match format {
        Format::Vma => vma::walk(input, sink, findings).map(|machine| {
            content.configs = machine.configs;
            content.disks = machine.disks;
            content.created = machine.created;
            if content.created.is_some() {
                guest_config::check_machine(&content.configs, &mut content.disks, findings);
            }
        }),
        Format::Tar => tar::walk(input, sink, findings).map(|tree| {
            content.members = Some(tree.members);
            match tree.config {
                Some((name, data)) => {
                    guest_config::check_container(&name, &data, findings);
                    content.configs.push((name, data));
                }
                // Behind damage it may still have been there.
                None if findings.verdict() == Verdict::Corrupt || input.is_broken() => {}
                None => findings.push(Reason::new(
                    Finding::ConfigMissing,
                    "the archive has no `./etc/vzdump/pct.conf`",
                )),
            }
        }),
        Format::Sql => {
            dump::check_sql(input, findings);
            Ok(())
        }
        Format::PgCustom => {
            dump::check_custom(input, findings);
            Ok(())
        }
    };
    if let Err(error) = walked {
        findings.push(
            Reason::new(Finding::SinkFailed, error.to_string())
                .at(Place::Decoded(input.position())),
        );
    }
    input.drain();
    content.bytes = input.position();
    content
}

fn conclude(
    name: &FileName,
    raw: Raw,
    decoded: Decoded,
    content: Content,
    codec: Codec,
    mut findings: Findings,
) -> Examination {
    let checked = decoded.checked;
    let mut all = decoded.findings;
    if let Some(error) = &raw.failure {
        let id = if error.kind() == io::ErrorKind::PermissionDenied {
            Finding::PermissionDenied
        } else {
            Finding::ReadError
        };
        all.push(Reason::new(id, error.to_string()).at(Place::File(raw.bytes)));
    } else if raw.bytes == 0 {
        all.push(Reason::new(Finding::EmptyFile, "the file has no bytes"));
    } else if content.format.is_none() && all.verdict() == Verdict::Ok {
        all.push(Reason::new(
            Finding::EmptyContent,
            "nothing is in the compressed file",
        ));
    }
    guest_of_name(name, &content, &mut findings);
    if UNPACKED_WRONG.iter().any(|id| all.has(*id)) {
        // A damaged block may still be unpacked to something, which is then no archive.
        findings.forget(&[Finding::VmaMagic, Finding::TarMagic]);
    }
    all.extend(findings);
    // What could not be read is neither sound nor damaged, unless damage was seen before.
    let verdict = all.verdict();
    let integrity = match verdict {
        Verdict::Ok | Verdict::Warn if checked => Integrity::Proven,
        Verdict::Ok | Verdict::Warn => Integrity::NotProvable,
        _ => Integrity::Unknown,
    };
    let (reasons, reasons_left_out) = all.into_parts();
    Examination {
        verdict,
        reasons,
        reasons_left_out,
        integrity,
        format: content.format,
        codec,
        bytes: raw.bytes,
        content_bytes: content.bytes,
        sha256: raw.sha256,
        md5: raw.md5,
        sha512: raw.sha512,
        configs: content
            .configs
            .iter()
            .map(|(name, data)| ConfigFile {
                name: name.clone(),
                size: wide(data.len()),
                sha256: hex::encode(Sha256::digest(data)),
            })
            .collect(),
        disks: content.disks,
        members: content.members,
        created: content.created,
    }
}

/// With one of these what was unpacked is not what was packed.
const UNPACKED_WRONG: [Finding; 7] = [
    Finding::ZstdDamaged,
    Finding::ZstdChecksum,
    Finding::GzipDamaged,
    Finding::GzipChecksum,
    Finding::LzopDamaged,
    Finding::LzopChecksum,
    Finding::Bzip2Damaged,
];

fn guest_of_name(name: &FileName, content: &Content, findings: &mut Findings) {
    use pve_types::GuestKind::{Lxc, Qemu};

    let (id, text) = match (name.tag.map(pve_types::GuestTag::kind), content.format) {
        (Some(Lxc), Some(Format::Vma)) => (
            Finding::NameGuest,
            "the name says container, and the content is the archive of a virtual machine",
        ),
        // The only configuration that is looked for in tar is that of a container.
        (Some(Qemu), Some(Format::Tar)) if !content.configs.is_empty() => (
            Finding::NameGuest,
            "the name says virtual machine, and the content is the archive of a container",
        ),
        (Some(Qemu), Some(Format::Tar)) => (
            Finding::NameGuestOld,
            "the name says virtual machine, and the content is tar",
        ),
        _ => return,
    };
    findings.push(Reason::new(id, text));
}
