//! Guests × days as a table.

use jiff::civil::{Date, Weekday};
use maud::{Markup, html};

use super::{anchor, shown};
use crate::page::matrix::{Cell, Kind, MOST_DAYS, Row};
use crate::page::view::View;
use crate::page::words::base;

/// The class of a kind in the style sheet.
pub(super) const fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Sound => "k-sound",
        Kind::Warn => "k-warn",
        Kind::Mixed => "k-mixed",
        Kind::Damaged => "k-damaged",
        Kind::Unread => "k-unread",
        Kind::Running => "k-running",
        Kind::Hole => "k-hole",
        Kind::Unknown => "k-unknown",
        Kind::None => "k-none",
    }
}

pub(super) fn section(view: &View<'_>) -> Markup {
    let matrix = &view.matrix;
    let has_older = matrix.rows.iter().any(|row| row.older > 0);
    html! {
        section aria-labelledby="matrix" {
            h2 #matrix { "Guests and days" }
            @if matrix.rows.is_empty() {
                p { "No guest and no archive of one can be seen." }
            } @else {
                // Reached by the keyboard, because it scrolls.
                div.scroll tabindex="0" role="region" aria-labelledby="matrix" {
                    table.matrix {
                        thead {
                            tr {
                                th.corner rowspan="2" scope="col" { "Guest" }
                                @for (name, days) in months(&matrix.days) {
                                    th.month colspan=(days) scope="colgroup" { (name) }
                                }
                                @if has_older { th.older rowspan="2" scope="col" { "Older" } }
                            }
                            tr {
                                @for day in &matrix.days {
                                    th.day.monday[day.weekday() == Weekday::Monday] scope="col" {
                                        (day.day())
                                    }
                                }
                            }
                        }
                        tbody { @for row in &matrix.rows { (line(row, &matrix.days)) } }
                    }
                }
                (legend(view))
            }
        }
    }
}

/// The months of the days, each with its number of days.
fn months(days: &[Date]) -> Vec<(String, usize)> {
    let mut months: Vec<(String, usize)> = Vec::new();
    for day in days {
        let name = day.strftime("%b %Y").to_string();
        match months.last_mut() {
            Some((last, count)) if *last == name => *count = count.saturating_add(1),
            _ => months.push((name, 1)),
        }
    }
    // A narrow one has no room for the year.
    for (name, count) in &mut months {
        if *count < 4 {
            name.truncate(if *count < 2 { 0 } else { 3 });
        }
    }
    months
}

fn line(row: &Row<'_>, days: &[Date]) -> Markup {
    let name = row.guest.and_then(|guest| guest.name.as_deref());
    html! {
        tr {
            th.guest scope="row" {
                a href={ "#" (anchor(&row.id)) } {
                    @if let Some(guest) = row.guest { (super::guests::dot(guest.state)) }
                    span.id { (row.id) }
                    " "
                    bdi.name { (shown(name.unwrap_or_default())) }
                }
            }
            @for (cell, day) in row.cells.iter().zip(days) { (square(row, cell, *day)) }
            @if row.older > 0 { td.older { (row.older) } }
        }
    }
}

fn square(row: &Row<'_>, cell: &Cell<'_>, day: Date) -> Markup {
    let kind = cell.kind;
    let title = title(cell, day);
    html! {
        td class=(class(kind)) title=(title) {
            @match kind {
                Kind::None | Kind::Sound => {
                    span aria-hidden="true" { (kind.symbol()) }
                    span.vh { (word(kind)) }
                },
                // A finger gets from here to the archives of the guest; the keyboard by its name.
                _ => a href={ "#" (anchor(&row.id)) } tabindex="-1" {
                    span aria-hidden="true" { (kind.symbol()) }
                    span.vh { (word(kind)) }
                },
            }
        }
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Sound => "sound",
        Kind::Warn => "remark",
        Kind::Mixed => "mixed",
        Kind::Damaged => "damaged",
        Kind::Unread => "not read",
        Kind::Running => "running",
        Kind::Hole => "missing",
        Kind::Unknown => "not known",
        Kind::None => "none",
    }
}

fn title(cell: &Cell<'_>, day: Date) -> String {
    let mut title = format!("{day}: {}", cell.kind.meaning());
    for archive in cell.archives.iter().take(4) {
        title.push('\n');
        title.push_str(archive.verdict.as_str());
        title.push(' ');
        title.push_str(&shown(base(archive.name())));
    }
    title
}

fn legend(view: &View<'_>) -> Markup {
    let used = |kind: Kind| {
        let cells = view.matrix.rows.iter().flat_map(|row| &row.cells);
        cells.into_iter().any(|cell| cell.kind == kind)
    };
    html! {
        ul.legend {
            @for kind in Kind::ALL.into_iter().filter(|kind| used(*kind)) {
                li {
                    span.square.(class(kind)) aria-hidden="true" { (kind.symbol()) }
                    (kind.meaning())
                }
            }
        }
        p.note {
            "Today is on the left; at most " (MOST_DAYS) " days are shown. "
            "A guest leads to its archives."
        }
    }
}
