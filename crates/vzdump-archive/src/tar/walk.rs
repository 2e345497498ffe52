//! The way through an archive: members to the end mark, and nothing but zeros behind it.

use std::io;

use super::header::{self, BLOCK, Header, padding};
use super::judge::shown;
use super::names::Names;
use super::pax::{self, Extended};
use super::sparse::{self, Map, Trouble};
use crate::number::wide;
use crate::stream::Stream;
use crate::{Finding, Findings, Member, MemberKind, Place, Reason, Sink};

/// No extended header is longer: names have 4 KiB, attributes 64 KiB each.
const LARGEST_EXTENDED: u64 = 4 << 20;
/// No name is longer, also in a tree deeper than a path may be.
const LARGEST_NAME: u64 = 1 << 20;
/// A configuration has a few kilobytes.
const LARGEST_CONFIG: usize = 1 << 20;
/// The configuration of a container, and that of very old ones. Proxmox VE finds them by the whole
/// name: without `./` it has none.
const CONFIGS: [&[u8]; 2] = [b"./etc/vzdump/pct.conf", b"./etc/vzdump/vps.conf"];

/// What an archive held.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// The configuration: its name in the archive, and its text.
    pub(crate) config: Option<(String, Vec<u8>)>,
    pub(crate) members: u64,
}

pub(super) struct Walk<'a> {
    pub(super) input: &'a mut Stream,
    sink: &'a mut dyn Sink,
    pub(super) findings: &'a mut Findings,
    pub(super) names: Names,
    pub(super) tree: Tree,
    pub(super) has_sbin: bool,
    /// What meta members said of the next one.
    extended: Option<Extended>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

/// Why the way ends before its end.
pub(super) enum Stop {
    /// What was found is in the findings already.
    Told,
    /// The sink failed.
    Sink(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Sink(error)
    }
}

/// Reads an archive to its end.
///
/// # Errors
/// Those of the sink. What is wrong with the archive goes to the findings.
pub(crate) fn walk(
    input: &mut Stream,
    sink: &mut dyn Sink,
    findings: &mut Findings,
) -> io::Result<Tree> {
    let mut walk = Walk {
        input,
        sink,
        findings,
        names: Names::new(),
        tree: Tree::default(),
        has_sbin: false,
        extended: None,
        long_name: None,
        long_link: None,
    };
    match walk.members() {
        Ok(()) => walk.judge(),
        Err(Stop::Told) => {}
        Err(Stop::Sink(error)) => return Err(error),
    }
    Ok(walk.tree)
}

