//! SQL as text: every dump in it, from the first mark of its tool to the last.

use super::marks::{Mark, PG_DUMPALL, Tool, is_error, mark, may_follow};
use crate::number::wide;
use crate::stream::Stream;
use crate::{Finding, Findings, Place, Reason};

/// What is kept of a line: more than any mark has.
const KEPT: usize = 256;

/// Reads dumps to the end.
pub(crate) fn check(input: &mut Stream, findings: &mut Findings) {
    let mut text = Text::default();
    loop {
        let at = input.position();
        let piece = input.piece(u64::MAX);
        if piece.is_empty() {
            break;
        }
        text.read(at, piece, findings);
    }
    if input.is_broken() {
        return;
    }
    let length = input.position();
    text.line(length, findings);
    text.judge(Place::Decoded(length), findings);
}

/// What was read so far.
#[derive(Default)]
struct Text {
    /// The beginning of the line that is being read.
    line: Vec<u8>,
    /// Its last byte that is no space.
    last: Option<u8>,
    /// Whether the line before it is `--`.
    is_framed: bool,
    /// The first line that is not empty.
    first: Option<String>,
    /// The dumps that have begun and not ended, and where.
    open: Vec<(&'static Tool, u64)>,
    has_start: bool,
    has_end: bool,
    has_statement: bool,
    is_utf16: bool,
    /// The first line behind the last dump, and what no tool writes there.
    behind: Option<String>,
    zero: Option<u64>,
}

impl Text {
    fn read(&mut self, at: u64, piece: &[u8], findings: &mut Findings) {
        if at == 0 {
            self.is_utf16 = piece.starts_with(b"\xff\xfe") || piece.starts_with(b"\xfe\xff");
        }
        if let (None, Some(place)) = (self.zero, piece.iter().position(|byte| *byte == 0)) {
            self.zero = Some(at.saturating_add(wide(place)));
        }
        let mut at = at;
        for (index, part) in piece.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                self.line(at, findings);
                at = at.saturating_add(1);
            }
            at = at.saturating_add(wide(part.len()));
            let room = KEPT.saturating_sub(self.line.len()).min(part.len());
            self.line
                .extend_from_slice(part.get(..room).unwrap_or_default());
            let last = part.iter().rfind(|byte| !byte.is_ascii_whitespace());
            self.last = last.copied().or(self.last);
        }
    }

    /// A line has ended, at this place.
    fn line(&mut self, at: u64, findings: &mut Findings) {
        let bytes = std::mem::take(&mut self.line);
        let last = self.last.take();
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_start_matches('\u{feff}').trim_end();
        if self.first.is_none() && !line.trim().is_empty() {
            self.first = Some(shown(line.trim_start()));
        }
        // Of SQL Server a batch ends with `GO`, of Oracle with a slash.
        self.has_statement |= last == Some(b';') || matches!(line, "GO" | "/");
        match mark(line, self.is_framed) {
            Some(Mark::Start(tool)) => self.start(tool, at, findings),
            Some(Mark::End(tool)) => self.end(tool, at, findings),
            None if self.has_end && self.open.is_empty() && !may_follow(line) => {
                self.behind.get_or_insert_with(|| shown(line));
            }
            None => {}
        }
        self.is_framed = line == "--";
        self.line = bytes;
        self.line.clear();
    }

    fn start(&mut self, tool: &'static Tool, at: u64, findings: &mut Findings) {
        // The dumps of its databases lie inside of the one of the cluster.
        let is_inner = tool != &PG_DUMPALL
            && self
                .open
                .first()
                .is_some_and(|(outer, _)| *outer == &PG_DUMPALL);
        for (before, began) in self.open.drain(usize::from(is_inner)..) {
            findings.push(cut_before(before, began, at));
        }
        self.open.push((tool, at));
        self.has_start = true;
        self.behind = None;
    }

    fn end(&mut self, tool: &'static Tool, at: u64, findings: &mut Findings) {
        if let Some(place) = self.open.iter().rposition(|(open, _)| *open == tool) {
            for (inner, began) in self.open.drain(place..).skip(1) {
                findings.push(cut_before(inner, began, at));
            }
        }
        self.has_end = true;
        self.behind = None;
    }

    fn judge(self, end: Place, findings: &mut Findings) {
        let first = self.first.unwrap_or_default();
        if self.is_utf16 {
            let text = "the text is UTF-16, as a redirection of PowerShell writes it";
            findings.push(Reason::new(Finding::DumpDamaged, text).at(Place::Decoded(0)));
            return;
        }
        if let Some(at) = self.zero {
            findings.push(
                Reason::new(Finding::DumpDamaged, "a zero byte is in the text")
                    .at(Place::Decoded(at)),
            );
        }
        if !self.has_start && !self.has_end {
            let (id, text, place) = if is_error(&first) {
                let text = format!("it begins with `{first}`");
                (Finding::DumpErrorPage, text, Place::Decoded(0))
            } else if self.has_statement || self.zero.is_some() {
                let text = "it ends without the end mark of a known tool".to_owned();
                (Finding::DumpNoEndMark, text, end)
            } else {
                let text = format!("it holds no statement and begins with `{first}`");
                (Finding::DumpErrorPage, text, Place::Decoded(0))
            };
            findings.push(Reason::new(id, text).at(place));
            return;
        }
        if is_error(&first) {
            let text = format!("before the dump stands `{first}`, which is no SQL");
            findings.push(Reason::new(Finding::DumpDamaged, text).at(Place::Decoded(0)));
        }
        if !self.has_start {
            let text = "it has the end mark of a tool and does not begin as its dumps do";
            findings.push(Reason::new(Finding::DumpNoStart, text).at(Place::Decoded(0)));
        }
        for (tool, _) in &self.open {
            let text = format!(
                "it begins as a dump of {} and ends without `{}`",
                tool.name, tool.end
            );
            findings.push(Reason::new(Finding::DumpTruncated, text).at(end));
        }
        if let Some(line) = self.behind {
            let text = format!("behind the end mark follows `{line}`");
            findings.push(Reason::new(Finding::DumpAfterEnd, text).at(end));
        }
    }
}

