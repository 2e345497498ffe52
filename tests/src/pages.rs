//! Pages of the documentation as something that can be done: their blocks, and what a test does
//! with each.
//!
//! A block of `sh` is run. What else is to happen stands in a comment before a block, where readers
//! of the page do not see it:
//!
//! | comment | what it says |
//! |---|---|
//! | `<!-- test: file NAME -->` | the block is written to this file |
//! | `<!-- test: output -->` | the block is what the last commands printed; `...` stands for anything in a line |
//! | `<!-- test: fails N -->` | the commands end with this code |
//! | `<!-- test: skip REASON -->` | the commands are not run |
//! | `<!-- test: nodes A,B=C -->` | nodes of the lab that run before the page begins; `B` in the page is `C` there |

use anyhow::{Context as _, Result, bail, ensure};

const MARK: &str = "<!-- test: ";
const FENCE: &str = "```";

/// What is done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its lines are run by a shell, which ends with this code.
    Run {
        /// The lines.
        commands: String,
        /// The code.
        code: i32,
    },
    /// It is written to a file.
    Write {
        /// The file, below the folder of the page.
        file: String,
        /// The content.
        content: String,
    },
    /// The commands before it printed it.
    Expect(String),
    /// Its lines are not run.
    Skip(String),
    /// It is only shown, and has to be well-formed YAML.
    Yaml(String),
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The nodes that run before it begins.
    pub nodes: Vec<String>,
    /// Names in the page, and what they are called here.
    pub names: Vec<(String, String)>,
    /// Its steps, each with the line where its block begins.
    pub steps: Vec<(usize, Step)>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// When a block does not end, a comment has no block, or a comment is none of those above.
    pub fn parse(text: &str) -> Result<Self> {
        let mut page = Self {
            nodes: Vec::new(),
            names: Vec::new(),
            steps: Vec::new(),
        };
        let mut mark: Option<&str> = None;
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let number = at.saturating_add(1);
            let line = line.trim();
            if let Some(said) = line.strip_prefix(MARK) {
                let said = said
                    .strip_suffix("-->")
                    .with_context(|| format!("line {number}: the comment does not end"))?
                    .trim();
                if let Some(nodes) = said.strip_prefix("nodes ") {
                    for node in nodes.split(',') {
                        let (name, node) = node.split_once('=').unwrap_or((node, node));
                        page.nodes.push(node.to_owned());
                        page.names.push((name.to_owned(), node.to_owned()));
                    }
                } else {
                    mark = Some(said);
                }
                continue;
            }
            let Some(language) = line.strip_prefix(FENCE) else {
                ensure!(
                    mark.is_none() || line.is_empty() || line.starts_with("<!--"),
                    "line {number}: a comment for a test stands before no block"
                );
                continue;
            };
            let mut content = String::new();
            loop {
                let (_, line) = lines
                    .next()
                    .with_context(|| format!("line {number}: the block does not end"))?;
                if line.trim() == FENCE {
                    break;
                }
                content.push_str(line);
                content.push('\n');
            }
            let step =
                step(language, mark.take(), content).with_context(|| format!("line {number}"))?;
            page.steps.extend(step.map(|step| (number, step)));
        }
        ensure!(mark.is_none(), "a comment for a test stands at the end");
        Ok(page)
    }
}

fn step(language: &str, mark: Option<&str>, content: String) -> Result<Option<Step>> {
    let Some(mark) = mark else {
        return Ok(match language {
            "sh" => Some(Step::Run {
                commands: content,
                code: 0,
            }),
            "yaml" => Some(Step::Yaml(content)),
            _ => None,
        });
    };
    let (word, rest) = mark.split_once(' ').unwrap_or((mark, ""));
    Ok(Some(match (word, rest) {
        ("output", "") => Step::Expect(content),
        ("file", file) if !file.is_empty() => Step::Write {
            file: file.to_owned(),
            content,
        },
        ("skip", reason) if language == "sh" && !reason.is_empty() => Step::Skip(reason.to_owned()),
        ("fails", code) if language == "sh" => Step::Run {
            commands: content,
            code: code.parse().context("`fails` wants an exit code")?,
        },
        _ => bail!("`{mark}` says nothing to do with a block of `{language}`"),
    }))
}

/// The first expected line that was not printed, if there is one. Lines are looked for in their
/// order; others may stand between them.
pub fn missing(expected: &str, printed: &str) -> Option<String> {
    let mut rest = printed.lines();
    expected
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .find(|line| !rest.any(|printed| fits(line, printed.trim_end())))
        .map(str::to_owned)
}

fn fits(expected: &str, printed: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let mut open = false;
    for part in parts {
        open = true;
        if part.is_empty() {
            continue;
        }
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
        open = false;
    }
    open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_steps() {
        let page = Page::parse(
            "<!-- test: nodes a,b=c -->\n# T\n\n```sh\nls\n```\n\n<!-- test: output -->\n```text\nx ...\n```\n\
             <!-- test: file d/x.yml -->\n\n```yaml\na: 1\n```\n<!-- test: skip it hurts -->\n```sh\nrm\n```\n\
             <!-- test: fails 5 -->\n```sh\nfalse\n```\n```json\n{}\n```\n```yaml\nb: 2\n```\n",
        )
        .unwrap();
        assert_eq!(page.nodes, ["a", "c"]);
        assert_eq!(page.names.last(), Some(&("b".to_owned(), "c".to_owned())));
        let steps: Vec<Step> = page.steps.into_iter().map(|(_, step)| step).collect();
        assert_eq!(
            steps,
            [
                Step::Run {
                    commands: "ls\n".to_owned(),
                    code: 0
                },
                Step::Expect("x ...\n".to_owned()),
                Step::Write {
                    file: "d/x.yml".to_owned(),
                    content: "a: 1\n".to_owned()
                },
                Step::Skip("it hurts".to_owned()),
                Step::Run {
                    commands: "false\n".to_owned(),
                    code: 5
                },
                Step::Yaml("b: 2\n".to_owned()),
            ]
        );
    }

    #[test]
    fn a_mark_that_means_nothing_is_refused() {
        for text in [
            "<!-- test: skip -->\n```sh\nls\n```\n",
            "<!-- test: run -->\n```sh\nls\n```\n",
            "<!-- test: fails -->\n```sh\nls\n```\n",
            "<!-- test: skip me -->\n```yaml\na: 1\n```\n",
            "<!-- test: output -->\ntext\n",
            "<!-- test: output -->\n",
            "<!-- test: output\n",
            "```sh\nls\n",
        ] {
            assert!(Page::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn expected_lines_are_looked_for_in_their_order() {
        let printed = "one\ntwo 12 s\n\nthree of 4\n";
        for expected in [
            "one\nthree of 4\n",
            "two ... s\n",
            "...\n...\n...",
            "three ...\n",
        ] {
            assert_eq!(missing(expected, printed), None, "{expected}");
        }
        for (expected, first) in [
            ("two ... s\none\n", "one"),
            ("two\n", "two"),
            ("two ... m\n", "two ... m"),
            ("...\n...\n...\n...\nend", "end"),
        ] {
            assert_eq!(missing(expected, printed).as_deref(), Some(first));
        }
    }
}
