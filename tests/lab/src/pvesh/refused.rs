//! Errors of `pvesh`: a text on standard error, and a code that means nothing.

use crate::refusal::Refusal;
use crate::schema::Endpoint;

/// The code of most errors.
const USUAL: u8 = 255;

/// What `pvesh` ends with: a text for standard error and a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) text: String,
    pub(super) code: u8,
}

impl Refused {
    /// This text, and the code that a real node gave with it.
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            code: code(&text),
            text,
        }
    }

    /// A line that cannot be understood: with the usage of the command.
    pub(super) fn usage(text: &str, usage: &str) -> Self {
        Self::new(format!("{text}\n{usage}\n"))
    }

    /// A path that has no such method.
    pub(super) fn no_handler(verb: &str, path: &str) -> Self {
        Self {
            text: format!("No '{verb}' handler defined for '{path}'\n"),
            code: 1,
        }
    }

    /// What the API refused.
    pub(super) fn by_api(refusal: &Refusal, usage: &str) -> Self {
        if refusal.status() == 400 && !refusal.errors().is_empty() {
            let mut text = format!("400 {}\n", refusal.reason());
            for (name, error) in refusal.errors() {
                text = format!("{text}{name}: {error}\n");
            }
            return Self::new(format!("{text}{usage}\n"));
        }
        let message = refusal.message();
        let line_end = if message.ends_with('\n') { "" } else { "\n" };
        let status = match refusal.status() {
            500 => String::new(),
            status => format!("{status} "),
        };
        Self::new(format!("{status}{message}{line_end}"))
    }
}

/// PVE lets the last error of the system leak: what it looked for in vain last.
fn code(text: &str) -> u8 {
    const ABSENT: [&str; 5] = [
        "Configuration file '",
        "volume '",
        "failed to stat '",
        "400 Parameter verification failed.\nupid: no such task",
        "VM ",
    ];
    if text.trim_end().ends_with("failed: File exists") {
        return 17;
    }
    let absent = ABSENT.iter().any(|beginning| text.starts_with(beginning));
    let told = text.contains("does not exist")
        || text.contains("no such task")
        || text.starts_with("failed to stat")
        || text.contains(" is not running")
        || text.contains("already exists on node");
    if absent && told { 2 } else { USUAL }
}

/// `pvesh create <api_path> --vmid <integer> [OPTIONS] [FORMAT_OPTIONS]`: what must be given stands
/// in it.
pub(super) fn usage(verb: &str, endpoint: Option<(&Endpoint, &[(String, String)])>) -> String {
    let required = endpoint.map_or_else(String::new, |(endpoint, in_path)| {
        required_options(endpoint, in_path)
    });
    format!("pvesh {verb} <api_path> {required}[OPTIONS] [FORMAT_OPTIONS]")
}

/// The options that must be given, each with a blank behind it.
pub(super) fn required_options(endpoint: &Endpoint, in_path: &[(String, String)]) -> String {
    let options = endpoint
        .properties()
        .iter()
        .filter(|(name, property)| {
            !property.is_optional()
                && !name.ends_with(']')
                && !in_path.iter().any(|(given, _)| given == *name)
        })
        .map(|(name, property)| {
            let kind = match &property.values {
                Some(values) => values.join(" | "),
                None => property.kind.clone().unwrap_or_else(|| "string".to_owned()),
            };
            format!("--{name} <{kind}> ")
        });
    options.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_as_they_were_recorded() {
        for (text, expected) in [
            (
                "Configuration file 'nodes/pve1/lxc/999.conf' does not exist\n",
                2,
            ),
            ("volume 'backups:backup/x.vma' does not exist\n", 2),
            ("VM 110 is not running\n", 2),
            ("VM 110 already exists on node 'pve1'\n", 2),
            ("CT 460 already exists on node 'pve1'\n", 255),
            ("storage 'nope' does not exist\n", 255),
            ("Job 'rec1' already exists\n", 255),
            (
                "unable to restore VM 300 - close (rename) atomic file '/x' failed: File exists\n",
                17,
            ),
        ] {
            assert_eq!(Refused::new(text).code, expected, "{text}");
        }
    }

    #[test]
    fn only_errors_of_parameters_end_with_the_usage() {
        let usage = usage("get", None);
        let refused = Refused::by_api(&Refusal::parameter("id", "No such job 'x'"), &usage);
        assert_eq!(
            refused.text,
            "400 Parameter verification failed.\nid: No such job 'x'\n\
             pvesh get <api_path> [OPTIONS] [FORMAT_OPTIONS]\n"
        );
        let refused = Refused::by_api(
            &Refusal::parameter_in_lock("vmid", "property is missing"),
            &usage,
        );
        assert_eq!(
            refused.text,
            "400 Parameter verification failed.\nvmid: property is missing\n"
        );
        let refused = Refused::by_api(&Refusal::forbidden("/, Sys.Audit"), &usage);
        assert_eq!(refused.text, "403 Permission check failed (/, Sys.Audit)\n");
    }
}
