//! The command line of `systemctl`.

use std::collections::BTreeSet;

/// Options without a value: the long name and the letter.
const FLAGS: [(&str, &str); 19] = [
    ("--all", "-a"),
    ("--force", "-f"),
    ("--full", "-l"),
    ("--global", ""),
    ("--no-ask-password", ""),
    ("--no-block", ""),
    ("--no-legend", ""),
    ("--no-pager", ""),
    ("--no-reload", ""),
    ("--no-wall", ""),
    ("--no-warn", ""),
    ("--now", ""),
    ("--plain", ""),
    ("--quiet", "-q"),
    ("--runtime", ""),
    ("--system", ""),
    ("--value", ""),
    ("--version", ""),
    ("--wait", ""),
];

/// Options with a value.
const VALUES: [(&str, &str); 6] = [
    ("--job-mode", ""),
    ("--lines", "-n"),
    ("--output", "-o"),
    ("--property", "-p"),
    ("--state", ""),
    ("--type", "-t"),
];

/// What `systemctl` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// Empty when there is none.
    pub(super) verb: String,
    pub(super) names: Vec<String>,
    flags: BTreeSet<&'static str>,
    values: Vec<(&'static str, String)>,
}

impl Arguments {
    /// Reads the words; options may stand anywhere.
    ///
    /// # Errors
    /// The text for an option that is not known or lacks its value.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut words = words.iter();
        let mut plain = Vec::new();
        while let Some(word) = words.next() {
            if word == "--" {
                plain.extend(words.by_ref().cloned());
            } else if word.len() < 2 || !word.starts_with('-') {
                plain.push(word.clone());
            } else if word == "--user" {
                return Err("Failed to connect to bus: No medium found".to_owned());
            } else {
                parsed.option(word, &mut words)?;
            }
        }
        let mut plain = plain.into_iter();
        parsed.verb = plain.next().unwrap_or_default();
        parsed.names = plain.collect();
        Ok(parsed)
    }

    fn option<'a>(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let is = |names: &(&str, &str)| names.0 == word || names.1 == word;
        if let Some((name, _)) = FLAGS.iter().find(|names| is(names)) {
            self.flags.insert(name);
            return Ok(());
        }
        if let Some((name, _)) = VALUES.iter().find(|names| is(names)) {
            let value = rest
                .next()
                .ok_or_else(|| format!("systemctl: option '{word}' requires an argument"))?;
            self.values.push((name, value.clone()));
            return Ok(());
        }
        // --property=Id and -pId.
        let joined = VALUES.iter().find_map(|(name, letter)| {
            let long = word
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='));
            let short = (!letter.is_empty()).then(|| word.strip_prefix(letter));
            Some((*name, long.or(short.flatten())?.to_owned()))
        });
        let joined = joined.ok_or_else(|| format!("systemctl: unrecognized option '{word}'"))?;
        self.values.push(joined);
        Ok(())
    }

    /// Whether a flag was given, by its long name.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }

    /// The values of an option, also those separated by commas.
    pub(super) fn values(&self, option: &str) -> Vec<&str> {
        self.values
            .iter()
            .filter(|(name, _)| *name == option)
            .flat_map(|(_, value)| value.split(','))
            .collect()
    }

    /// The names with the suffix that they mean.
    pub(super) fn units(&self) -> Vec<String> {
        self.names.iter().map(|name| unit_name(name)).collect()
    }
}

/// A name as `systemctl` completes it.
pub(super) fn unit_name(name: &str) -> String {
    const KINDS: [&str; 9] = [
        ".service", ".timer", ".socket", ".target", ".path", ".mount", ".slice", ".scope", ".swap",
    ];
    if KINDS.iter().any(|kind| name.ends_with(kind)) {
        name.to_owned()
    } else {
        format!("{name}.service")
    }
}
