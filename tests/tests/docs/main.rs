//! The commands of README, tutorial and how-to, run as they stand there.

#![cfg(test)]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use reprise_tests::environment::{self, HostTools, Tools};
use reprise_tests::pages::{Page, Step, missing};
use reprise_tests::trial::{self, Needing};

use crate::world::World;

/// What readers of the documentation have.
#[derive(Clone, Debug)]
struct Reader {
    ansible: Tools,
    hosts: HostTools,
    tarball: PathBuf,
}

impl Reader {
    fn find() -> Result<Option<Self>> {
        let tarball = environment::told("REPRISE_TARBALL").map(PathBuf::from);
        let (Some(ansible), Some(hosts), Some(tarball)) =
            (Tools::find()?, HostTools::find()?, tarball)
        else {
            ensure!(
                !environment::by_xtask(),
                "REPRISE_TARBALL is not set although REPRISE_XTASK is"
            );
            return Ok(None);
        };
        Ok(Some(Self {
            ansible,
            hosts,
            tarball,
        }))
    }
}

/// One test for each page, so that they run beside each other and fail by name.
macro_rules! pages {
    ($($name:ident: $page:literal),+ $(,)?) => {
        const PAGES: &[&str] = &[$($page),+];
        const TESTS: &[Needing<Reader>] = &[
            $(Needing { name: stringify!($name), test: |reader| read($page, reader) },)+
            Needing { name: "every_page_is_read", test: every_page_is_read },
        ];
    };
}

pages! {
    readme: "README.md",
    first_backup: "docs/tutorial/first-backup.md",
    on_a_node: "docs/how-to/on-a-node.md",
    schedule: "docs/how-to/schedule.md",
    terraform: "docs/how-to/terraform.md",
    example_inventory: "playbooks/inventory.example/README.md",
}

fn main() -> ExitCode {
    trial::run(
        &Reader::find(),
        "ansible-playbook, the built tarball, sshd and sftp-server",
        &[TESTS],
    )
}

fn repository() -> Result<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = tests.parent().context("the tests lie nowhere")?;
    Ok(root.to_owned())
}

/// Does what a page says.
fn read(name: &str, reader: &Reader) -> Result<()> {
    let root = repository()?;
    let text = fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?;
    let page = Page::parse(&text).with_context(|| name.to_owned())?;
    let world = World::new(&root, reader, &page)?;
    let mut printed = String::new();
    let mut ran = 0;
    for (line, step) in &page.steps {
        let step = match step {
            Step::Run { commands, code } => {
                ran += 1;
                world.run(commands, *code).map(|output| printed = output)
            }
            Step::Write { file, content } => world.write(file, content),
            Step::Expect(expected) => match missing(&world.said(expected), &printed) {
                None => Ok(()),
                Some(line) => Err(anyhow::anyhow!(
                    "`{line}` was not printed. What was:\n{printed}"
                )),
            },
            Step::Yaml(content) => world.parse_yaml(content),
            Step::Skip(_) => Ok(()),
        };
        step.with_context(|| format!("{name}, line {line}"))?;
    }
    ensure!(ran > 0, "{name}: no command of it was run");
    world.end()
}

/// A page that nobody lists would be one that nobody runs.
fn every_page_is_read(_: &Reader) -> Result<()> {
    let root = repository()?;
    for folder in ["docs/tutorial", "docs/how-to"] {
        for entry in fs::read_dir(root.join(folder))? {
            let name = format!("{folder}/{}", entry?.file_name().display());
            ensure!(
                PAGES.contains(&name.as_str()),
                "{name} is not in the list of tests/tests/docs/main.rs"
            );
        }
    }
    Ok(())
}
