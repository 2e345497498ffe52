//! The template of notes that a job writes beside its archives.

use regex_lite::Regex;

const VARIABLES: [&str; 4] = ["cluster", "guestname", "node", "vmid"];

/// Checks a template.
///
/// # Errors
/// PVE's list of what it does not know.
pub(crate) fn check_notes_template(template: &str) -> Result<(), String> {
    if template.contains('\n') {
        return Err("contains a line feed".to_owned());
    }
    let mut problems = Vec::new();
    for (name, at) in found(template, r"\\(.)") {
        if name != "n" && name != "\\" {
            problems.push(format!(
                "escape sequence '\\{name}' at char {}",
                at.saturating_sub(1)
            ));
        }
    }
    for (name, at) in found(template, r"\{\{([^\s{}]+)\}\}") {
        if !VARIABLES.contains(&name) {
            // PVE counts back from the end of the braces.
            problems.push(format!("variable '{name}' at char {}", at + 2));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("found unknown: {}", problems.join(", ")))
    }
}

fn found<'text>(text: &'text str, pattern: &str) -> Vec<(&'text str, usize)> {
    let Ok(regex) = Regex::new(pattern) else {
        return Vec::new();
    };
    regex
        .captures_iter(text)
        .filter_map(|captures| captures.get(1))
        .map(|group| {
            let before = text.get(..group.start()).unwrap_or_default();
            (group.as_str(), before.chars().count())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_variables_are_named_with_their_place() {
        assert!(check_notes_template("{{guestname}} {{node}}\\n{{vmid}} {{cluster}}").is_ok());
        assert_eq!(
            check_notes_template("{{foo}}").unwrap_err(),
            "found unknown: variable 'foo' at char 4"
        );
        assert_eq!(
            check_notes_template("a {{foo}}").unwrap_err(),
            "found unknown: variable 'foo' at char 6"
        );
        assert_eq!(
            check_notes_template("a\nb").unwrap_err(),
            "contains a line feed"
        );
        assert_eq!(
            check_notes_template("a\\tb").unwrap_err(),
            "found unknown: escape sequence '\\t' at char 1"
        );
    }
}
