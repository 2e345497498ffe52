//! The template of an archive's notes.

use module_kit::Failure;

/// What Proxmox VE fills in.
const VARIABLES: [&str; 4] = ["cluster", "guestname", "node", "vmid"];

/// A template as the node stores it: one line, line breaks written `\n`.
///
/// The node trims it, and refuses unknown variables and escapes; `{{ vmid }}` with blanks it would
/// store and never fill in.
pub(crate) fn stored(text: &str) -> Result<String, Failure> {
    let text = text.trim().replace("\r\n", "\n");
    check_variables(&text)?;
    check_escapes(&text)?;
    let stored = text.replace('\n', "\\n");
    if stored.contains(char::is_control) {
        return Err(Failure::usage(
            "notes_template: it has a control character other than a line break",
        ));
    }
    let length = stored.chars().count();
    if length > 1024 {
        return Err(Failure::usage(format!(
            "notes_template: it has {length} characters, with line breaks as `\\n`; Proxmox VE takes 1024 at the most"
        )));
    }
    Ok(stored)
}

fn check_variables(text: &str) -> Result<(), Failure> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((variable, tail)) = after.split_once("}}") else {
            return Err(Failure::usage("notes_template: `{{` has no `}}`"));
        };
        if !VARIABLES.contains(&variable) {
            return Err(Failure::usage(format!(
                "notes_template: `{{{{{variable}}}}}` is no variable of Proxmox VE"
            ))
            .hint(format!(
                "It knows {}.",
                VARIABLES.map(|name| format!("`{{{{{name}}}}}`")).join(", ")
            )));
        }
        rest = tail;
    }
    Ok(())
}

fn check_escapes(text: &str) -> Result<(), Failure> {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            continue;
        }
        match characters.next() {
            Some('n' | '\\') => {}
            other => {
                let shown =
                    other.map_or_else(String::new, |other| other.escape_debug().to_string());
                return Err(Failure::usage(format!(
                    "notes_template: `\\{shown}` is no escape of Proxmox VE"
                ))
                .hint("Write `\\\\` for a backslash and `\\n` for a line break."));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let failure = stored(text).unwrap_err();
        assert_eq!(failure.exit, module_kit::Exit::Usage);
        assert!(failure.message.starts_with("notes_template: "), "{failure}");
        failure.to_string()
    }

    #[test]
    fn line_breaks_are_escaped_and_the_ends_trimmed() {
        assert_eq!(
            stored(" {{guestname}} on {{node}}\r\nsecond\n").unwrap(),
            "{{guestname}} on {{node}}\\nsecond"
        );
        assert_eq!(stored(r"a\nb\\c").unwrap(), r"a\nb\\c");
        assert_eq!(stored("").unwrap(), "");
    }

    #[test]
    fn what_the_node_would_not_fill_in_is_refused() {
        assert!(refusal("{{foo}}").contains("`{{foo}}` is no variable"));
        assert!(refusal("{{ vmid }}").contains("`{{ vmid }}` is no variable"));
        assert!(refusal("{{foo}}").contains("`{{vmid}}`"));
        assert!(refusal("{{vmid").contains("has no `}}`"));
    }

    #[test]
    fn other_escapes_are_refused() {
        assert!(refusal(r"C:\temp").contains(r"`\t` is no escape"));
        assert!(refusal("end\\").contains(r"`\` is no escape"));
    }

    #[test]
    fn the_length_counts_as_stored() {
        assert!(stored(&"ä".repeat(1024)).is_ok());
        assert!(refusal(&"ä".repeat(1025)).contains("1025"));
        assert!(refusal(&format!("{}\n{}", "a".repeat(1022), "b")).contains("1025"));
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(refusal("a\u{7}b").contains("control character"));
    }
}
