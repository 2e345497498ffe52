//! Gates on what is shipped: the binaries and the tarball.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::context::Context;
use crate::program::Program;
use crate::workspace::{ARCHITECTURES, COLLECTION, NAMESPACE, VERSION, Workspace};
use crate::{build as builder, dist, files, unpacked};

pub(super) fn build(context: &Context) -> Result<()> {
    context.binaries()?;
    for architecture in ARCHITECTURES {
        let path = context.workspace().binary(architecture);
        builder::check(&path, architecture)
            .with_context(|| format!("{} cannot be shipped", path.display()))?;
    }
    let [native, _] = ARCHITECTURES;
    check_version(
        context.workspace(),
        &Program::new(context.workspace().binary(native)),
        native.target,
    )
}

pub(super) fn aarch64(context: &Context) -> Result<()> {
    context.binaries()?;
    let [_, foreign] = ARCHITECTURES;
    let emulated = Program::new(unpacked::qemu_aarch64(context.workspace())?)
        .arg(context.workspace().binary(foreign));
    check_version(context.workspace(), &emulated, foreign.target)
}

/// `--version` names version, commit and target.
fn check_version(workspace: &Workspace, program: &Program, target: &str) -> Result<()> {
    let said = program.clone().arg("--version").output()?;
    println!("{}", said.trim());
    let commit = workspace.commit().unwrap_or_else(|| "unknown".to_owned());
    for part in [VERSION, &commit, target] {
        ensure!(
            said.contains(part),
            "`--version` does not name {part}: {}",
            said.trim()
        );
    }
    Ok(())
}

pub(super) fn tarball(context: &Context) -> Result<()> {
    let path = context.tarball()?;
    let first = files::sha256(&files::read(&path)?);
    let again = files::sha256(&dist::make(&context.workspace().staged())?);
    ensure!(
        first == again,
        "two tarballs of the same tree differ: {first} and {again}"
    );
    same_as_galaxy(context, &path)?;
    let collections = context.collections()?;
    context
        .venv()?
        .program("ansible-galaxy")
        .args(["collection", "verify", "--offline", "--collections-path"])
        .arg(&collections)
        .arg(format!("{NAMESPACE}.{COLLECTION}"))
        .env("ANSIBLE_COLLECTIONS_PATH", &collections)
        .run()
}

/// Our list of files is the one that `ansible-galaxy collection build` makes of the tree.
fn same_as_galaxy(context: &Context, ours: &Path) -> Result<()> {
    let folder = context.workspace().target("gates/galaxy-build");
    files::make_empty_folder(&folder)?;
    context
        .venv()?
        .program("ansible-galaxy")
        .args(["collection", "build", "--force", "--output-path"])
        .arg(&folder)
        .arg(context.workspace().staged())
        .output()?;
    let theirs = folder.join(files::name(ours));
    for (name, key) in [
        ("FILES.json", "files"),
        ("MANIFEST.json", "collection_info"),
    ] {
        let [our_list, their_list] = [listed(ours, name, key)?, listed(&theirs, name, key)?];
        let differs = our_list.iter().chain(&their_list).find(|(name, value)| {
            our_list.get(*name) != Some(*value) || their_list.get(*name) != Some(*value)
        });
        if let Some((entry, _)) = differs {
            bail!(
                "{name} has `{entry}` as {:?}, `ansible-galaxy collection build` as {:?}",
                our_list.get(entry),
                their_list.get(entry)
            );
        }
    }
    Ok(())
}

/// The entries of a JSON file of a tarball, by name.
fn listed(tarball: &Path, member: &str, key: &str) -> Result<BTreeMap<String, Value>> {
    let reading = || format!("could not read {member} of {}", tarball.display());
    let bytes = files::read(tarball)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    for entry in archive.entries().with_context(reading)? {
        let entry = entry.with_context(reading)?;
        if entry.path().with_context(reading)?.as_os_str() != member {
            continue;
        }
        let mut content: Value = serde_json::from_reader(entry).with_context(reading)?;
        return match content.get_mut(key).map(Value::take) {
            Some(Value::Array(entries)) => {
                let name =
                    |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
                Ok(entries
                    .into_iter()
                    .filter_map(|entry| Some((name(&entry)?, entry)))
                    .collect())
            }
            Some(Value::Object(entries)) => Ok(entries.into_iter().collect()),
            _ => bail!("{member} of {} has no `{key}`", tarball.display()),
        };
    }
    bail!("{} has no {member}", tarball.display())
}
