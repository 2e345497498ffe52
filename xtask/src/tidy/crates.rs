//! Rules on crates and versions.

use super::Source;
use crate::workspace::VERSION;

/// Checks every Cargo.toml, and that the collection has the crates' version.
pub(super) fn check(sources: &[Source], breaches: &mut Vec<String>) {
    for source in sources {
        let Some(text) = &source.text else { continue };
        // A workspace of its own, such as that of the fuzzer, has nothing to inherit.
        if source.name.ends_with("/Cargo.toml") && !text.lines().any(|line| line == "[workspace]") {
            check_manifest(&source.name, text, breaches);
        }
        if source.name == "collection/galaxy.yml" {
            let line = format!("version: {VERSION}");
            if !text.lines().any(|found| found == line) {
                breaches.push(format!("{}: has not the crates' `{line}`", source.name));
            }
        }
    }
}

fn check_manifest(name: &str, text: &str, breaches: &mut Vec<String>) {
    let inherits = |section: &str, line: &str| {
        let section = text
            .split_once(&format!("[{section}]\n"))
            .map_or("", |(_, rest)| rest);
        section
            .lines()
            .take_while(|found| !found.starts_with('['))
            .any(|found| found.trim() == line)
    };
    if !inherits("lints", "workspace = true") {
        breaches.push(format!("{name}: lacks `[lints] workspace = true`"));
    }
    for line in [
        "version.workspace = true",
        "license.workspace = true",
        "publish.workspace = true",
    ] {
        if !inherits("package", line) {
            breaches.push(format!("{name}: lacks `{line}`"));
        }
    }
    let mut dependencies = false;
    for line in text.lines() {
        if line.starts_with('[') {
            dependencies = line.ends_with("dependencies]");
        } else if dependencies && line.contains('=') && !line.contains("workspace = true") {
            breaches.push(format!(
                "{name}: `{line}`: versions stand in the workspace's Cargo.toml"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::{VERSION, check};

    fn breaches(name: &str, text: &str) -> Vec<String> {
        let mut breaches = Vec::new();
        check(&[source(name, text)], &mut breaches);
        breaches
    }

    const GOOD: &str = "[package]\nname = \"a\"\nversion.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\nserde.workspace = true\ntar = { workspace = true }\n";

    #[test]
    fn a_crate_that_inherits_all_passes() {
        assert_eq!(breaches("crates/a/Cargo.toml", GOOD), Vec::<String>::new());
    }

    #[test]
    fn a_workspace_of_its_own_has_nothing_to_inherit() {
        let own = "[package]\nname = \"a\"\n\n[workspace]\n\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(breaches("tests/a/Cargo.toml", own), Vec::<String>::new());
        assert_ne!(
            breaches("tests/a/Cargo.toml", &own.replace("[workspace]\n", "")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_a_crate_does_not_inherit_is_named() {
        for line in [
            "workspace = true\n\n",
            "version.workspace = true\n",
            "publish.workspace = true\n",
        ] {
            let found = breaches("crates/a/Cargo.toml", &GOOD.replacen(line, "\n", 1));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
        }
        let own = GOOD.replace("serde.workspace = true", "serde = \"1\"");
        assert!(breaches("crates/a/Cargo.toml", &own)[0].contains("serde = \"1\""));
    }

    #[test]
    fn the_collection_has_the_version_of_the_crates() {
        let good = format!("name: pve\nversion: {VERSION}\n");
        assert_eq!(
            breaches("collection/galaxy.yml", &good),
            Vec::<String>::new()
        );
        assert_eq!(
            breaches("collection/galaxy.yml", "version: 9.9.9\n").len(),
            1
        );
    }
}
