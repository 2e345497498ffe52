//! Rules on roles: what a reader is told, what is checked and what is set are the same.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::files;
use crate::workspace::Workspace;

/// `meta/argument_specs.yml`.
#[derive(Debug, Deserialize)]
struct Specs {
    argument_specs: BTreeMap<String, Spec>,
}

#[derive(Debug, Deserialize)]
struct Spec {
    #[serde(default)]
    options: BTreeMap<String, OptionOfRole>,
}

#[derive(Debug, Deserialize)]
struct OptionOfRole {
    #[serde(default)]
    default: Option<Value>,
}

/// Checks every role.
pub(super) fn check(workspace: &Workspace, breaches: &mut Vec<String>) -> Result<()> {
    let roles = workspace.path("roles");
    if !roles.is_dir() {
        return Ok(());
    }
    for role in files::entries(&roles)? {
        if role.is_dir() {
            check_role(&role, breaches)?;
        }
    }
    Ok(())
}

fn check_role(role: &Path, breaches: &mut Vec<String>) -> Result<()> {
    let name = files::name(role);
    let before = breaches.len();
    for needed in [
        "README.md",
        "meta/main.yml",
        "meta/argument_specs.yml",
        "defaults/main.yml",
    ] {
        if !role.join(needed).is_file() {
            breaches.push(format!("roles/{name}: lacks {needed}"));
        }
    }
    if breaches.len() > before {
        return Ok(());
    }
    let specs: Specs = yaml(&role.join("meta/argument_specs.yml"))?;
    let defaults: Option<BTreeMap<String, Value>> = yaml(&role.join("defaults/main.yml"))?;
    let readme = files::read_text(&role.join("README.md"))?;
    compare(
        &name,
        &specs,
        &defaults.unwrap_or_default(),
        &readme,
        breaches,
    );
    Ok(())
}

fn compare(
    role: &str,
    specs: &Specs,
    defaults: &BTreeMap<String, Value>,
    readme: &str,
    breaches: &mut Vec<String>,
) {
    let options: BTreeMap<_, _> = specs
        .argument_specs
        .values()
        .flat_map(|spec| &spec.options)
        .collect();
    for (name, option) in &options {
        if option.default.as_ref() != defaults.get(*name) {
            breaches.push(format!(
                "roles/{role}: `{name}` is {} in meta/argument_specs.yml and {} in defaults/main.yml",
                shown(option.default.as_ref()),
                shown(defaults.get(*name))
            ));
        }
        if !readme.contains(&format!("`{name}`")) {
            breaches.push(format!("roles/{role}: README.md does not explain `{name}`"));
        }
    }
    for name in defaults.keys().filter(|name| !options.contains_key(name)) {
        breaches.push(format!(
            "roles/{role}: `{name}` is in defaults/main.yml only"
        ));
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), Value::to_string)
}

fn yaml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    serde_saphyr::from_str(&files::read_text(path)?)
        .with_context(|| format!("{} is not as expected", path.display()))
}

#[cfg(test)]
mod tests {
    use super::check_role;
    use crate::files;

    const SPECS: &str = "argument_specs:\n  main:\n    options:\n      demo_count:\n        type: int\n        default: 3\n      demo_name:\n        type: str\n        required: true\n";

    fn breaches(defaults: &str, readme: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let role = folder.path().join("demo");
        files::write(&role.join("meta/main.yml"), "---\n").unwrap();
        files::write(&role.join("meta/argument_specs.yml"), SPECS).unwrap();
        files::write(&role.join("defaults/main.yml"), defaults).unwrap();
        if !readme.is_empty() {
            files::write(&role.join("README.md"), readme).unwrap();
        }
        let mut breaches = Vec::new();
        check_role(&role, &mut breaches).unwrap();
        breaches
    }

    #[test]
    fn a_role_that_agrees_with_itself_passes() {
        assert_eq!(
            breaches("---\ndemo_count: 3\n", "`demo_count`, `demo_name`"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_disagreement_is_named() {
        let readme = "`demo_count`, `demo_name`";
        for (defaults, readme, expected) in [
            (
                "demo_count: 4\n",
                readme,
                "is 3 in meta/argument_specs.yml and 4",
            ),
            ("{}\n", readme, "and absent in defaults"),
            (
                "demo_count: 3\ndemo_more: 1\n",
                readme,
                "`demo_more` is in defaults/main.yml only",
            ),
            (
                "demo_count: 3\n",
                "`demo_count`",
                "does not explain `demo_name`",
            ),
            ("demo_count: 3\n", "", "lacks README.md"),
        ] {
            let found = breaches(defaults, readme);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
    }
}
