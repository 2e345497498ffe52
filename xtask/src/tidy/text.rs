//! Rules on single files.

use super::Source;
use crate::command_line;

/// What git carries for ever.
const LARGEST_FILE: u64 = 1024 * 1024;
/// Above this a file holds more than one idea.
const LONGEST_RUST_FILE: usize = 500;
/// Where a generated file says so: a Python file may begin with `#!`.
const MARKER_LINES: usize = 3;
const MARKER: &str = "cargo xtask codegen";

/// Written in two parts, so that this file does not break its own rule.
const UNFINISHED: [&str; 5] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    // With a reason it is a process that other tests start, or a test by hand on a real node.
    concat!("#[ign", "ore]"),
];

/// Places of one machine: documents that name them are wrong on every other.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/wo", "rk/"),
    concat!("/tm", "p/"),
];

/// Folders beside the repository are in nobody's clone.
const OUTSIDE: &str = concat!("../sha", "red");

/// Checks a file.
pub(super) fn check(source: &Source, breaches: &mut Vec<String>) {
    let mut breach = |what: String| breaches.push(format!("{}: {what}", source.name));
    if source.size > LARGEST_FILE {
        breach(format!(
            "{} bytes, more than {LARGEST_FILE}; generate it or make it smaller",
            source.size
        ));
    }
    let Some(text) = &source.text else { return };
    if !matches!(source.name.as_str(), "LICENSE" | "Cargo.lock") {
        for (number, line) in text.lines().enumerate() {
            check_line(source, line, &mut |what| {
                breach(format!("line {}: {what}", number + 1));
            });
        }
    }
    let lines = text.lines().count();
    if source.extension() == "rs" && lines > LONGEST_RUST_FILE {
        breach(format!(
            "{lines} lines, more than {LONGEST_RUST_FILE}; split it by what it is about"
        ));
    }
    if source.extension() == "py" && !text.contains("SPDX-License-Identifier: GPL-3.0-or-later") {
        breach("no line `# SPDX-License-Identifier: GPL-3.0-or-later`".to_owned());
    }
    if is_generated(&source.name)
        && !text
            .lines()
            .take(MARKER_LINES)
            .any(|line| line.contains(MARKER))
    {
        breach(format!(
            "is generated, but its first lines do not name `{MARKER}`"
        ));
    }
}

fn check_line(source: &Source, line: &str, breach: &mut impl FnMut(String)) {
    for word in UNFINISHED {
        if has_word(line, word) {
            breach(format!(
                "`{word}`: finish it, or file it where work is planned"
            ));
        }
    }
    if line.contains(OUTSIDE) {
        breach(format!("`{OUTSIDE}` is not in a clone"));
    }
    if source.extension() != "md" {
        return;
    }
    for path in MACHINE_PATHS {
        if has_word(line, path) {
            breach(format!("`{path}` is a place of one machine"));
        }
    }
    for rest in line.split("cargo xtask ").skip(1) {
        let name: String = rest
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let known = command_line::names()
            .chain(["help"])
            .any(|known| known == name);
        if !name.is_empty() && !known {
            breach(format!("there is no command `cargo xtask {name}`"));
        }
    }
}

/// Whether the text stands there and is not the end of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let starts = !before.is_some_and(|before| before.is_alphanumeric() || before == '.');
        let cut = word.ends_with(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        starts && !cut
    })
}

fn is_generated(name: &str) -> bool {
    name == "collection/meta/runtime.yml"
        || [
            "collection/plugins/modules/",
            "collection/plugins/action/",
            "docs/reference/",
        ]
        .iter()
        .any(|folder| name.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::{LARGEST_FILE, OUTSIDE, UNFINISHED, check};

    fn breaches(name: &str, text: &str) -> Vec<String> {
        let mut breaches = Vec::new();
        check(&source(name, text), &mut breaches);
        breaches
    }

    #[test]
    fn every_rule_finds_its_breach() {
        let marked = "# Made by `cargo xtask codegen`.\n";
        for (name, text, expected) in [
            (
                "a.rs",
                format!("fn a() {{\n    {})\n}}", UNFINISHED[0]),
                "line 2",
            ),
            ("a.yml", format!("# {}: later", UNFINISHED[2]), "line 1"),
            ("a.rs", "\n".repeat(501), "501 lines"),
            (
                "a.md",
                concat!("see /ho", "me/someone").to_owned(),
                "one machine",
            ),
            (
                "a.md",
                concat!("run `cargo xtask ", "tset`").to_owned(),
                "cargo xtask tset",
            ),
            ("a.txt", OUTSIDE.to_owned(), "not in a clone"),
            ("a.py", "import os\n".to_owned(), "SPDX"),
            (
                "collection/meta/runtime.yml",
                format!("\n\n\n{marked}"),
                "is generated",
            ),
            (
                "big.txt",
                "a".repeat(usize::try_from(LARGEST_FILE).unwrap() + 1),
                "bytes",
            ),
        ] {
            let found = breaches(name, &text);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_breach_passes() {
        for (name, text) in [
            ("a.sh", concat!("mktemp file.XX", "XXXX")),
            ("a.md", "cargo xtask test --deep and `cargo xtask help`"),
            ("a.md", "the archive lies in /var/lib/vz/dump"),
            ("a.rs", concat!("let path = \"/ho", "me/someone\";")),
            (
                "collection/meta/runtime.yml",
                "# Made by `cargo xtask codegen`.\n---\n",
            ),
        ] {
            assert_eq!(breaches(name, text), Vec::<String>::new(), "{name}");
        }
    }
}
