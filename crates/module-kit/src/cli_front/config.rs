//! The settings file of the command line.
//!
//! ```yaml
//! api_host: pve1.example.com      # the options of the connection
//! api_token_id: backup@pve!cli
//! tfvars: terraform.tfvars        # what is not set here is read there; from this file's folder
//! tfvars_map:                     # where it stands there
//!   api_host: nodes.prod.ip
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

/// Names that stand beside those of modules and options.
const TFVARS: &str = "tfvars";
const TFVARS_MAP: &str = "tfvars_map";

/// A settings file, read.
pub(super) struct Settings {
    path: PathBuf,
    entries: Map<String, Value>,
}

/// The settings file that is named, or the first that is there.
pub(super) fn find(
    named: Option<&str>,
    environment: Environment<'_>,
) -> Result<Option<Settings>, Failure> {
    if let Some(path) = named {
        return read_file(Path::new(path))?
            .map(Some)
            .ok_or_else(|| Failure::usage(format!("the settings file `{path}` does not exist")));
    }
    for path in candidates(environment) {
        if let Some(settings) = read_file(&path)? {
            return Ok(Some(settings));
        }
    }
    Ok(None)
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

fn read_file(path: &Path) -> Result<Option<Settings>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // The home of a system user may be /dev/null.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Failure::usage(format!(
                "cannot read the settings file `{}`: {error}",
                path.display()
            )));
        }
    };
    let entries = entries(&text).map_err(|failure| failure.while_doing(&doing(path)))?;
    Ok(Some(Settings {
        path: path.to_owned(),
        entries,
    }))
}

fn doing(path: &Path) -> String {
    format!("settings file `{}`", path.display())
}

/// Understands the text of a settings file.
fn entries(text: &str) -> Result<Map<String, Value>, Failure> {
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
    Ok(entries)
}

impl Settings {
    /// The options that it gives a module: those of the connection, then its own.
    pub(super) fn options(&self, declaration: &Declaration) -> Result<Map<String, Value>, Failure> {
        self.options_of(declaration)
            .map_err(|failure| failure.while_doing(&doing(&self.path)))
    }

    fn options_of(&self, declaration: &Declaration) -> Result<Map<String, Value>, Failure> {
        let mut options = Map::new();
        for (name, value) in &self.entries {
            if connection::is_option(name) {
                options.insert(name.clone(), value.clone());
            } else if name == declaration.name {
                options.extend(of_module(declaration, value)?);
            } else if !value.is_object() && ![TFVARS, TFVARS_MAP].contains(&name.as_str()) {
                return Err(
                    Failure::usage(format!("`{name}` is no option of the connection"))
                        .hint("Options of a module stand below its name, such as `vzdump_job:`."),
                );
            }
        }
        Ok(options)
    }

    /// The file of Terraform's variables that it names.
    pub(super) fn tfvars(&self) -> Result<Option<PathBuf>, Failure> {
        match self.entries.get(TFVARS) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(path)) => {
                let folder = self.path.parent().unwrap_or(Path::new(""));
                Ok(Some(folder.join(path)))
            }
            Some(_) => {
                Err(Failure::usage(format!("`{TFVARS}` is no path"))
                    .while_doing(&doing(&self.path)))
            }
        }
    }

    /// Where things stand in that file.
    pub(super) fn tfvars_map(&self) -> Result<tfvars::Map, Failure> {
        self.map()
            .map_err(|failure| failure.while_doing(&doing(&self.path)))
    }

    fn map(&self) -> Result<tfvars::Map, Failure> {
        let mut map = tfvars::Map::default();
        let entries = match self.entries.get(TFVARS_MAP) {
            None | Some(Value::Null) => return Ok(map),
            Some(Value::Object(entries)) => entries,
            Some(_) => {
                return Err(Failure::usage(format!(
                    "`{TFVARS_MAP}` is no mapping of names to expressions"
                )));
            }
        };
        for (key, value) in entries {
            let expressions = match value {
                Value::Array(list) => list.as_slice(),
                one => std::slice::from_ref(one),
            };
            for expression in expressions {
                let Some(expression) = expression.as_str() else {
                    return Err(Failure::usage(format!(
                        "`{TFVARS_MAP}`: `{key}` is no expression, nor a list of them"
                    )));
                };
                map.add(key, expression)?;
            }
        }
        Ok(map)
    }
}

