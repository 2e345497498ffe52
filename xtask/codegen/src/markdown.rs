//! The reference: a page per module, the table of modules, the table of exit codes.

use std::fmt::Write;

use ansible_module::option::{Kind, OptionSpec};
use anyhow::Result;
use backup_verify::metrics::METRICS;
use module_kit::driver::Registered;
use module_kit::{Exit, cli_front, plain_text};
use serde_json::Value;
use vzdump_archive::Finding;

use crate::documentation::{default_value, type_name};
use crate::output::{Files, MARK};
use crate::return_values;

pub(crate) fn module(module: &Registered, files: &mut Files) -> Result<()> {
    let declaration = module.declaration;
    let mut text = format!(
        "<!-- {MARK} -->\n# {}\n\n{}.\n\n",
        declaration.name, declaration.short_description
    );
    for paragraph in declaration.description {
        writeln!(text, "{}\n", plain_text(paragraph))?;
    }
    for group in declaration.spec.groups {
        writeln!(
            text,
            "## {}\n\n| option | type | default | what it is |\n| --- | --- | --- | --- |",
            group.title
        )?;
        for option in group.options {
            row(&mut text, "", option)?;
        }
        text.push('\n');
    }
    text.push_str(
        "## Result\n\n| key | type | returned | what it is |\n| --- | --- | --- | --- |\n",
    );
    if let Value::Object(fields) = return_values::of(module)? {
        for (name, field) in &fields {
            result_row(&mut text, name, field)?;
        }
    }
    if !declaration.operations.is_empty() {
        write!(
            text,
            "\n## Rights\n\n`reprise privileges {}` prints the lines that make a token with them; [more](privileges.md).\n\n{}",
            declaration.name,
            crate::privileges::table(module)?
        )?;
    }
    writeln!(
        text,
        "\n## Examples\n\n```yaml\n{}```",
        declaration.examples
    )?;
    if !declaration.notes.is_empty() {
        text.push_str("\n## Notes\n\n");
        for note in declaration.notes {
            writeln!(text, "- {}", plain_text(note))?;
        }
    }
    files.add(format!("docs/reference/{}.md", declaration.name), text);
    Ok(())
}

fn row(text: &mut String, prefix: &str, option: &OptionSpec) -> Result<()> {
    let kind = match option.kind {
        Kind::List(element) => format!("list of {}", type_name(*element)),
        other => type_name(other).to_owned(),
    };
    let default = if option.required {
        "**required**".to_owned()
    } else {
        default_value(option.default)
            .map(|value| format!("`{value}`"))
            .unwrap_or_default()
    };
    let mut sentences: Vec<String> = option
        .description
        .iter()
        .map(|sentence| plain_text(sentence))
        .collect();
    if !option.choices.is_empty() {
        let choices: Vec<String> = option
            .choices
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect();
        sentences.push(format!("One of {}.", choices.join(", ")));
    }
    if !option.aliases.is_empty() {
        sentences.push(format!("Also `{}`.", option.aliases.join("`, `")));
    }
    if !option.environment.is_empty() {
        sentences.push(format!(
            "Else `{}` of the environment.",
            option.environment.join("`, `")
        ));
    }
    writeln!(
        text,
        "| `{prefix}{}` | {kind} | {default} | {} |",
        option.name,
        cell(&sentences.join(" "))
    )?;
    for suboption in option.kind.suboptions() {
        row(text, &format!("{prefix}{}.", option.name), suboption)?;
    }
    Ok(())
}

fn result_row(text: &mut String, name: &str, field: &Value) -> Result<()> {
    let part = |key: &str| field.get(key).and_then(Value::as_str).unwrap_or_default();
    let description = field
        .pointer("/description/0")
        .and_then(Value::as_str)
        .unwrap_or_default();
    writeln!(
        text,
        "| `{name}` | {} | {} | {} |",
        part("type"),
        part("returned"),
        cell(&plain_text(description))
    )?;
    if let Some(nested) = field.get("contains").and_then(Value::as_object) {
        for (nested_name, nested_field) in nested {
            result_row(text, &format!("{name}.{nested_name}"), nested_field)?;
        }
    }
    Ok(())
}

