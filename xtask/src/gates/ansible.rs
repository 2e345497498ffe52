//! Gates of Ansible's own tools.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::context::Context;
use crate::program::Program;
use crate::workspace::{COLLECTION, NAMESPACE, collection_in};
use crate::{files, lab};

/// ansible-doc knows every module and every one has documentation that it can print.
pub(super) fn doc(context: &Context) -> Result<()> {
    let collections = context.collections()?;
    let ansible_doc = |context: &Context| -> Result<Program> {
        Ok(context
            .venv()?
            .program("ansible-doc")
            .env("ANSIBLE_COLLECTIONS_PATH", &collections))
    };
    let name = format!("{NAMESPACE}.{COLLECTION}");
    let listed = ansible_doc(context)?
        .args(["--list", "--json", &name])
        .finished()?;
    let complaints = String::from_utf8_lossy(&listed.stderr).into_owned();
    ensure!(
        listed.status.success(),
        "`ansible-doc --list` failed: {complaints}"
    );
    ensure!(
        complaints.trim().is_empty(),
        "`ansible-doc --list` complained: {complaints}"
    );
    let listed: Value =
        serde_json::from_slice(&listed.stdout).context("`ansible-doc --list` wrote no JSON")?;
    for module in modules(context)? {
        let full = format!("{name}.{module}");
        ensure!(
            listed.get(&full).is_some(),
            "`ansible-doc --list` does not know {full}"
        );
        let text = ansible_doc(context)?.arg(&full).output()?;
        ensure!(
            text.contains("OPTIONS") && text.contains("EXAMPLES"),
            "the documentation of {full} lacks its options or examples"
        );
        println!("{full}: documented");
    }
    Ok(())
}

pub(super) fn lint(context: &Context) -> Result<()> {
    context.tarball()?;
    context
        .venv()?
        .program("ansible-lint")
        .args([
            "--offline",
            "--nocolor",
            "--strict",
            "--profile",
            "production",
        ])
        .directory(&context.workspace().staged())
        .env(
            "ANSIBLE_COLLECTIONS_PATH",
            context.workspace().target("collection"),
        )
        .run()
}

/// On a tree of its own: the tests write into it. There is no ignore file, and there shall be
/// none.
pub(super) fn sanity(context: &Context) -> Result<()> {
    let venv = context.venv()?;
    let collections = context.workspace().target("gates/sanity");
    context.install(&venv, &collections)?;
    let tree = collection_in(&collections);
    let ignores = tree.join("tests/sanity");
    ensure!(
        !ignores.exists(),
        "the collection ships {}; mend what it hides",
        ignores.display()
    );
    let installer = pip_installer(context)?;
    if !installer.exists() {
        files::write(&installer, PIP_INSTALLER)?;
    }
    // Without a repository of its own the tree belongs to ours, which ignores it: ansible-test
    // would find nothing to look at, and pass.
    Program::new("git")
        .args(["init", "--quiet"])
        .directory(&tree)
        .output()?;
    let sanity = venv
        .program("ansible-test")
        // Of itself it takes every Python it finds, also those that pyenv only pretends to have.
        .args(["sanity", "--color", "no", "--python"])
        .arg(venv.python_version())
        .directory(&tree)
        .next("its findings stand below");
    let printed = sanity.output_of_both()?;
    println!("{}", printed.trim_end());
    let ran = printed.matches("Running sanity test").count();
    ensure!(
        ran >= FEWEST_SANITY_TESTS && !printed.contains("All targets skipped"),
        "ansible-test ran {ran} tests only, fewer than {FEWEST_SANITY_TESTS}"
    );
    println!("{ran} sanity tests ran");
    Ok(())
}

/// Fewer mean that it did not see the collection.
const FEWEST_SANITY_TESTS: usize = 20;

/// ansible-test would download a script that brings pip into its environments; Python has pip
/// with it.
const PIP_INSTALLER: &str = "import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n";

/// Where ansible-test looks for that script before it downloads it: the name has the version
/// of pip in it, which differs between releases.
fn pip_installer(context: &Context) -> Result<PathBuf> {
    let venv = context.venv()?;
    let source = venv
        .program("python")
        .args(["-c", "import ansible_test._internal.python_requirements as r; print(open(r.__file__).read())"])
        .output()?;
    let version = source
        .lines()
        .find_map(|line| line.trim().strip_prefix("pip='")?.strip_suffix("',"))
        .context(
            "ansible-test no longer says which pip it wants; see its python_requirements.py",
        )?;
    let name = format!("get_pip_{}.py", version.replace('.', "_"));
    Ok(venv.home().join(".ansible/test/cache").join(name))
}

