//! The page as Markdown: the same, for a ticket or a terminal.
//!
//! Every text of others goes through [`plain`]: nothing in it is a heading, a link, a table or HTML.

use std::fmt::Write as _;

use jiff::civil::Date;
use pve_coverage::GuestCoverage;
use vzdump_archive::Verdict;

use super::headline::Tone;
use super::matrix::{Kind, Row};
use super::view::{View, is_bad};
use super::words::{base, count, shown, time};
use crate::reading::size;
use crate::report::ArchiveResult;

/// The whole page.
pub(crate) fn page(view: &View<'_>) -> String {
    let mut text = String::new();
    let sign = match view.headline.tone {
        Tone::Good => '✓',
        Tone::Unsure => '?',
        Tone::Bad => '✗',
    };
    let _ = writeln!(text, "# {sign} {}\n", view.headline.title);
    for sentence in &view.headline.sentences {
        let _ = writeln!(text, "- {sentence}.");
    }
    days(&mut text, view);
    unknown(&mut text, view);
    damaged(&mut text, view);
    disks(&mut text, view);
    guests(&mut text, view);
    pruned(&mut text, view);
    others(&mut text, view);
    if !view.warnings.is_empty() {
        heading(&mut text, "Warnings");
        for warning in view.warnings {
            let _ = writeln!(text, "- {}", plain(warning));
        }
    }
    heading(&mut text, "This run");
    for (name, value) in &view.facts {
        let _ = writeln!(text, "- {name}: {}", plain(value));
    }
    text
}

fn heading(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n## {title}\n");
}

/// A text that Markdown leaves as it is. Characters that mean something get a backslash, and so
/// do those that would make an address or a list of it.
fn plain(text: &str) -> String {
    let shown = shown(text);
    let mut plain = String::with_capacity(shown.len());
    let mut before = None;
    // `1. x` would be a list.
    let number_end = number_end(&shown);
    for (index, character) in shown.char_indices() {
        let means_something = matches!(
            character,
            '\\' | '`'
                | '*'
                | '_'
                | '['
                | ']'
                | '<'
                | '>'
                | '|'
                | '#'
                | '~'
                | '&'
                | '!'
                | '$'
                | '@'
        );
        // `http://` and `www.`
        let makes_address =
            character == '/' && before == Some(':') || character == '.' && before == Some('w');
        let starts =
            before.is_none() && matches!(character, '-' | '+' | '=') || Some(index) == number_end;
        if means_something || makes_address || starts {
            plain.push('\\');
        }
        plain.push(character);
        before = Some(character);
    }
    plain
}

/// Where a text that begins like an item of a numbered list has its dot.
fn number_end(text: &str) -> Option<usize> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let at = text.len().checked_sub(rest.len()).filter(|at| *at > 0)?;
    let mut rest = rest.chars();
    let is_item = matches!(rest.next(), Some('.' | ')')) && rest.next().is_none_or(|c| c == ' ');
    is_item.then_some(at)
}

/// A row for each guest, a character for each day: a block of code keeps them below each other.
fn days(text: &mut String, view: &View<'_>) {
    heading(text, "Guests and days");
    let matrix = &view.matrix;
    if matrix.rows.is_empty() {
        text.push_str("No guest and no archive of one can be seen.\n");
        return;
    }
    let wide = matrix
        .rows
        .iter()
        .map(|row| row.id.chars().count())
        .max()
        .unwrap_or(0);
    text.push_str("```text\n");
    if let (Some(today), Some(last)) = (matrix.days.first(), matrix.days.last()) {
        let _ = writeln!(
            text,
            "{:wide$}  {today} on the left, {last} on the right",
            ""
        );
    }
    let _ = writeln!(
        text,
        "{:wide$}  {}",
        "",
        ruler(&matrix.days, |day| day.day() / 10)
    );
    let _ = writeln!(
        text,
        "{:wide$}  {}",
        "",
        ruler(&matrix.days, |day| day.day() % 10)
    );
    for row in &matrix.rows {
        let cells: String = row.cells.iter().map(|cell| cell.kind.symbol()).collect();
        let older = if row.older > 0 {
            format!("  +{} older", row.older)
        } else {
            String::new()
        };
        let _ = writeln!(text, "{:wide$}  {cells}{older}", row.id);
    }
    text.push_str("```\n\n");
    for kind in Kind::ALL {
        let is_used = |row: &Row<'_>| row.cells.iter().any(|cell| cell.kind == kind);
        if matrix.rows.iter().any(is_used) {
            let _ = writeln!(text, "- `{}` {}", kind.symbol(), kind.meaning());
        }
    }
}

fn ruler(days: &[Date], digit: impl Fn(&Date) -> i8) -> String {
    days.iter().map(|day| digit(day).to_string()).collect()
}

fn unknown(text: &mut String, view: &View<'_>) {
    if view.unknown.is_empty() && view.unread.is_empty() {
        return;
    }
    heading(text, "What is not known");
    for unknown in view.unknown {
        let _ = writeln!(text, "- {}", plain(unknown));
    }
    for (place, number) in &view.unread {
        let what = count(*number, "archive was not read", "archives were not read");
        let _ = writeln!(text, "- {what}: {}", plain(place));
    }
}

fn damaged(text: &mut String, view: &View<'_>) {
    if view.damaged.is_empty() && view.remarked.is_empty() {
        return;
    }
    heading(text, "Archives with damage or remarks");
    for archive in view.damaged.iter().chain(&view.remarked) {
        finding(text, archive);
    }
}