impl Walk<'_> {
    fn members(&mut self) -> Result<(), Stop> {
        loop {
            let start = self.input.position();
            let mut bytes = [0; BLOCK];
            let length = self.input.read(&mut bytes);
            if length == 0 {
                return self.cut(Finding::TarNoEnd, "the archive ends without its end mark");
            }
            if length < BLOCK {
                return self.cut(Finding::TarTruncated, "the archive ends inside a header");
            }
            if bytes.iter().all(|byte| *byte == 0) {
                self.judge_open(start);
                return self.end(start);
            }
            if !header::has_checksum(&bytes) {
                let (id, text) = if start == 0 {
                    (
                        Finding::TarMagic,
                        "it does not begin with the header of a member",
                    )
                } else {
                    (
                        Finding::TarHeaderChecksum,
                        "where the header of a member should be there is none, or it is damaged",
                    )
                };
                return self.stop(Reason::new(id, text).at(Place::Decoded(start)));
            }
            let header = header::parse(&bytes);
            let Some(size) = header.size else {
                return self.stop(
                    Reason::new(Finding::TarSize, "the size of a member is no number")
                        .at(Place::Decoded(start))
                        .on(shown(&header.name)),
                );
            };
            match header.kind {
                b'x' | b'X' | b'g' | b'L' | b'K' => self.meta(&header, size, start)?,
                b'M' => {
                    return self.stop(
                        Reason::new(
                            Finding::TarMultiVolume,
                            "a member is continued from another volume",
                        )
                        .at(Place::Decoded(start)),
                    );
                }
                b'V' => self.skip(size)?,
                _ => self.member(&header, &bytes, size, start)?,
            }
        }
    }

    /// Whether a header described a member that has not come yet.
    pub(super) const fn is_waiting(&self) -> bool {
        self.extended.is_some() || self.long_name.is_some() || self.long_link.is_some()
    }

    pub(super) fn stop<T>(&mut self, reason: Reason) -> Result<T, Stop> {
        self.findings.push(reason);
        Err(Stop::Told)
    }

    /// The content ends here; whether that is its own fault or follows from damage below it.
    fn cut<T>(&mut self, id: Finding, text: &str) -> Result<T, Stop> {
        if !self.input.is_broken() {
            let place = Place::Decoded(self.input.position());
            self.findings.push(Reason::new(id, text).at(place));
        }
        Err(Stop::Told)
    }

    fn cut_inside<T>(&mut self) -> Result<T, Stop> {
        self.cut(Finding::TarTruncated, "the archive ends inside a member")
    }

    /// A block of zeros was read: the end mark needs another one.
    fn end(&mut self, start: u64) -> Result<(), Stop> {
        let mut bytes = [0; BLOCK];
        let length = self.input.read(&mut bytes);
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        if length < BLOCK && is_zero {
            if !self.input.is_broken() {
                self.findings.push(
                    Reason::new(
                        Finding::TarEndHalf,
                        "the end mark has only one of its two blocks",
                    )
                    .at(Place::Decoded(start)),
                );
            }
            return Ok(());
        }
        if !is_zero {
            return self.stop(
                Reason::new(
                    Finding::TarLoneZeroBlock,
                    "a single block of zeros stands where a header should be; readers stop there",
                )
                .at(Place::Decoded(start)),
            );
        }
        let end = self.input.position();
        loop {
            let at = self.input.position();
            let piece = self.input.piece(u64::MAX);
            if piece.is_empty() {
                break;
            }
            if let Some(place) = piece.iter().position(|byte| *byte != 0) {
                let at = at.saturating_add(wide(place));
                return self.stop(
                    Reason::new(Finding::TarAfterEnd, "behind the end mark there is data")
                        .at(Place::Decoded(at)),
                );
            }
        }
        if !self.input.is_broken() {
            self.judge_length(end);
        }
        Ok(())
    }

    /// A header that says more of the next one.
    fn meta(&mut self, header: &Header, size: u64, start: u64) -> Result<(), Stop> {
        let place = Place::Decoded(start);
        let largest = match header.kind {
            b'L' | b'K' => LARGEST_NAME,
            _ => LARGEST_EXTENDED,
        };
        if size > largest {
            return self.stop(
                Reason::new(
                    Finding::TarPax,
                    format!("an extended header claims {size} bytes"),
                )
                .at(place),
            );
        }
        let data = self.input.take(size);
        if wide(data.len()) < size {
            return self.cut_inside();
        }
        self.padding(size)?;
        match header.kind {
            b'L' | b'K' => {
                let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
                let text = Some(text.to_vec());
                let before = if header.kind == b'L' {
                    std::mem::replace(&mut self.long_name, text)
                } else {
                    std::mem::replace(&mut self.long_link, text)
                };
                if before.is_some() {
                    self.lost_member(start);
                }
            }
            kind => match pax::parse(&data) {
                Ok(extended) if kind != b'g' => {
                    if self.extended.replace(extended).is_some() {
                        self.lost_member(start);
                    }
                }
                Ok(_) => {}
                Err(text) => {
                    return self.stop(Reason::new(Finding::TarPax, text).at(place));
                }
            },
        }
        Ok(())
    }

    fn member(
        &mut self,
        header: &Header,
        bytes: &[u8; BLOCK],
        size: u64,
        start: u64,
    ) -> Result<(), Stop> {
        let mut extended = self.extended.take().unwrap_or_default();
        let long_name = self.long_name.take();
        let long_link = self.long_link.take();
        let mut stored = extended.size.unwrap_or(size);
        let path = extended
            .sparse_name
            .take()
            .or_else(|| extended.path.take())
            .or(long_name)
            .unwrap_or_else(|| header.name.clone());
        let kind = header::member_kind(header.kind, &path);
        let link = extended
            .link
            .take()
            .or(long_link)
            .unwrap_or_else(|| header.link.clone());
        self.judge_name(&path, start)?;
        self.judge_kind(kind, &path, stored, start);
        if kind == MemberKind::HardLink {
            // tar takes a link to have no data, whatever its size says.
            stored = 0;
        }
        let map = self.map(header, bytes, &extended, &mut stored, &path, start)?;
        let member = Member {
            size: map.as_ref().map_or(stored, |(_, size)| *size),
            path,
            kind,
            link,
        };
        self.register(&member, start);
        self.sink.member(&member)?;
        self.tree.members = self.tree.members.saturating_add(1);
        self.data(&member, stored, map.as_ref().map(|(map, _)| map))
    }

    /// The map of a sparse file and its real size. What of the data the map itself takes is
    /// subtracted from `stored`.
    fn map(
        &mut self,
        header: &Header,
        bytes: &[u8; BLOCK],
        extended: &Extended,
        stored: &mut u64,
        path: &[u8],
        start: u64,
    ) -> Result<Option<(Map, u64)>, Stop> {
        let read = if header.kind == b'S' {
            sparse::read_gnu(self.input, bytes).map(Some)
        } else if !extended.is_sparse {
            return Ok(None);
        } else if extended.sparse_major == Some(1) {
            sparse::read_text(self.input, *stored).map(|(map, taken)| {
                *stored = stored.saturating_sub(taken);
                Some((map, extended.sparse_size.unwrap_or(*stored)))
            })
        } else {
            Map::of(&extended.sparse_map, extended.sparse_count)
                .map(|map| Some((map, extended.sparse_size.unwrap_or(*stored))))
        };
        let checked = read.and_then(|read| {
            if let Some((map, size)) = &read {
                map.check(*size, *stored)?;
            }
            Ok(read)
        });
        match checked {
            Ok(map) => Ok(map),
            Err(Trouble::Cut) => self.cut_inside(),
            Err(Trouble::Wrong(text)) => self.stop(
                Reason::new(Finding::TarSparse, text)
                    .at(Place::Decoded(start))
                    .on(shown(path)),
            ),
        }
    }

    fn data(&mut self, member: &Member, stored: u64, map: Option<&Map>) -> Result<(), Stop> {
        let mut config = self.config_of(member);
        let whole = [(0, stored)];
        let parts = match map {
            Some(map) if map.has_more => {
                self.findings.push(
                    Reason::new(
                        Finding::TarSparseUnchecked,
                        "the map of a sparse file has more parts than were followed",
                    )
                    .on(shown(&member.path)),
                );
                &[]
            }
            Some(map) => map.parts.as_slice(),
            None => whole.as_slice(),
        };
        let mut left = stored;
        for (offset, length) in parts {
            let mut done: u64 = 0;
            while done < *length {
                let piece = self.input.piece(length.saturating_sub(done));
                if piece.is_empty() {
                    return self.cut_inside();
                }
                if let Some(config) = &mut config
                    && config.len() < LARGEST_CONFIG
                {
                    config.extend_from_slice(piece);
                }
                self.sink.member_data(offset.saturating_add(done), piece)?;
                done = done.saturating_add(wide(piece.len()));
            }
            left = left.saturating_sub(*length);
        }
        if self.input.skip(left) < left {
            return self.cut_inside();
        }
        if let Some(config) = config {
            let name = String::from_utf8_lossy(&member.path).into_owned();
            self.tree.config = Some((name, config));
        }
        self.padding(stored)
    }

    /// A buffer, if this member is the configuration: the first one counts.
    fn config_of(&self, member: &Member) -> Option<Vec<u8>> {
        let named = CONFIGS.contains(&member.path.as_slice());
        (named && self.tree.config.is_none() && member.kind == MemberKind::File).then(Vec::new)
    }

    fn skip(&mut self, size: u64) -> Result<(), Stop> {
        if self.input.skip(size) < size {
            return self.cut_inside();
        }
        self.padding(size)
    }

    fn padding(&mut self, size: u64) -> Result<(), Stop> {
        let count = padding(size);
        let start = self.input.position();
        let bytes = self.input.take(count);
        if wide(bytes.len()) < count {
            return self.cut_inside();
        }
        if bytes.iter().any(|byte| *byte != 0) {
            self.findings.push(
                Reason::new(
                    Finding::TarPadding,
                    "between the end of a member and the next block there is data",
                )
                .at(Place::Decoded(start)),
            );
        }
        Ok(())
    }
}