/// The scenarios, as in users' own tests: in the staged collection, on nodes that they start and
/// stop themselves.
pub(super) fn molecule(context: &Context) -> Result<()> {
    context.tarball()?;
    let cache = context.workspace().target("gates/molecule");
    files::make_empty_folder(&cache)?;
    context
        .venv()?
        .program("molecule")
        .args(["test", "--all"])
        .directory(&context.workspace().staged())
        .env("REPRISE_LAB", lab::launcher(context.workspace())?)
        // Where molecule keeps what belongs to a run, the nodes among it, and where it installs the
        // collection: in the home of the tools a later ansible-lint would take that for ours.
        .env("XDG_CACHE_HOME", &cache)
        .env("HOME", &cache)
        .next("the step that failed is named above")
        .run()?;
    let left = running_below(&cache)?;
    ensure!(
        left.is_empty(),
        "the scenarios left nodes of the lab running:\n{}",
        left.join("\n")
    );
    Ok(())
}

/// The command lines of processes that name something below a folder.
fn running_below(folder: &Path) -> Result<Vec<String>> {
    let folder = folder.display().to_string();
    let lines = files::entries(Path::new("/proc"))?
        .into_iter()
        // A process may be gone before its line is read.
        .filter_map(|process| files::read(&process.join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    Ok(lines.filter(|line| line.contains(&folder)).collect())
}

pub(super) fn docs(context: &Context) -> Result<()> {
    let collections = context.collections()?;
    context
        .venv()?
        .program("antsibull-docs")
        .args([
            "lint-collection-docs",
            "--plugin-docs",
            "--skip-rstcheck",
            ".",
        ])
        .directory(&collection_in(&collections))
        .env("ANSIBLE_COLLECTIONS_PATH", &collections)
        .run()
}

pub(super) fn changelog(context: &Context) -> Result<()> {
    context
        .venv()?
        .program("antsibull-changelog")
        .arg("lint")
        .directory(&context.workspace().path("collection"))
        .run()
}

/// What Galaxy does with an upload, and whether it saw every module.
pub(super) fn importer(context: &Context) -> Result<()> {
    let folder = context.workspace().target("gates/galaxy-importer");
    files::make_empty_folder(&folder)?;
    let settings = folder.join("galaxy-importer.cfg");
    files::write(
        &settings,
        "[galaxy-importer]\nRUN_ANSIBLE_DOC = True\nCHECK_CHANGELOG = True\nRUN_ANSIBLE_LINT = False\n",
    )?;
    // Its answer is a file in the folder it runs in. ansible-lint has a gate of its own, and
    // stricter.
    context
        .venv()?
        .program("python")
        .args(["-m", "galaxy_importer.main"])
        .arg(context.tarball()?)
        .directory(&folder)
        .env("GALAXY_IMPORTER_CONFIG", &settings)
        .run()?;
    let answer = files::read(&folder.join("importer_result.json"))?;
    let answer: Value =
        serde_json::from_slice(&answer).context("importer_result.json is no JSON")?;
    let mut missing = String::new();
    for module in modules(context)? {
        if !imported(&answer, &module) {
            let _ = write!(missing, " {module}");
        }
    }
    ensure!(
        missing.is_empty(),
        "galaxy-importer does not list:{missing}"
    );
    Ok(())
}

/// Whether a module stands among the contents and has documentation.
fn imported(answer: &Value, module: &str) -> bool {
    let is = |entry: &Value, key: &str, value: &str| {
        entry.get(key).and_then(Value::as_str) == Some(value)
    };
    let among = |list: Option<&Value>, test: &dyn Fn(&Value) -> bool| {
        list.and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(test))
    };
    let listed = among(answer.get("contents"), &|entry| {
        is(entry, "name", module) && is(entry, "content_type", "module")
    });
    let documented = among(answer.pointer("/docs_blob/contents"), &|entry| {
        is(entry, "content_name", module)
            && entry
                .get("doc_strings")
                .and_then(|docs| docs.get("doc"))
                .is_some_and(|doc| !doc.is_null())
    });
    listed && documented
}

/// The modules of the collection: each has its documentation in a Python file.
fn modules(context: &Context) -> Result<Vec<String>> {
    let mut modules = Vec::new();
    for path in files::entries(&context.workspace().path("collection/plugins/modules"))? {
        if let Some(name) = files::name(&path).strip_suffix(".py") {
            modules.push(name.to_owned());
        }
    }
    ensure!(
        !modules.is_empty(),
        "the collection has no modules; run `cargo xtask codegen`"
    );
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::imported;

    #[test]
    fn a_module_without_documentation_is_not_imported() {
        let answer = json!({
            "contents": [
                { "name": "one", "content_type": "module" },
                { "name": "two", "content_type": "module" },
                { "name": "three", "content_type": "action" },
            ],
            "docs_blob": { "contents": [
                { "content_name": "one", "doc_strings": { "doc": { "module": "one" } } },
                { "content_name": "two", "doc_strings": { "doc": null } },
                { "content_name": "three", "doc_strings": { "doc": {} } },
            ] },
        });
        assert!(imported(&answer, "one"));
        assert!(!imported(&answer, "two"));
        assert!(!imported(&answer, "three"));
        assert!(!imported(&answer, "four"));
    }
}
