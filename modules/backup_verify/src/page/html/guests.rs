//! A card for each guest: its state and why, its disks, its archives.

use maud::{Markup, html};
use pve_coverage::{GuestCoverage, GuestState, Mark};
use vzdump_archive::Verdict;

use super::{anchor, shown, text};
use crate::page::matrix::{Kind, Row};
use crate::page::view::{View, is_bad};
use crate::page::words::{base, count, time};
use crate::reading::size;
use crate::report::ArchiveResult;

/// The class and the symbol of a state.
const fn look(state: GuestState) -> (&'static str, char) {
    match state {
        GuestState::Protected => ("s-good", '✓'),
        GuestState::Excluded => ("s-none", '–'),
        GuestState::Unverified => ("s-unread", '○'),
        GuestState::Stale => ("s-bad", '!'),
        GuestState::Corrupt | GuestState::Unprotected => ("s-bad", '✗'),
        GuestState::Unknown => ("s-unsure", '?'),
    }
}

/// A small sign for a state.
pub(super) fn dot(state: GuestState) -> Markup {
    let (class, symbol) = look(state);
    html! {
        span.dot.(class) aria-hidden="true" { (symbol) }
        span.vh { (state.as_str()) " " }
    }
}

fn badge(state: GuestState) -> Markup {
    let (class, symbol) = look(state);
    html! { span.badge.(class) { span aria-hidden="true" { (symbol) " " } (state.as_str()) } }
}

pub(super) fn section(view: &View<'_>) -> Markup {
    if view.matrix.rows.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="guests" {
            h2 #guests { "Guests" }
            @if !view.states.is_empty() {
                ul.plain.states {
                    @for (state, count) in &view.states { li { (badge(*state)) " " (count) } }
                }
            }
            div.cards { @for row in &view.matrix.rows { (card(view, row)) } }
        }
    }
}

fn card(view: &View<'_>, row: &Row<'_>) -> Markup {
    let name = row.guest.and_then(|guest| guest.name.as_deref());
    html! {
        article #(anchor(&row.id)) {
            h3 {
                @if let Some(guest) = row.guest { (badge(guest.state)) " " }
                bdi { (shown(name.unwrap_or("no name"))) }
                " "
                span.id { (row.id) }
            }
            @match row.guest {
                Some(guest) => {
                    p { (text(&guest.why)) }
                    (facts(view, guest))
                }
                None if view.states.is_empty() => {}
                None => p { "There are archives of it, and no such guest can be seen." },
            }
            (archives(view, row))
        }
    }
}

fn facts(view: &View<'_>, guest: &GuestCoverage) -> Markup {
    let at = |seconds: i64| time(seconds, &view.made.zone);
    let mut facts: Vec<(&str, String)> = vec![("Node", guest.node.clone())];
    facts.push((
        "Newest archive",
        guest.newest_at.map_or_else(|| "none".to_owned(), at),
    ));
    if let Some(read) = guest.proof_at {
        let by = guest.proof_by.as_deref();
        let by = by.map_or_else(String::new, |by| format!(", by {by}"));
        facts.push(("It was read", format!("{}{by}", at(read))));
    }
    if let Some(sound) = guest
        .newest_sound
        .as_ref()
        .filter(|sound| guest.newest.as_ref() != Some(sound))
    {
        facts.push(("Newest sound archive", base(sound).to_owned()));
    }
    if let Some(hours) = guest.rpo_hours {
        facts.push(("Allowed age", format!("{hours} hours")));
    }
    let jobs: Vec<String> = guest
        .jobs
        .iter()
        .map(|job| format!("{}{}", job.id, if job.enabled { "" } else { " (disabled)" }))
        .collect();
    facts.push((
        "Jobs",
        if jobs.is_empty() {
            "none".to_owned()
        } else {
            jobs.join(", ")
        },
    ));
    if let Some(next) = guest.next_run {
        facts.push(("Next backup", at(next)));
    }
    if let Some(error) = &guest.last_error {
        let when = guest
            .last_backup_at
            .map_or_else(String::new, |last| format!(" ({})", at(last)));
        facts.push(("Last backup failed", format!("{error}{when}")));
    }
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (name) } dd { bdi { (shown(&value)) } } } }
        }
    }
}

fn archives(view: &View<'_>, row: &Row<'_>) -> Markup {
    if row.archives.is_empty() {
        return Markup::default();
    }
    html! {
        details {
            summary { (count(row.archives.len(), "archive", "archives")) }
            div.scroll {
                table.list {
                    thead { tr {
                        th scope="col" { "Archive" }
                        th scope="col" { "Verdict" }
                        th scope="col" { "Size" }
                        th scope="col" { "Next prune" }
                    } }
                    tbody { @for archive in &row.archives { (line(view, archive)) } }
                }
            }
        }
    }
}

fn line(view: &View<'_>, archive: &ArchiveResult) -> Markup {
    html! {
        tr {
            td {
                bdi.file { (shown(base(archive.name()))) }
                @if archive.safety_copy { " " span.tag { "copy before a restore, counts for nothing" } }
                @if archive.protected { " " span.tag { "protected" } }
                @if let Some(notes) = archive.notes.as_deref().filter(|notes| !notes.is_empty()) {
                    br; bdi.note { (shown(notes)) }
                }
            }
            td { (verdict(archive.verdict))
                @if let Some(read) = archive.proof_at { br; span.note { "read " (time(read, &view.made.zone)) } }
            }
            td.number { (size(archive.size)) }
            td {
                @match archive.next_prune {
                    Some(Mark::Remove) => strong { "removes it" },
                    Some(_) => "keeps it",
                    None => {}
                }
                @if let Some(why) = &archive.next_prune_why { br; span.note { (text(why)) } }
            }
        }
    }
}

/// A verdict with its sign.
pub(super) fn verdict(verdict: Verdict) -> Markup {
    let kind = match verdict {
        Verdict::Ok => Kind::Sound,
        Verdict::Warn => Kind::Warn,
        Verdict::InProgress => Kind::Running,
        Verdict::NotVerified => Kind::Unread,
        Verdict::Incomplete | Verdict::Unreadable | Verdict::Corrupt => Kind::Damaged,
    };
    let words = verdict.as_str().replace('_', " ");
    html! {
        span.verdict.strong[is_bad(verdict)] {
            span.square.(super::matrix::class(kind)) aria-hidden="true" { (kind.symbol()) }
            (words)
        }
    }
}
