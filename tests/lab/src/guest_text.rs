//! Configurations of guests as text: what lies in an archive, and what `extractconfig` shows.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::guest::Guest;

/// Which disk of an archive belongs where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiskMap {
    /// `scsi0`
    pub(crate) key: String,
    /// `drive-scsi0`
    pub(crate) device: String,
    pub(crate) storage: String,
    pub(crate) format: String,
}

/// A configuration that was read from text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) maps: Vec<DiskMap>,
    /// Lines `lxc.…`, which only root may bring in.
    pub(crate) raw_lines: Vec<String>,
}

/// The present configuration, without snapshots, lock and what else no archive takes along.
pub(crate) fn print(guest: &Guest) -> String {
    let mut text = String::new();
    if let Some(description) = guest.config.get("description") {
        for line in description.trim_end_matches('\n').split('\n') {
            text.push('#');
            text.push_str(&encode(line));
            text.push('\n');
        }
    }
    for (key, value) in &guest.config {
        if !["description", "lock", "parent"].contains(&key.as_str()) {
            text.extend([key, ": ", value, "\n"]);
        }
    }
    text
}

// Control characters, the percent sign and the colon cannot stand in a comment as they are.
fn encode(line: &str) -> String {
    let mut text = String::new();
    for letter in line.chars() {
        if letter.is_ascii_graphic() && letter != '%' && letter != ':' || letter == ' ' {
            text.push(letter);
        } else {
            let mut bytes = [0; 4];
            let escaped = letter.encode_utf8(&mut bytes).bytes();
            text.extend(escaped.map(|byte| format!("%{byte:02X}")));
        }
    }
    text
}

/// Reads a configuration; sections of snapshots are passed over.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut description = String::new();
    for line in text.lines() {
        if line.starts_with('[') {
            break;
        }
        if let Some(map) = line.strip_prefix("#qmdump#map:") {
            let mut parts = map.split(':').map(str::to_owned);
            let mut next = || parts.next().unwrap_or_default();
            parsed.maps.push(DiskMap {
                key: next(),
                device: next(),
                storage: next(),
                format: next(),
            });
        } else if let Some(comment) = line.strip_prefix('#') {
            description.push_str(&percent_decode_str(comment).decode_utf8_lossy());
            description.push('\n');
        } else if line.starts_with("lxc.") {
            parsed.raw_lines.push(line.to_owned());
        } else if let Some((key, value)) = line.split_once(':') {
            parsed
                .config
                .insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    if !description.is_empty() {
        parsed.config.insert("description".to_owned(), description);
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::GuestKind;

    #[test]
    fn what_was_printed_is_parsed_again() {
        let config: BTreeMap<String, String> = [
            ("description", "a: 50%\nzweite Zeile ü\n"),
            ("memory", "64"),
            ("lock", "backup"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let guest = Guest::new(GuestKind::Lxc, config.clone());
        let text = print(&guest);
        assert_eq!(text, "#a%3A 50%25\n#zweite Zeile %C3%BC\nmemory: 64\n");
        let mut again = parse(&text).config;
        again.insert("lock".to_owned(), "backup".to_owned());
        assert_eq!(again, config);
    }

    #[test]
    fn maps_name_the_disks_of_an_archive() {
        let parsed = parse("name: a\n#qmdump#map:scsi0:drive-scsi0:local:raw:\n[snap]\nname: b\n");
        assert_eq!(parsed.config["name"], "a");
        assert_eq!(parsed.maps[0].device, "drive-scsi0");
        assert_eq!(parsed.maps[0].format, "raw");
    }
}
