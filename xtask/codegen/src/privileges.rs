//! The rights that modules need: a page of the reference, a section of each module's page, and the
//! lines of the README.

use std::fmt::Write as _;

use anyhow::Result;
use module_kit::Registered;
use module_kit::privileges::{Holder, Missing, Need, grants, lines};

use crate::output::{Files, MARK};

/// The rights of one module, as rows of a table.
pub(crate) fn table(module: &Registered) -> Result<String> {
    let mut text = String::from(
        "| `state` | privilege | on | what for | without it |\n| --- | --- | --- | --- | --- |\n",
    );
    for operation in module.declaration.operations {
        for need in operation.needs {
            let when = need
                .when
                .map(|case| format!("; only when {} (`{}`)", case.text, case.name))
                .unwrap_or_default();
            let without = match need.missing {
                Missing::Refused => "refused",
                Missing::Unknown => "told as unknown",
            };
            writeln!(
                text,
                "| `{}` | `{}` | `{}` | {}{when} | {without} |",
                operation.name,
                need.privilege,
                need.on.shown(),
                need.why
            )?;
        }
    }
    Ok(text)
}

/// The page of all of them.
pub(crate) fn page(files: &mut Files) -> Result<()> {
    let mut text = format!("<!-- {MARK} -->\n# Privileges\n\n{ABOUT}");
    for module in reprise::MODULES {
        let declaration = module.declaration;
        writeln!(
            text,
            "\n## {name}\n\n`reprise privileges {name}` prints:\n\n```sh\n{}\n```\n\n{}",
            of(needs(module, &|_, _| true)),
            table(module)?.trim_end(),
            name = declaration.name,
        )?;
    }
    files.add("docs/reference/privileges.md", text);
    Ok(())
}

const ABOUT: &str = "\
The least rights that each module needs, and the lines that make a token with them. `reprise privileges [MODULE…]` prints these lines, for these modules or for all; `--storage ID` for the storages in use instead of all, `--operation NAME` for one `state`, `--without CASE` without what only that case needs, `--json` with what each right is for.

- Run the lines as root on a node. The last one prints the secret of the token once.
- Give the token a user of its own. For the same user an entry on a deeper path replaces those above it: another entry on `/vms/101` would take away what `/vms` gives there.
- `--privsep 0` lets the token have the rights of its user; with separation every line `pveum acl modify` is needed for the token too.
- Check mode needs the same rights as the real run: it is refused where the real run would be. When nothing differs, nothing is written and no right to write is needed.
- Destroying a guest removes the entries on its own path. That is why the rights on guests stand on `/vms`.
- `VM.Backup` together with `Datastore.AllocateSpace` on a storage of guest disks also lets its holder restore over guests: give `state: run` a storage that holds backups only.
";

/// The lines of the README: for declaring storages and jobs, without special cases.
pub(crate) fn readme(files: &mut Files) -> Result<()> {
    let declared = |operation: &str, need: &Need| {
        ["present", "absent"].contains(&operation) && need.when.is_none()
    };
    let chosen: Vec<&Need> = ["pve_storage", "vzdump_job"]
        .into_iter()
        .filter_map(|name| {
            reprise::MODULES
                .iter()
                .find(|module| module.declaration.name == name)
        })
        .flat_map(|module| needs(module, &declared))
        .collect();
    files.add_section(
        "README.md",
        "token",
        &format!("```sh\n{}\n```\n", of(chosen)),
    )
}

fn needs<'a>(
    module: &Registered,
    wanted: &'a dyn Fn(&str, &Need) -> bool,
) -> impl Iterator<Item = &'static Need> + use<'a> {
    module
        .declaration
        .operations
        .iter()
        .flat_map(move |operation| {
            operation
                .needs
                .iter()
                .filter(move |need| wanted(operation.name, need))
        })
}

fn of<'a>(needs: impl IntoIterator<Item = &'a Need>) -> String {
    let holder = Holder::default();
    lines(&grants(needs, &holder), &holder).join("\n")
}
