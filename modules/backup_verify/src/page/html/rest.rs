//! What is wrong, what is not known, and what happens next.

use maud::{Markup, html};

use super::{anchor, shown, text};
use crate::page::matrix;
use crate::page::view::View;
use crate::page::words::{base, count};
use crate::reading::size;
use crate::report::ArchiveResult;

pub(super) fn unknown(view: &View<'_>) -> Markup {
    if view.unknown.is_empty() && view.unread.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="unknown" {
            h2 #unknown { "What is not known" }
            ul {
                @for unknown in view.unknown { li { (text(unknown)) } }
                @for (place, number) in &view.unread {
                    li { (count(*number, "archive was not read", "archives were not read")) ": " (text(place)) }
                }
            }
        }
    }
}

pub(super) fn damaged(view: &View<'_>) -> Markup {
    if view.damaged.is_empty() && view.remarked.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="damaged" {
            h2 #damaged { "Archives with damage or remarks" }
            div.cards {
                @for archive in view.damaged.iter().chain(&view.remarked) { (finding(view, archive)) }
            }
        }
    }
}

fn finding(view: &View<'_>, archive: &ArchiveResult) -> Markup {
    let of = matrix::id(archive);
    let row = of.filter(|id| view.matrix.rows.iter().any(|row| row.id == *id));
    html! {
        article {
            h3 { (super::guests::verdict(archive.verdict)) " " bdi.file { (shown(base(archive.name()))) } }
            p.note {
                @if let Some(id) = row { a href={ "#" (anchor(&id)) } { (id) } " · " }
                (size(archive.size)) " · " bdi { (shown(archive.name())) }
            }
            ul.reasons {
                @for reason in &archive.reasons {
                    li {
                        (text(&reason.reason.to_string()))
                        @if let Some(disk) = &reason.reason.disk { " " span.tag { bdi { (shown(disk)) } } }
                        @if !reason.reason.restore.is_empty() {
                            br; span.note { "A restore: " (text(&reason.reason.restore)) }
                        }
                    }
                }
                @if archive.reasons_left_out > 0 { li { "and " (archive.reasons_left_out) " more" } }
            }
            @if crate::page::view::is_bad(archive.verdict) {
                p.older-sound {
                    @match &archive.older_sound {
                        Some(older) => { "Older and sound: " bdi.file { (shown(older)) } },
                        None => strong { "No older archive of it is known to be sound." },
                    }
                }
            }
        }
    }
}

pub(super) fn missing_disks(view: &View<'_>) -> Markup {
    if view.missing_disks.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="disks" {
            h2 #disks { "Disks that are in no backup" }
            div.scroll {
                table.list {
                    thead { tr {
                        th scope="col" { "Guest" } th scope="col" { "Disk" }
                        th scope="col" { "Volume" } th scope="col" { "Why" }
                    } }
                    tbody {
                        @for missing in &view.missing_disks {
                            tr {
                                td { (guest(&missing.guest.kind, missing.guest.vmid, missing.guest.name.as_deref())) }
                                td { bdi.file { (shown(&missing.disk.key)) } }
                                td { bdi.file { (shown(missing.disk.volume.as_deref().unwrap_or("none"))) } }
                                td { (text(&missing.disk.why)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn guest(kind: &str, vmid: u32, name: Option<&str>) -> Markup {
    let id = format!("{kind}/{vmid}");
    html! {
        a href={ "#" (anchor(&id)) } { span.id { (id) } " " bdi { (shown(name.unwrap_or_default())) } }
    }
}

pub(super) fn pruned(view: &View<'_>) -> Markup {
    if view.pruned.is_empty() && view.kept == 0 {
        return Markup::default();
    }
    html! {
        section aria-labelledby="prune" {
            h2 #prune { "The next prune" }
            p {
                "It keeps " (count(view.kept, "archive", "archives"))
                " and removes " (count(view.pruned.len(), "archive", "archives"))
                @if view.pruned.is_empty() { "." } @else { ":" }
            }
            @if !view.pruned.is_empty() {
                details open[view.pruned.len() <= 12] {
                    summary { "What it removes" }
                    ul {
                        @for archive in &view.pruned {
                            li {
                                bdi.file { (shown(base(archive.name()))) }
                                @if let Some(why) = &archive.next_prune_why { " " span.note { (text(why)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn others(view: &View<'_>) -> Markup {
    if view.others.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="others" {
            h2 #others { "Dumps and other files" }
            ul {
                @for file in &view.others {
                    li { (super::guests::verdict(file.verdict)) " " bdi.file { (shown(file.name())) } " " span.note { (size(file.size)) } }
                }
            }
        }
    }
}

pub(super) fn warnings(view: &View<'_>) -> Markup {
    if view.warnings.is_empty() {
        return Markup::default();
    }
    html! {
        section aria-labelledby="warnings" {
            h2 #warnings { "Warnings" }
            ul { @for warning in view.warnings { li { (text(warning)) } } }
        }
    }
}
