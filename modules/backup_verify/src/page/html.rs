//! The page as one HTML file that needs nothing else.
//!
//! maud escapes every text that is put in; nothing but the style sheet goes in as it is. A browser
//! is told to load nothing and to run nothing (`Content-Security-Policy`).

mod guests;
mod matrix;
mod rest;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::headline::Tone;
use super::view::View;
use super::words::shown;

const STYLE: &str = include_str!("html/style.css");

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
pub(crate) fn page(view: &View<'_>) -> String {
    let title = format!("Backups: {}", view.headline.title);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(view))
                main {
                    (matrix::section(view))
                    (rest::unknown(view))
                    (rest::damaged(view))
                    (rest::missing_disks(view))
                    (guests::section(view))
                    (rest::pruned(view))
                    (rest::others(view))
                    (rest::warnings(view))
                }
                (footer(view))
            }
        }
    };
    markup.into_string()
}

fn header(view: &View<'_>) -> Markup {
    let (class, symbol, word) = match view.headline.tone {
        Tone::Good => ("good", "✓", "Good"),
        Tone::Unsure => ("unsure", "?", "Not sure"),
        Tone::Bad => ("bad", "✗", "Bad"),
    };
    html! {
        header class=(class) {
            p.over { "Backups" @if let Some(node) = &view.made.node { " on " bdi { (shown(node)) } } }
            h1 {
                span.sign aria-hidden="true" { (symbol) }
                span.vh { (word) ": " }
                (view.headline.title)
            }
            @if !view.headline.sentences.is_empty() {
                ul.plain {
                    @for sentence in &view.headline.sentences { li { (sentence) "." } }
                }
            }
            p.made { "Made " (super::words::time(view.made.at, &view.made.zone)) }
        }
    }
}

fn footer(view: &View<'_>) -> Markup {
    html! {
        footer {
            h2 { "This run" }
            dl.facts {
                @for (name, value) in &view.facts {
                    div { dt { (name) } dd { (shown(value)) } }
                }
            }
        }
    }
}

/// A text of ours or of Proxmox VE, in which names stand between backticks.
fn text(text: &str) -> Markup {
    let shown = shown(text);
    let parts: Vec<&str> = shown.split('`').collect();
    // An odd number of backticks: which of them belong together is not known.
    if parts.len().is_multiple_of(2) {
        return html! { bdi { (shown) } };
    }
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 1 { code { bdi { (part) } } } @else { (part) }
        }
    }
}

/// The place of a guest on the page.
fn anchor(id: &str) -> String {
    let plain: String = id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("g-{plain}")
}
