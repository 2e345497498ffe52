//! The settings file of the command line.
//!
//! ```yaml
//! api_host: pve1.example.com      # the options of the connection
//! api_token_id: backup@pve!cli
//! vzdump_job:                     # options of one module
//!   storage: local-backup
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::module::Declaration;
use crate::{Environment, Failure, connection};

/// Where the settings of the machine are.
const SYSTEM: &str = "/etc/reprise/config.yml";

/// The options that the settings file gives a module: those of the connection, then its own.
pub(super) fn read(
    declaration: &Declaration,
    named: Option<&str>,
    environment: Environment<'_>,
) -> Result<Map<String, Value>, Failure> {
    if let Some(path) = named {
        return read_file(declaration, Path::new(path))?
            .ok_or_else(|| Failure::usage(format!("the settings file `{path}` does not exist")));
    }
    for path in candidates(environment) {
        if let Some(options) = read_file(declaration, &path)? {
            return Ok(options);
        }
    }
    Ok(Map::new())
}

fn candidates(environment: Environment<'_>) -> Vec<PathBuf> {
    // A variable that is empty or names no absolute path counts as not set.
    let of_user = environment("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| environment("HOME").map(|home| Path::new(&home).join(".config")))
        .map(|folder| folder.join("reprise/config.yml"));
    std::iter::once(PathBuf::from(SYSTEM))
        .chain(of_user)
        .collect()
}

fn read_file(
    declaration: &Declaration,
    path: &Path,
) -> Result<Option<Map<String, Value>>, Failure> {
    let shown = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // The home of a system user may be /dev/null.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Failure::usage(format!(
                "cannot read the settings file `{shown}`: {error}"
            )));
        }
    };
    options(declaration, &text)
        .map(Some)
        .map_err(|failure| failure.while_doing(&format!("settings file `{shown}`")))
}

/// Understands the text of a settings file.
fn options(declaration: &Declaration, text: &str) -> Result<Map<String, Value>, Failure> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    // The parser's message may quote the line, and a line may hold a secret.
    let file: Value = serde_saphyr::from_str(text).map_err(|error| {
        Failure::usage(match error.location() {
            Some(at) => format!(
                "line {}, column {}: this is no YAML",
                at.line(),
                at.column()
            ),
            None => "this is no YAML".to_owned(),
        })
    })?;
    let Value::Object(entries) = file else {
        return Err(Failure::usage("it is no mapping of names to values"));
    };
    let mut options = Map::new();
    for (name, value) in entries {
        if connection::is_option(&name) {
            options.insert(name, value);
        } else if name == declaration.name {
            options.extend(of_module(declaration, value)?);
        } else if !value.is_object() {
            return Err(
                Failure::usage(format!("`{name}` is no option of the connection"))
                    .hint("Options of a module stand below its name, such as `vzdump_job:`."),
            );
        }
    }
    Ok(options)
}

fn of_module(declaration: &Declaration, value: Value) -> Result<Map<String, Value>, Failure> {
    let Value::Object(entries) = value else {
        return Err(Failure::usage(format!(
            "`{}` is no mapping of options to values",
            declaration.name
        )));
    };
    let mut options = Map::new();
    for (name, value) in entries {
        // Under its own name, so that it does not stand beside a flag as an alias of it.
        let known = declaration
            .spec
            .options()
            .find(|option| option.name == name || option.aliases.contains(&name.as_str()));
        let Some(option) = known else {
            return Err(Failure::usage(format!(
                "`{name}` is no option of {}",
                declaration.name
            )));
        };
        if options.insert(option.name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!(
                "`{}` stands twice, also as `{name}`",
                option.name
            )));
        }
    }
    Ok(options)
}
