//! What a run of vzdump is asked for.

use crate::format::codec::Codec;
use crate::parameters::{Parameter, Parameters, split_list};
use crate::prune::Keep;
use crate::refusal::Refusal;
use crate::schema::{Schema, property_string};

/// The options of one run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// In order of their numbers.
    pub(crate) vmids: Vec<u32>,
    pub(crate) all: bool,
    pub(crate) storage: String,
    pub(crate) dumpdir: Option<String>,
    pub(crate) codec: Codec,
    pub(crate) mode: String,
    pub(crate) protected: bool,
    pub(crate) remove: bool,
    pub(crate) standard_excludes: bool,
    pub(crate) ionice: i64,
    pub(crate) bwlimit: i64,
    /// How many minutes it waits for another job.
    pub(crate) lockwait: u64,
    pub(crate) keep: Option<String>,
    notes_template: Option<String>,
    /// As they came, for the first line of the log.
    given: Vec<(String, String)>,
}

/// How many minutes a job waits for another when it says nothing about it.
const LOCK_WAIT: u64 = 180;

impl Options {
    /// From the parameters of a request, for these guests.
    pub(crate) fn new(parameters: &Parameters, vmids: Vec<u32>) -> Self {
        let text = |name: &str| parameters.text(name).map(str::to_owned);
        let flag = |name: &str, default: bool| parameters.flag(name).unwrap_or(default);
        let mut given = Vec::new();
        for (name, value) in parameters.iter() {
            match value {
                _ if name == "vmid" || name == "node" => {}
                Parameter::Text(value) => given.push((name.to_owned(), value.clone())),
                Parameter::List(values) => {
                    let pairs = values.iter();
                    given.extend(pairs.map(|value| (name.to_owned(), value.clone())));
                }
                _ => {}
            }
        }
        let keep = text("prune-backups")
            .or_else(|| text("maxfiles").map(|count| format!("keep-last={count}")));
        Self {
            vmids,
            all: flag("all", false) || parameters.contains("exclude"),
            storage: text("storage").unwrap_or_else(|| "local".to_owned()),
            dumpdir: text("dumpdir"),
            codec: Codec::of_parameter(parameters.text("compress").unwrap_or("0")),
            mode: text("mode").unwrap_or_else(|| "snapshot".to_owned()),
            protected: flag("protected", false),
            remove: flag("remove", true),
            standard_excludes: flag("stdexcludes", true),
            ionice: parameters.integer("ionice").unwrap_or(7),
            bwlimit: parameters.integer("bwlimit").unwrap_or(0),
            lockwait: parameters
                .integer("lockwait")
                .and_then(|minutes| u64::try_from(minutes).ok())
                .unwrap_or(LOCK_WAIT),
            keep,
            notes_template: text("notes-template"),
            given,
        }
    }

    /// The options as they would be typed.
    pub(crate) fn command_line(&self, node: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        let named = self
            .given
            .iter()
            .any(|(name, _)| name == "all" || name == "exclude" || name == "pool");
        if !named {
            words.extend(self.vmids.iter().map(ToString::to_string));
        }
        for (name, value) in &self.given {
            words.push(format!("--{name}"));
            words.push(quoted(value));
        }
        words.push(format!("--node {node}"));
        words.join(" ")
    }

    /// The notes of a guest's backup.
    pub(crate) fn notes(&self, guest: &str, vmid: u32, node: &str) -> Option<String> {
        let template = self
            .notes_template
            .as_ref()
            .filter(|text| !text.is_empty())?;
        let filled = template
            .replace("\\\\", "\0")
            .replace("\\n", "\n")
            .replace('\0', "\\")
            .replace("{{cluster}}", "standalone node")
            .replace("{{guestname}}", guest)
            .replace("{{node}}", node)
            .replace("{{vmid}}", &vmid.to_string());
        Some(filled)
    }
}

// As a shell would need it.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_!%+,-./:@^".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Reads a retention setting.
pub(crate) fn read_keep(schema: &Schema, text: &str) -> Result<Keep, Refusal> {
    let unknown = || Refusal::failure("the schema has no retention");
    let keys = schema
        .property_string("prune-backups")
        .ok_or_else(unknown)?;
    let values =
        property_string::parse(schema, keys, text, "prune-backups").map_err(Refusal::failure)?;
    Ok(Keep::from_values(
        values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

/// A retention setting with its keys in order, as logs write it.
pub(crate) fn sorted_keep(text: &str) -> String {
    let mut parts: Vec<&str> = split_list(text).collect();
    parts.sort_unstable();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_filled_in() {
        let mut parameters = Parameters::default();
        let template = "{{guestname}} on {{node}} id {{vmid}} {{cluster}}\\nzwei \\\\n";
        parameters.append("notes-template", template.to_owned());
        let options = Options::new(&parameters, vec![300]);
        assert_eq!(
            options.notes("ct300", 300, "pve1").as_deref(),
            Some("ct300 on pve1 id 300 standalone node\nzwei \\n")
        );
    }

    #[test]
    fn the_command_line_is_quoted() {
        let mut parameters = Parameters::default();
        parameters.append("vmid", "300".to_owned());
        parameters.append("prune-backups", "keep-last=1".to_owned());
        let options = Options::new(&parameters, vec![300]);
        assert_eq!(
            options.command_line("pve1"),
            "300 --prune-backups 'keep-last=1' --node pve1"
        );
    }
}