fn of_module(declaration: &Declaration, value: &Value) -> Result<Map<String, Value>, Failure> {
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
        if options
            .insert(option.name.to_owned(), value.clone())
            .is_some()
        {
            return Err(Failure::usage(format!(
                "`{}` stands twice, also as `{name}`",
                option.name
            )));
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Module;
    use crate::sample::Sample;

    const SAMPLE: &Declaration = &Sample::DECLARATION;

    /// What a file of this text gives the module.
    fn options(declaration: &Declaration, text: &str) -> Result<Map<String, Value>, Failure> {
        let path = PathBuf::from("config.yml");
        entries(text).and_then(|entries| Settings { path, entries }.options(declaration))
    }

    /// What the settings file gives the module, wherever it is found.
    fn read(
        named: Option<&str>,
        environment: Environment<'_>,
    ) -> Result<Map<String, Value>, Failure> {
        match find(named, environment)? {
            Some(settings) => settings.options(SAMPLE),
            None => Ok(Map::new()),
        }
    }

    fn refusal(text: &str) -> String {
        options(SAMPLE, text).unwrap_err().to_string()
    }

    #[test]
    fn the_options_of_the_connection_and_of_this_module_count() {
        let text =
            "api_host: pve1\napi_port: 8006\nsample:\n  exit: 3\nvzdump_job:\n  storage: x\n";
        assert_eq!(
            Value::Object(options(SAMPLE, text).unwrap()),
            json!({"api_host": "pve1", "api_port": 8006, "exit": 3})
        );
        for empty in ["", " \n", "{}"] {
            assert!(options(SAMPLE, empty).unwrap().is_empty(), "{empty:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("- a\n", "it is no mapping of names to values"),
            (
                "apihost: pve1\n",
                "`apihost` is no option of the connection",
            ),
            ("sample: 5\n", "`sample` is no mapping of options to values"),
            ("sample:\n  speed: 1\n", "`speed` is no option of sample"),
            (
                "sample:\n  steps: [a]\n  work: [b]\n",
                "`steps` stands twice, also as `work`",
            ),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_broken_file_tells_the_place_and_quotes_nothing() {
        for text in [
            "api_host: pve1\napi_token_secret: 'hunter2\n",
            "api_token_secret: hunter2: x\n",
            "api_token_secret: [hunter2\n",
            "api_token_secret: &hunter2 *hunter3\n",
            "api_token_secret: hunter2\napi_token_secret: hunter2\n",
            "api_token_secret: !hunter2 {\n",
        ] {
            let Err(failure) = options(SAMPLE, text) else {
                panic!("{text:?} is no mistake")
            };
            let refusal = failure.to_string();
            assert!(refusal.contains("this is no YAML"), "{refusal}");
            assert!(!refusal.contains("hunter"), "{refusal}");
        }
    }

    #[test]
    fn a_named_file_must_be_there_and_others_need_not() {
        let missing = read(Some("/nonexistent/config.yml"), &|_| None).unwrap_err();
        assert_eq!(
            missing.message,
            "the settings file `/nonexistent/config.yml` does not exist"
        );
        let folder = tempfile::tempdir().unwrap();
        let Err(unreadable) = read_file(folder.path()) else {
            panic!("a folder is no settings file")
        };
        assert!(
            unreadable.message.contains("cannot read the settings file"),
            "{unreadable}"
        );
        // The home of a system user.
        let below_a_file = Path::new("/dev/null/.config/reprise/config.yml");
        assert!(matches!(read_file(below_a_file), Ok(None)));
    }

    #[test]
    fn the_file_of_the_machine_comes_before_that_of_the_user() {
        let of = |config: Option<&str>, home: Option<&str>| {
            let (config, home) = (config.map(str::to_owned), home.map(str::to_owned));
            candidates(&move |name: &str| match name {
                "XDG_CONFIG_HOME" => config.clone(),
                "HOME" => home.clone(),
                _ => None,
            })
        };
        let system = PathBuf::from(SYSTEM);
        assert_eq!(of(None, None), std::slice::from_ref(&system));
        let home = PathBuf::from("/home/a/.config/reprise/config.yml");
        assert_eq!(of(None, Some("/home/a")), [system.clone(), home.clone()]);
        assert_eq!(
            of(Some(""), Some("/home/a")),
            [system.clone(), home.clone()]
        );
        assert_eq!(
            of(Some("relative"), Some("/home/a")),
            [system.clone(), home]
        );
        let named = PathBuf::from("/c/reprise/config.yml");
        assert_eq!(of(Some("/c"), Some("/home/a")), [system, named]);
    }

    #[test]
    fn a_mistake_in_a_file_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yml");
        fs::write(&path, "nonsense: 1\n").unwrap();
        let failure = read(path.to_str(), &|_| None).unwrap_err();
        assert!(
            failure.message.contains(path.to_str().unwrap()),
            "{failure}"
        );
        assert!(failure.message.contains("`nonsense`"), "{failure}");
    }
}
