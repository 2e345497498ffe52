//! SQL as text.

use std::collections::VecDeque;

use crate::number::wide;
use crate::stream::Stream;
use crate::{Finding, Findings, Place, Reason};

/// What is kept of the beginning and of the end.
const KEPT: usize = 8192;

/// A tool that writes dumps.
struct Tool {
    name: &'static str,
    starts: &'static [&'static str],
    ends: &'static [&'static str],
}

const TOOLS: [Tool; 3] = [
    Tool {
        name: "pg_dumpall",
        starts: &["-- PostgreSQL database cluster dump"],
        ends: &["-- PostgreSQL database cluster dump complete"],
    },
    Tool {
        name: "pg_dump",
        starts: &["-- PostgreSQL database dump"],
        ends: &["-- PostgreSQL database dump complete"],
    },
    Tool {
        name: "mysqldump",
        starts: &["-- MySQL dump ", "-- MariaDB dump "],
        // The date follows, unless it was asked not to.
        ends: &["-- Dump completed"],
    },
];

/// What programs write in place of a dump when they fail and their errors go into the file.
const ERRORS: [&str; 11] = [
    "<",
    "{",
    "pg_dump: ",
    "pg_dumpall: ",
    "mysqldump: ",
    "mariadb-dump: ",
    "psql: ",
    "curl: ",
    "ERROR ",
    "Error ",
    "error: ",
];

/// Reads a dump to its end.
pub(crate) fn check(input: &mut Stream, findings: &mut Findings) {
    let mut start = Vec::new();
    let mut end: VecDeque<u8> = VecDeque::new();
    let mut zero = None;
    loop {
        let at = input.position();
        let piece = input.piece(u64::MAX);
        if piece.is_empty() {
            break;
        }
        if let (None, Some(place)) = (zero, piece.iter().position(|byte| *byte == 0)) {
            zero = Some(at.saturating_add(wide(place)));
        }
        let room = KEPT.saturating_sub(start.len()).min(piece.len());
        start.extend_from_slice(piece.get(..room).unwrap_or_default());
        let from = piece.len().saturating_sub(KEPT);
        end.extend(piece.get(from..).unwrap_or_default());
        let surplus = end.len().saturating_sub(KEPT);
        end.drain(..surplus);
    }
    if input.is_broken() {
        return;
    }
    let end: Vec<u8> = end.into();
    judge(
        &String::from_utf8_lossy(&start),
        &String::from_utf8_lossy(&end),
        input.position(),
        findings,
    );
    if let Some(at) = zero {
        findings.push(
            Reason::new(Finding::DumpDamaged, "a zero byte is in the text").at(Place::Decoded(at)),
        );
    }
}

fn judge(start: &str, end: &str, length: u64, findings: &mut Findings) {
    let first = start.trim_start_matches('\u{feff}').trim_start();
    if ERRORS.iter().any(|error| first.starts_with(error)) {
        let line: String = first
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(80)
            .collect();
        findings.push(
            Reason::new(
                Finding::DumpErrorPage,
                format!("it begins with `{}`", line.escape_debug()),
            )
            .at(Place::Decoded(0)),
        );
        return;
    }
    let began = TOOLS.iter().find(|tool| {
        start.lines().any(|line| {
            tool.starts.iter().any(|mark| line.starts_with(mark)) && !is_end(tool, line)
        })
    });
    let lines: Vec<&str> = end.lines().collect();
    let ended = lines.iter().rposition(|line| {
        began.map_or_else(
            || TOOLS.iter().any(|tool| is_end(tool, line)),
            |tool| is_end(tool, line),
        )
    });
    let place = Place::Decoded(length);
    match (ended, began) {
        (Some(mark), _) => {
            let behind = lines.get(mark..).unwrap_or_default().iter().skip(1);
            let rest: Vec<&&str> = behind.filter(|line| !may_follow(line)).collect();
            if let Some(line) = rest.first() {
                let line: String = line.chars().take(80).collect();
                findings.push(
                    Reason::new(
                        Finding::DumpAfterEnd,
                        format!("behind the end mark follows `{}`", line.escape_debug()),
                    )
                    .at(place),
                );
            }
        }
        (None, Some(tool)) => findings.push(
            Reason::new(
                Finding::DumpTruncated,
                format!(
                    "it begins as a dump of {} and ends without `{}`",
                    tool.name,
                    tool.ends.first().unwrap_or(&"")
                ),
            )
            .at(place),
        ),
        (None, None) => findings.push(
            Reason::new(
                Finding::DumpNoEndMark,
                "it ends without the end mark of a known tool",
            )
            .at(place),
        ),
    }
}

fn is_end(tool: &Tool, line: &str) -> bool {
    tool.ends.iter().any(|mark| {
        line.strip_prefix(mark)
            .is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with(" on "))
    })
}

/// What a tool itself writes behind its end mark.
fn may_follow(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "--" || line.starts_with("\\unrestrict ")
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
    fn what_is_no_dump() {
        assert_eq!(found("<!DOCTYPE html><html>504"), [Finding::DumpErrorPage]);
        assert_eq!(
            found("pg_dump: error: connection failed"),
            [Finding::DumpErrorPage]
        );
        assert_eq!(found("{\"error\": 1}"), [Finding::DumpErrorPage]);
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