fn cut_before(tool: &Tool, began: u64, at: u64) -> Reason {
    Reason::new(
        Finding::DumpTruncated,
        format!(
            "the dump of {} that begins before byte {began} has no `{}` before the next mark",
            tool.name, tool.end
        ),
    )
    .at(Place::Decoded(at))
}

/// A line of a stranger, short and printable.
fn shown(line: &str) -> String {
    let short: String = line.chars().take(80).collect();
    short.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Finding> {
        let mut findings = Findings::default();
        check(&mut crate::stream::of(text.as_bytes(), 1000), &mut findings);
        let (reasons, _) = findings.into_parts();
        reasons.iter().map(|reason| reason.id).collect()
    }

    const POSTGRES: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nCREATE TABLE a (b int);\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n";

    #[test]
    fn dumps_with_their_end_mark() {
        assert_eq!(found(POSTGRES), []);
        let cluster = format!(
            "--\n-- PostgreSQL database cluster dump\n--\n{POSTGRES}--\n-- PostgreSQL database cluster dump complete\n--\n\n"
        );
        assert_eq!(found(&cluster), []);
        for end in [
            "-- Dump completed on 2026-01-10  3:00:01\n",
            "-- Dump completed\n",
        ] {
            let rows = "INSERT INTO `a` VALUES (1),(2);\n".repeat(2000);
            assert_eq!(
                found(&format!(
                    "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n{rows}{end}"
                )),
                []
            );
        }
    }

    #[test]
    fn dumps_that_were_cut() {
        let cut = POSTGRES
            .split("-- PostgreSQL database dump complete")
            .next()
            .unwrap();
        assert_eq!(found(cut), [Finding::DumpTruncated]);
        // The dumps of its databases are complete, the cluster is not.
        let cluster = format!("--\n-- PostgreSQL database cluster dump\n--\n{POSTGRES}");
        assert_eq!(found(&cluster), [Finding::DumpTruncated]);
        assert_eq!(
            found("-- MySQL dump 10.13\nCREATE TABLE a;\n"),
            [Finding::DumpTruncated]
        );
        assert_eq!(found("CREATE TABLE a (b int);\n"), [Finding::DumpNoEndMark]);
    }

    #[test]
    fn what_looks_like_the_end_is_none_inside_of_a_table() {
        let (before, _) = POSTGRES
            .split_once("--\n-- PostgreSQL database dump complete")
            .unwrap();
        let table =
            format!("{before}COPY a FROM stdin;\nx\n-- PostgreSQL database dump complete\n");
        assert_eq!(found(&table), [Finding::DumpTruncated]);
    }

    #[test]
    fn of_several_dumps_each_is_complete() {
        let dump = "-- MySQL dump 10.13\nCREATE TABLE a;\n\n-- Dump completed\n";
        assert_eq!(found(&format!("{dump}\nUSE b;\n{dump}")), []);
        let cut = "-- MySQL dump 10.13\nCREATE TABLE a;\n";
        assert_eq!(found(&format!("{cut}{dump}")), [Finding::DumpTruncated]);
        let all = |inner: &str| {
            format!(
                "--\n-- PostgreSQL database cluster dump\n--\n{inner}--\n-- PostgreSQL database cluster dump complete\n--\n\n"
            )
        };
        let cut = POSTGRES
            .split("--\n-- PostgreSQL database dump complete")
            .next()
            .unwrap();
        assert_eq!(found(&all(&format!("{POSTGRES}{POSTGRES}"))), []);
        assert_eq!(
            found(&all(&format!("{cut}{POSTGRES}"))),
            [Finding::DumpTruncated]
        );
        assert_eq!(found(&all(cut)), [Finding::DumpTruncated]);
        assert_eq!(
            found("CREATE TABLE a;\n\n-- Dump completed\n"),
            [Finding::DumpNoStart]
        );
    }

    #[test]
    fn what_is_no_dump() {
        assert_eq!(found("<!DOCTYPE html><html>504"), [Finding::DumpErrorPage]);
        assert_eq!(
            found("pg_dump: error: connection failed"),
            [Finding::DumpErrorPage]
        );
        assert_eq!(found("{\"error\": 1}"), [Finding::DumpErrorPage]);
        for text in [
            "bash: mysqldump: command not found\n",
            "Permission denied",
            " \n\n",
        ] {
            assert_eq!(found(text), [Finding::DumpErrorPage], "{text}");
        }
        let warned = "mysqldump: [Warning] password\n-- MySQL dump 10.13\n-- Dump completed\n";
        assert_eq!(found(warned), [Finding::DumpDamaged]);
        assert_eq!(found("\u{feff}SELECT 1;\n"), [Finding::DumpNoEndMark]);
        assert_eq!(
            found(&POSTGRES.replace("int", "in\0")),
            [Finding::DumpDamaged]
        );
        assert_eq!(
            found(&format!("{POSTGRES}garbage\n")),
            [Finding::DumpAfterEnd]
        );
    }
}
