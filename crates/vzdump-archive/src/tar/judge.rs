//! What is asked of names and members, and of the archive as a whole.

use super::walk::{Stop, Walk};
use crate::{Finding, Member, MemberKind, Place, Reason};

/// GNU tar writes in records of this length.
const RECORD: u64 = 10_240;
/// What Proxmox VE asks of an archive whose source it does not trust.
const FEWEST_MEMBERS: u64 = 10;

impl Walk<'_> {
    pub(super) fn judge_length(&mut self, end: u64) {
        let total = self.input.position();
        let wanted = end.div_ceil(RECORD).saturating_mul(RECORD);
        let place = Place::Decoded(end);
        if total < wanted {
            let text = format!("the archive has {total} bytes, and tar fills it up to {wanted}");
            self.findings
                .push(Reason::new(Finding::TarNotPadded, text).at(place));
        } else if total > wanted {
            let more = total.saturating_sub(wanted);
            let text = format!("{more} more bytes of zeros follow than tar writes");
            self.findings
                .push(Reason::new(Finding::TarExcessZeros, text).at(place));
        }
    }

    /// What describes a member stands directly before it, once.
    pub(super) fn lost_member(&mut self, start: u64) {
        self.findings.push(
            Reason::new(
                Finding::TarLostMember,
                "a header that describes the next member is not followed by it",
            )
            .at(Place::Decoded(start)),
        );
    }

    /// At the end mark nothing waits for its member.
    pub(super) fn judge_open(&mut self, start: u64) {
        if self.is_waiting() {
            self.lost_member(start);
        }
    }

    /// What must be true once everything was read.
    pub(super) fn judge(&mut self) {
        if self.input.is_broken() {
            return;
        }
        let members = self.tree.members;
        if members < FEWEST_MEMBERS {
            self.findings.push(Reason::new(
                Finding::TarFewMembers,
                format!("the archive has {members} members"),
            ));
        } else if !self.has_sbin {
            self.findings
                .push(Reason::new(Finding::TarNoSbin, "the archive has no `sbin`"));
        }
    }

    pub(super) fn judge_name(&mut self, path: &[u8], start: u64) -> Result<(), Stop> {
        let problem = |id: Finding, text: &str| {
            Reason::new(id, text)
                .at(Place::Decoded(start))
                .on(shown(path))
        };
        if path.is_empty() || path.contains(&0) {
            return self.stop(problem(
                Finding::TarName,
                "a member has no name, or a name with a zero byte",
            ));
        }
        if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
            self.findings.push(problem(
                Finding::TarPathParent,
                "the name of a member leads out of the archive by `..`",
            ));
        } else if path.starts_with(b"/") {
            self.findings.push(problem(
                Finding::TarPathAbsolute,
                "the name of a member is absolute",
            ));
        }
        Ok(())
    }

    pub(super) fn judge_kind(&mut self, kind: MemberKind, path: &[u8], size: u64, start: u64) {
        let (id, text) = match kind {
            MemberKind::Other(byte) => (
                Finding::TarType,
                format!(
                    "the type `{}` of a member is not known",
                    char::from(byte).escape_debug()
                ),
            ),
            MemberKind::File => return,
            _ if size == 0 => return,
            _ => (
                Finding::TarLinkSize,
                format!("a member that is no file claims {size} bytes"),
            ),
        };
        self.findings.push(
            Reason::new(id, text)
                .at(Place::Decoded(start))
                .on(shown(path)),
        );
    }

    /// What a member means for later ones.
    pub(super) fn register(&mut self, member: &Member, start: u64) {
        let problem = |id: Finding, text: String| {
            Reason::new(id, text)
                .at(Place::Decoded(start))
                .on(shown(&member.path))
        };
        if self.names.is_below_link(&member.path) {
            self.findings.push(problem(
                Finding::TarPathBelowLink,
                "a member lies below a symbolic link of the archive".to_owned(),
            ));
        }
        match member.kind {
            MemberKind::HardLink if !self.names.has(&member.link) => {
                self.findings.push(problem(
                    Finding::TarHardLink,
                    format!(
                        "it is a hard link to `{}`, which did not come before it",
                        shown(&member.link)
                    ),
                ));
            }
            MemberKind::SymbolicLink => self.names.add_link(&member.path),
            MemberKind::Directory => self.names.remove_link(&member.path),
            _ => {}
        }
        self.names.add(&member.path);
        let plain = member.path.strip_prefix(b"./").unwrap_or(&member.path);
        let plain = plain.strip_suffix(b"/").unwrap_or(plain);
        self.has_sbin |= plain == b"sbin"
            && matches!(
                member.kind,
                MemberKind::Directory | MemberKind::SymbolicLink
            );
    }
}

/// A hostile name, short and printable.
pub(super) fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let short: String = text.chars().take(200).collect();
    short.escape_debug().to_string()
}
