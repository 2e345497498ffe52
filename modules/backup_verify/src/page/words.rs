//! Words for a page: times, sizes, and text of others made harmless to read.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Texts of others longer than this are cut: a page is for people.
const LONGEST: usize = 400;

/// A text from outside. Control characters and those that turn the direction of writing are shown
/// by number, so that no name looks like another one; what is too long is cut.
///
/// This makes it harmless to read, and not to put into HTML or Markdown: the renderers escape.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if is_hidden(character) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The last part of a path or volume.
pub(crate) fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A time as the node's clock shows it.
pub(crate) fn time(seconds: i64, zone: &TimeZone) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "unknown".to_owned(),
        |time| {
            time.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M %Z")
                .to_string()
        },
    )
}

/// A number and its noun.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown_by_number() {
        assert_eq!(
            shown("a\u{202e}b\0\n\u{200b}ü"),
            "a\\u{202e}b\\u{0}\\u{a}\\u{200b}ü"
        );
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn times_and_counts() {
        assert_eq!(time(1_767_322_801, &TimeZone::UTC), "2026-01-02 03:00 UTC");
        assert_eq!(time(i64::MAX, &TimeZone::UTC), "unknown");
        assert_eq!(count(1, "guest", "guests"), "1 guest");
        assert_eq!(count(0, "guest", "guests"), "0 guests");
        assert_eq!(base("local:backup/a"), "a");
        assert_eq!(base("a"), "a");
    }
}