fn finding(text: &mut String, archive: &ArchiveResult) {
    let _ = writeln!(
        text,
        "- **{}** {} ({}, {})",
        words(archive.verdict),
        plain(base(archive.name())),
        size(archive.size),
        plain(archive.name())
    );
    for reason in &archive.reasons {
        let disk = reason
            .reason
            .disk
            .as_ref()
            .map_or_else(String::new, |disk| format!(" ({})", plain(disk)));
        let _ = writeln!(text, "  - {}{disk}", plain(&reason.reason.to_string()));
        if !reason.reason.restore.is_empty() {
            let _ = writeln!(text, "    A restore: {}", plain(&reason.reason.restore));
        }
    }
    if archive.reasons_left_out > 0 {
        let _ = writeln!(text, "  - and {} more", archive.reasons_left_out);
    }
    if is_bad(archive.verdict) {
        let older = archive.older_sound.as_ref().map_or_else(
            || "No older archive of it is known to be sound.".to_owned(),
            |older| format!("Older and sound: {}", plain(older)),
        );
        let _ = writeln!(text, "  - {older}");
    }
}

fn words(verdict: Verdict) -> String {
    verdict.as_str().replace('_', " ")
}

fn disks(text: &mut String, view: &View<'_>) {
    if view.missing_disks.is_empty() {
        return;
    }
    heading(text, "Disks that are in no backup");
    text.push_str("| guest | disk | volume | why |\n| --- | --- | --- | --- |\n");
    for missing in &view.missing_disks {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            named(missing.guest),
            plain(&missing.disk.key),
            plain(missing.disk.volume.as_deref().unwrap_or("none")),
            plain(&missing.disk.why)
        );
    }
}

fn named(guest: &GuestCoverage) -> String {
    let name = guest.name.as_deref().unwrap_or_default();
    format!("{}/{} {}", plain(&guest.kind), guest.vmid, plain(name))
}

fn guests(text: &mut String, view: &View<'_>) {
    if view.states.is_empty() {
        return;
    }
    heading(text, "Guests");
    let states: Vec<String> = view
        .states
        .iter()
        .map(|(state, count)| format!("{count} {}", state.as_str()))
        .collect();
    let _ = writeln!(text, "{}.\n", states.join(", "));
    text.push_str("| guest | state | why | newest archive | it was read | allowed age | jobs | next backup | last error |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    let at = |seconds: Option<i64>| {
        seconds.map_or_else(String::new, |seconds| time(seconds, &view.made.zone))
    };
    for row in &view.matrix.rows {
        let Some(guest) = row.guest else { continue };
        let jobs: Vec<String> = guest
            .jobs
            .iter()
            .map(|job| {
                let off = if job.enabled { "" } else { " (disabled)" };
                format!("{}{off}", plain(&job.id))
            })
            .collect();
        let by = guest
            .proof_by
            .as_ref()
            .map_or_else(String::new, |by| format!(", by {}", plain(by)));
        let _ = writeln!(
            text,
            "| {} | **{}** | {} | {} | {}{by} | {} | {} | {} | {} |",
            named(guest),
            guest.state.as_str(),
            plain(&guest.why),
            at(guest.newest_at),
            at(guest.proof_at),
            guest
                .rpo_hours
                .map_or_else(String::new, |hours| format!("{hours} hours")),
            jobs.join(", "),
            at(guest.next_run),
            plain(guest.last_error.as_deref().unwrap_or_default())
        );
    }
    let strangers: Vec<&str> = view
        .matrix
        .rows
        .iter()
        .filter(|row| row.guest.is_none())
        .map(|row| row.id.as_str())
        .collect();
    if !strangers.is_empty() {
        let _ = writeln!(
            text,
            "\nThere are archives of {}, and no such guest can be seen.",
            strangers.join(", ")
        );
    }
}

fn pruned(text: &mut String, view: &View<'_>) {
    if view.pruned.is_empty() && view.kept == 0 {
        return;
    }
    heading(text, "The next prune");
    let _ = writeln!(
        text,
        "It keeps {} and removes {}{}",
        count(view.kept, "archive", "archives"),
        count(view.pruned.len(), "archive", "archives"),
        if view.pruned.is_empty() { "." } else { ":\n" }
    );
    for archive in &view.pruned {
        let why = archive
            .next_prune_why
            .as_ref()
            .map_or_else(String::new, |why| format!(" ({})", plain(why)));
        let _ = writeln!(text, "- {}{why}", plain(base(archive.name())));
    }
}

fn others(text: &mut String, view: &View<'_>) {
    if view.others.is_empty() {
        return;
    }
    heading(text, "Dumps and other files");
    for file in &view.others {
        let _ = writeln!(
            text,
            "- **{}** {} ({})",
            words(file.verdict),
            plain(file.name()),
            size(file.size)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_means_anything() {
        for (name, written) in [
            ("a|b", "a\\|b"),
            ("<script>", "\\<script\\>"),
            ("[x](http://evil)", "\\[x\\](http:\\//evil)"),
            ("www.evil.example", "www\\.evil.example"),
            ("- item", "\\- item"),
            ("1. item", "1\\. item"),
            ("12.3 s", "12.3 s"),
            ("a\n# b", "a\\\\u{a}\\# b"),
            ("`x`", "\\`x\\`"),
            ("&lt;", "\\&lt;"),
        ] {
            assert_eq!(plain(name), written);
        }
    }
}
