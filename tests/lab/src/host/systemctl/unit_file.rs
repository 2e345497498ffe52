//! Unit files: sections of `Key=value` lines, later ones adding to earlier ones.

/// What stands in a unit file and its drop-ins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitFile {
    /// Section, key, value, in their order.
    entries: Vec<(String, String, String)>,
}

impl UnitFile {
    /// Reads one file after what was read before.
    pub(super) fn add(&mut self, text: &str) {
        let mut section = String::new();
        let mut joined = String::new();
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with('#') || line.starts_with(';') {
                continue;
            }
            if let Some(begun) = line.strip_suffix('\\') {
                joined.push_str(begun);
                joined.push(' ');
                continue;
            }
            joined.push_str(line);
            let whole = std::mem::take(&mut joined);
            let name = whole
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            if let Some(name) = name {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = whole.split_once('=') {
                self.set(&section, key.trim(), value.trim());
            }
        }
    }

    fn set(&mut self, section: &str, key: &str, value: &str) {
        // An empty value takes back what was said before.
        if value.is_empty() {
            self.entries
                .retain(|entry| entry.0 != section || entry.1 != key);
        } else {
            let entry = (section.to_owned(), key.to_owned(), value.to_owned());
            self.entries.push(entry);
        }
    }

    /// All values of a key.
    pub(super) fn all(&self, section: &str, key: &str) -> Vec<&str> {
        self.entries
            .iter()
            .filter(|entry| entry.0 == section && entry.1 == key)
            .map(|entry| entry.2.as_str())
            .collect()
    }

    /// The last value of a key.
    pub(super) fn last(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).pop()
    }

    /// The words of all values of a key.
    pub(super) fn words(&self, section: &str, key: &str) -> Vec<&str> {
        let values = self.all(section, key);
        values.into_iter().flat_map(str::split_whitespace).collect()
    }

    /// Whether there is such a section with something in it.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.entries.iter().any(|entry| entry.0 == section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_add_and_empty_values_take_back() {
        let mut unit = UnitFile::default();
        unit.add("[Service]\n# a comment\nType=oneshot\nExecStart=/bin/a \\\n  b\n");
        unit.add(
            "[Service]\nExecStart=\nExecStart=/bin/c\n[Install]\nWantedBy=a.target b.target\n",
        );
        assert_eq!(unit.all("Service", "ExecStart"), ["/bin/c"]);
        assert_eq!(unit.last("Service", "Type"), Some("oneshot"));
        assert_eq!(unit.words("Install", "WantedBy"), ["a.target", "b.target"]);
        assert!(unit.has_section("Install"));
        assert!(!unit.has_section("Unit"));
    }

    #[test]
    fn a_line_goes_on_after_a_backslash() {
        let mut unit = UnitFile::default();
        unit.add("[Service]\nExecStart=/bin/a \\\n  b\n");
        assert_eq!(unit.words("Service", "ExecStart"), ["/bin/a", "b"]);
    }
}
