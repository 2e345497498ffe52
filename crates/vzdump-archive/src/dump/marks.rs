//! The lines by which tools begin and end their dumps.

/// A tool that writes dumps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    starts: &'static [&'static str],
    pub(super) end: &'static str,
    /// Whether its marks are the whole line and stand between two lines `--`. What a table holds
    /// may look like a mark, and has no such line before it.
    is_framed: bool,
}

/// Writes the dumps of all databases in one, each with its own marks.
pub(super) static PG_DUMPALL: Tool = Tool {
    name: "pg_dumpall",
    starts: &["-- PostgreSQL database cluster dump"],
    end: "-- PostgreSQL database cluster dump complete",
    is_framed: true,
};

static PG_DUMP: Tool = Tool {
    name: "pg_dump",
    starts: &["-- PostgreSQL database dump"],
    end: "-- PostgreSQL database dump complete",
    is_framed: true,
};

static MYSQLDUMP: Tool = Tool {
    name: "mysqldump",
    starts: &["-- MySQL dump ", "-- MariaDB dump "],
    end: "-- Dump completed",
    is_framed: false,
};

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Start(&'static Tool),
    End(&'static Tool),
}

/// Whether a line is a mark; `framed` is whether the line before it is `--`.
pub(super) fn mark(line: &str, framed: bool) -> Option<Mark> {
    if !line.starts_with("-- ") {
        return None;
    }
    [&PG_DUMPALL, &PG_DUMP, &MYSQLDUMP]
        .into_iter()
        .filter(|tool| framed || !tool.is_framed)
        .find_map(|tool| tool.mark(line))
}

impl Tool {
    fn mark(&'static self, line: &str) -> Option<Mark> {
        let line = line.trim_end();
        // The date follows, unless it was asked not to.
        let is_end = line
            .strip_prefix(self.end)
            .is_some_and(|rest| rest.is_empty() || (!self.is_framed && rest.starts_with(" on ")));
        if is_end {
            return Some(Mark::End(self));
        }
        let is_start = self.starts.iter().any(|start| {
            if self.is_framed {
                line == *start
            } else {
                line.starts_with(start)
            }
        });
        is_start.then_some(Mark::Start(self))
    }
}

/// What a tool itself writes behind its end mark.
pub(super) fn may_follow(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "--" || line.starts_with("\\unrestrict ")
}

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

/// Whether a file that begins so is the error of a program.
pub(super) fn is_error(first: &str) -> bool {
    ERRORS.iter().any(|error| first.starts_with(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_whole_lines() {
        for (line, framed, expected) in [
            (
                "-- PostgreSQL database dump",
                true,
                Some(Mark::Start(&PG_DUMP)),
            ),
            ("-- PostgreSQL database dump", false, None),
            (
                "-- PostgreSQL database dump complete\r",
                true,
                Some(Mark::End(&PG_DUMP)),
            ),
            ("-- PostgreSQL database dump comp", true, None),
            (
                "-- PostgreSQL database cluster dump complete",
                true,
                Some(Mark::End(&PG_DUMPALL)),
            ),
            (
                "-- MariaDB dump 10.19  Distrib",
                false,
                Some(Mark::Start(&MYSQLDUMP)),
            ),
            (
                "-- Dump completed on 2026-01-10  3:00:01",
                false,
                Some(Mark::End(&MYSQLDUMP)),
            ),
            ("-- Dump completed", true, Some(Mark::End(&MYSQLDUMP))),
            ("-- Dump completely different", false, None),
            ("Dump completed", true, None),
        ] {
            assert_eq!(mark(line, framed), expected, "{line}");
        }
    }
}
