//! Reading the cases, the answers and the exceptions.

mod spec;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use ansible_module::option::ArgumentSpec;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One question.
pub(crate) struct Case {
    pub(crate) spec: ArgumentSpec,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// A value, and what to take out of it.
pub(crate) struct Masking {
    pub(crate) secrets: Vec<String>,
    pub(crate) value: Value,
}

/// All questions, by group and name.
pub(crate) struct Cases {
    pub(crate) module: String,
    pub(crate) parsing: BTreeMap<String, Case>,
    pub(crate) masking: BTreeMap<String, Masking>,
}

/// What was said to a question.
#[derive(Debug, Clone, std::default::Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) values: Option<Value>,
    pub(crate) values_not_json: bool,
    pub(crate) error: Option<String>,
    pub(crate) crash: Option<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) deprecations: Vec<Value>,
    pub(crate) secrets: Vec<String>,
}

/// The answers of one version of ansible-core.
pub(crate) struct Core {
    pub(crate) minor: String,
    pub(crate) answers: BTreeMap<String, Answer>,
}

/// Where this crate differs on purpose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    #[expect(dead_code, reason = "it is for the reader of the file")]
    about: String,
    pub(crate) texts: Vec<TextRule>,
    pub(crate) cases: Vec<CaseException>,
}

/// A difference in wording that runs through many texts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextRule {
    pub(crate) cores: Vec<String>,
    /// What core writes.
    pub(crate) from: String,
    /// What this crate writes; null: the text is compared up to the end of `from` alone.
    pub(crate) to: Option<String>,
    #[expect(dead_code, reason = "it is for the reader of the file")]
    reason: String,
}

/// Cases that get another answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseException {
    pub(crate) cores: Vec<String>,
    /// The answer of this crate, by case; `*` for all. `"error"` or `"values"`: any such.
    pub(crate) ours: BTreeMap<String, Value>,
    pub(crate) cases: Vec<String>,
    #[expect(dead_code, reason = "it is for the reader of the file")]
    reason: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn load(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

impl Cases {
    pub(crate) fn load() -> Self {
        #[derive(Deserialize)]
        struct File {
            module: String,
            environment: BTreeMap<String, String>,
            groups: Vec<Group>,
            masking: Vec<(String, Vec<String>, Value)>,
        }
        #[derive(Deserialize)]
        struct Group {
            name: String,
            spec: Map<String, Value>,
            cases: Vec<Vec<Value>>,
        }
        let file: File = serde_json::from_str(&load("cases.json")).unwrap();
        let mut cases = BTreeMap::new();
        for group in &file.groups {
            let spec = spec::argument_spec(&group.spec);
            for case in &group.cases {
                let mut environment = file.environment.clone();
                if let Some(more) = case.get(2) {
                    environment.extend(BTreeMap::<_, _>::deserialize(more).unwrap());
                }
                let name = format!("{}/{}", group.name, case[0].as_str().unwrap());
                let arguments = case[1].as_object().unwrap().clone();
                let case = Case {
                    spec,
                    arguments,
                    environment,
                };
                assert!(cases.insert(name.clone(), case).is_none(), "{name} twice");
            }
        }
        let masking = file
            .masking
            .into_iter()
            .map(|(name, secrets, value)| (format!("masking/{name}"), Masking { secrets, value }))
            .collect();
        Self {
            module: file.module,
            parsing: cases,
            masking,
        }
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.parsing.contains_key(name) || self.masking.contains_key(name)
    }
}

impl Core {
    pub(crate) fn load_all() -> Vec<Self> {
        #[derive(Deserialize)]
        struct File {
            core: String,
            answers: BTreeMap<String, Answer>,
        }
        let mut names: Vec<String> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("answers-"))
            .collect();
        names.sort();
        names
            .iter()
            .map(|name| {
                let file: File = serde_json::from_str(&load(name)).unwrap();
                let minor = name
                    .trim_start_matches("answers-")
                    .trim_end_matches(".json");
                assert!(
                    file.core.starts_with(&format!("{minor}.")),
                    "{name} is of {}",
                    file.core
                );
                Self {
                    minor: minor.to_owned(),
                    answers: file.answers,
                }
            })
            .collect()
    }
}

impl TextRule {
    pub(crate) fn apply(&self, text: &str) -> String {
        match &self.to {
            Some(to) => text.replace(&self.from, to),
            None => cut(text, &self.from).to_owned(),
        }
    }
}

fn cut<'t>(text: &'t str, after: &str) -> &'t str {
    text.find(after)
        .map_or(text, |at| &text[..at + after.len()])
}

/// The rules that were needed, each with the core.
pub(crate) type Used<'r> = BTreeSet<(&'r str, String)>;

fn apply<'r>(
    rules: impl Iterator<Item = &'r TextRule>,
    core: &Core,
    text: &str,
    used: &mut Used<'r>,
) -> String {
    let mut text = text.to_owned();
    for rule in rules.filter(|rule| rule.cores.contains(&core.minor)) {
        let changed = rule.apply(&text);
        if changed != text {
            used.insert((rule.from.as_str(), core.minor.clone()));
            text = changed;
        }
    }
    text
}

impl Exceptions {
    pub(crate) fn load() -> Self {
        serde_json::from_str(&load("exceptions.json")).unwrap()
    }

    pub(crate) fn find(&self, case: &str, core: &str) -> Option<&CaseException> {
        self.cases.iter().find(|exception| {
            exception.cases.iter().any(|name| name == case)
                && exception.cores.iter().any(|minor| minor == core)
        })
    }

    /// A text as far as it is compared with that core's, with the rules used noted.
    pub(crate) fn cut<'r>(&'r self, core: &Core, text: &str, used: &mut Used<'r>) -> String {
        let cuts = self.texts.iter().filter(|rule| rule.to.is_none());
        apply(cuts, core, text, used)
    }

    /// A text of core in the words of this crate, with the rules used noted.
    pub(crate) fn translate<'r>(&'r self, core: &Core, text: &str, used: &mut Used<'r>) -> String {
        apply(self.texts.iter(), core, text, used)
    }

    pub(crate) fn unused_rules(&self, used: &Used<'_>) -> Vec<String> {
        self.texts
            .iter()
            .flat_map(|rule| {
                rule.cores
                    .iter()
                    .map(move |minor| (rule.from.as_str(), minor.clone()))
            })
            .filter(|key| !used.contains(key))
            .map(|(from, minor)| format!("no text of core {minor} needs the rule for `{from}`"))
            .collect()
    }

    pub(crate) fn unknown_names(&self, cases: &Cases) -> Vec<String> {
        self.cases
            .iter()
            .flat_map(|exception| &exception.cases)
            .filter(|name| !cases.knows(name))
            .map(|name| format!("the exception `{name}` is no case"))
            .collect()
    }
}
