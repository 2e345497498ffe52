//! Running a service that ends by itself, when the lab was told to.

use std::fs::{self, OpenOptions};
use std::process::Stdio;

use anyhow::{Context as _, Result};

use super::Node;
use super::units::Unit;
use crate::host::process;

/// Runs its programs one after the other; gives back the first exit code that is not 0. What they
/// print goes to `<unit>.log` in the lab's folder of the node.
///
/// # Errors
/// When a program cannot be started or the log not be written.
pub(super) fn run(node: &Node, unit: &Unit) -> Result<i32> {
    let log = node.lab()?.join(format!("{}.log", unit.name));
    let environment = environment(node, unit);
    for key in ["ExecStartPre", "ExecStart", "ExecStartPost"] {
        for line in unit.file.all("Service", key) {
            let line = specifiers(line, &unit.name);
            let (tolerant, line) = prefix(&line);
            let words: Vec<_> = split(line)
                .into_iter()
                .flat_map(|word| expand(&word, &environment))
                .collect();
            let Some((program, arguments)) = words.split_first() else {
                continue;
            };
            let out = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&log)
                .with_context(|| format!("cannot write {}", log.display()))?;
            let err = out.try_clone().context("cannot share the log")?;
            let mut command = process::command(program);
            command
                .args(arguments)
                .envs(environment.iter().cloned())
                .current_dir(unit.file.last("Service", "WorkingDirectory").unwrap_or("/"))
                .stdin(Stdio::null())
                .stdout(out)
                .stderr(err);
            // 203 is what systemd says of a program that cannot be started.
            let code = command
                .status()
                .map_or(203, |status| status.code().unwrap_or(255));
            if code != 0 && !tolerant {
                return Ok(code);
            }
        }
    }
    Ok(0)
}

fn environment(node: &Node, unit: &Unit) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for value in unit.file.all("Service", "Environment") {
        for word in split(value) {
            if let Some((name, value)) = word.split_once('=') {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    for file in unit.file.all("Service", "EnvironmentFile") {
        let text = fs::read_to_string(node.at(file.trim_start_matches('-'))).unwrap_or_default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, value)) = line.split_once('=') {
                let value = split(value).join(" ");
                variables.push((name.trim().to_owned(), value));
            }
        }
    }
    variables
}

fn specifiers(line: &str, name: &str) -> String {
    let instance = name
        .split_once('@')
        .and_then(|(_, rest)| rest.rsplit_once('.'))
        .map_or("", |(instance, _)| instance);
    line.replace("%n", name)
        .replace("%i", instance)
        .replace("%I", instance)
        .replace("%%", "%")
}

/// Whether a failure does not count, and the line without its prefixes.
fn prefix(line: &str) -> (bool, &str) {
    let rest = line.trim_start_matches(['-', '@', ':', '+', '!']);
    let prefixes = line.strip_suffix(rest).unwrap_or_default();
    (prefixes.contains('-'), rest)
}

/// Words as systemd splits them: at blanks, but not within quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// `${NAME}` within a word; a word `$NAME` becomes as many words as its value has.
fn expand(word: &str, environment: &[(String, String)]) -> Vec<String> {
    let value = |name: &str| {
        environment
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    };
    if let Some(name) = word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
        return value(name).split_whitespace().map(str::to_owned).collect();
    }
    let mut result = word.to_owned();
    for (name, text) in environment {
        result = result.replace(&format!("${{{name}}}"), text);
    }
    vec![result]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_systemd_does() {
        assert_eq!(
            split("/bin/sh -c 'echo a  b' \"\" c"),
            ["/bin/sh", "-c", "echo a  b", "", "c"]
        );
        assert_eq!(prefix("-@/bin/false"), (true, "/bin/false"));
        assert_eq!(
            specifiers("/bin/x %i %n 5%%", "a@b.service"),
            "/bin/x b a@b.service 5%"
        );
        let environment = [("A".to_owned(), "x y".to_owned())];
        assert_eq!(expand("$A", &environment), ["x", "y"]);
        assert_eq!(expand("-${A}-", &environment), ["-x y-"]);
    }
}