/// A text that stays in its cell.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

pub(crate) fn index(files: &mut Files) -> Result<()> {
    for (path, folder) in [
        ("README.md", "docs/reference"),
        ("collection/README.md", ""),
    ] {
        let mut text = String::from("| module | what it does |\n| --- | --- |\n");
        for module in reprise::MODULES {
            let name = module.declaration.name;
            let title = if folder.is_empty() {
                format!("`reprise.pve.{name}`")
            } else {
                format!("[`{name}`]({folder}/{name}.md)")
            };
            writeln!(
                text,
                "| {title} | {} |",
                module.declaration.short_description
            )?;
        }
        files.add_section(path, "modules", &text)?;
    }
    Ok(())
}

pub(crate) fn exit_codes(files: &mut Files) -> Result<()> {
    let mut text = format!(
        "<!-- {MARK} -->\n# Exit codes\n\nThe same for every module: the command line ends with it, Ansible has it as `exit_code`.\n\n| code | meaning |\n| --- | --- |\n"
    );
    for exit in Exit::ALL {
        writeln!(text, "| {} | {} |", exit.code(), exit.meaning())?;
    }
    files.add("docs/reference/exit-codes.md", text);
    Ok(())
}

/// The flags that every command has beside its module's options.
pub(crate) fn flags(files: &mut Files) -> Result<()> {
    let mut text = format!(
        "<!-- {MARK} -->\n# Flags of every command\n\n`reprise MODULE` has these beside one for each option of the module, named with `-` for `_`, a sub-option after a dot, and a secret as `--…-file`.\n\n| flag | what it does |\n| --- | --- |\n"
    );
    for flag in cli_front::common_flags() {
        let names = flag.get_value_names().unwrap_or_default();
        let value = match (flag.get_action().takes_values(), names.first()) {
            (true, Some(name)) => format!(" {name}"),
            _ => String::new(),
        };
        let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
        writeln!(
            text,
            "| `--{}{value}` | {} |",
            flag.get_long().unwrap_or_default(),
            cell(&help)
        )?;
    }
    files.add("docs/reference/flags.md", text);
    Ok(())
}

/// What `backup_verify` can find, and what each finding means for a restore.
pub(crate) fn metrics(files: &mut Files) -> Result<()> {
    let mut text = String::from(
        "<!-- generated by `cargo xtask codegen`; change modules/backup_verify/src/metrics.rs instead -->\n# Metrics\n\nWhat `backup_verify` writes into the file of its option `metrics`, for the textfile collector of node_exporter. All are gauges. Times are Unix seconds; a name that stands here stays. `id` is that of prometheus-pve-exporter, such as `qemu/100`. [How to use them](../how-to/report-and-metrics.md).\n\n| metric | labels | what it says |\n| --- | --- | --- |\n",
    );
    for metric in METRICS {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        writeln!(
            text,
            "| `{}` | {} | {} |",
            metric.name,
            labels.join(", "),
            cell(metric.help)
        )?;
    }
    files.add("docs/reference/metrics.md", text);
    Ok(())
}

pub(crate) fn findings(files: &mut Files) -> Result<()> {
    let mut text = String::from(
        "<!-- generated by `cargo xtask codegen`; change crates/vzdump-archive/src/reason/table.rs instead -->\n# Findings\n\nWhat `backup_verify` can find in an archive, as `reasons[].id`. The worst finding makes the verdict; one that is `ok` is a remark.\n\n| id | layer | verdict | meaning | what a restore does |\n| --- | --- | --- | --- | --- |\n",
    );
    for finding in Finding::ALL {
        writeln!(
            text,
            "| `{finding}` | {} | {} | {} | {} |",
            finding.layer().as_str(),
            finding.verdict(),
            finding.meaning(),
            finding.restore()
        )?;
    }
    files.add("docs/reference/findings.md", text);
    Ok(())
}
