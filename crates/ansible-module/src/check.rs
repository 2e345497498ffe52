//! A table of options that cannot work is found by a test, not by an operator.

use std::collections::BTreeSet;

use crate::option::{ArgumentSpec, Constraints, Default, Kind, OptionSpec, RequiredIf};

/// What is wrong with a table; nothing, if it is sound. For a module's own tests.
pub fn check_spec(spec: &ArgumentSpec) -> Vec<String> {
    let options: Vec<OptionSpec> = spec.options().copied().collect();
    let mut faults = Vec::new();
    for group in spec.groups {
        if group.title.is_empty() {
            faults.push("a group has no title".to_owned());
        }
    }
    check_level("", &options, &mut faults);
    check_constraints(&spec.constraints, &options, &mut faults);
    faults
}

fn check_level(prefix: &str, options: &[OptionSpec], faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for option in options {
        for name in [option.name].iter().chain(option.aliases) {
            if !seen.insert(*name) {
                faults.push(format!("{prefix}{name}: stands twice, as option or alias"));
            }
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.starts_with('_') || name.is_empty() || !name.bytes().all(plain) {
                faults.push(format!(
                    "{prefix}{name}: a name is made of a-z, 0-9 and `_`, and `_` does not begin it"
                ));
            }
        }
        let place = format!("{prefix}{}", option.name);
        for fault in option_faults(option) {
            faults.push(format!("{place}: {fault}"));
        }
        match &option.kind {
            Kind::Dict(options) | Kind::List(Kind::Dict(options)) => {
                check_level(&format!("{place}."), options, faults);
            }
            Kind::List(Kind::List(inner)) if **inner != Kind::Raw => {
                faults.push(format!(
                    "{place}: the elements of inner lists are not checked, so they must be `raw`"
                ));
            }
            _ => {}
        }
    }
}

fn option_faults(option: &OptionSpec) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: &str| faults.push(text.to_owned());
    if option.description.is_empty() || option.description.iter().any(|text| text.trim().is_empty())
    {
        fault("has no description, or an empty sentence in it");
    }
    if option.version_added.is_empty() {
        fault("does not say since which version");
    }
    if option.required && option.default != Default::None {
        fault("is required, so its default is never used");
    }
    if option.no_log && option.default != Default::None {
        fault("is a secret with a default, which everybody can read");
    }
    if !default_fits(option) {
        fault("has a default of another kind");
    }
    let choosable = matches!(option.kind, Kind::Str | Kind::List(Kind::Str));
    if !option.choices.is_empty() && !choosable {
        fault("has choices, which only `str` and lists of `str` can have");
    }
    let unique: BTreeSet<&&str> = option.choices.iter().collect();
    if unique.len() != option.choices.len() {
        fault("has a choice twice");
    }
    let chosen = |text: &str| option.choices.is_empty() || option.choices.contains(&text);
    let default_chosen = match option.default {
        Default::Str(text) => chosen(text),
        Default::List(texts) => texts.iter().all(|text| chosen(text)),
        _ => true,
    };
    if !default_chosen {
        fault("has a default that is none of its choices");
    }
    if option.environment.iter().any(|name| name.is_empty()) {
        fault("names an environment variable without a name");
    }
    faults
}

const fn default_fits(option: &OptionSpec) -> bool {
    match (option.default, option.kind) {
        (Default::None, _)
        | (Default::Str(_), Kind::Str | Kind::Path)
        | (Default::Int(_), Kind::Int | Kind::Float)
        | (Default::Bool(_), Kind::Bool)
        | (Default::List(_), Kind::List(Kind::Str | Kind::Path)) => true,
        // Texts cannot be the elements of other lists, but an empty list has none.
        (Default::List(texts), Kind::List(_)) => texts.is_empty(),
        _ => false,
    }
}

fn check_constraints(constraints: &Constraints, options: &[OptionSpec], faults: &mut Vec<String>) {
    let find = |name: &str| options.iter().find(|option| option.name == name);
    let mut check_names = |rule: &str, names: &[&str], at_least: usize| {
        if names.len() < at_least {
            faults.push(format!("{rule}: names fewer than {at_least} options"));
        }
        for name in names {
            if find(name).is_none() {
                faults.push(format!(
                    "{rule}: `{name}` is no option (aliases do not count)"
                ));
            }
        }
    };
    for names in constraints.mutually_exclusive {
        check_names("mutually_exclusive", names, 2);
    }
    for names in constraints.required_together {
        check_names("required_together", names, 2);
    }
    for names in constraints.required_one_of {
        check_names("required_one_of", names, 1);
    }
    for (name, needed) in constraints.required_by {
        check_names("required_by", &[name], 1);
        check_names("required_by", needed, 1);
    }
    for rule in constraints.required_if {
        check_names("required_if", &[rule.option], 1);
        check_names("required_if", rule.required, 1);
    }
    for rule in constraints.required_if {
        if let Some(option) = find(rule.option).filter(|option| !can_be(option, rule)) {
            faults.push(format!(
                "required_if: `{}` can never have the value {:?}",
                option.name, rule.value
            ));
        }
    }
}

/// Whether the option that decides can have the value that the rule waits for.
fn can_be(option: &OptionSpec, rule: &RequiredIf) -> bool {
    match (rule.value, option.kind) {
        (Default::Str(text), Kind::Str) => {
            option.choices.is_empty() || option.choices.contains(&text)
        }
        (Default::Bool(_), Kind::Bool) | (Default::Int(_), Kind::Int) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::option::OptionGroup;

    const TEXT: &[&str] = &["A sentence."];
    const INNER: Kind = Kind::List(&Kind::Int);
    const SUB: &[OptionSpec] = &[
        OptionSpec::new("k", Kind::Str, &[]),
        OptionSpec::new("k", Kind::Str, TEXT),
    ];

    fn faults(options: &'static [OptionSpec], constraints: Constraints) -> Vec<String> {
        let groups = Box::leak(Box::new([OptionGroup {
            title: "All",
            options,
        }]));
        check_spec(&ArgumentSpec {
            groups,
            constraints,
        })
    }

    #[test]
    fn a_sound_table_has_no_faults() {
        const OPTIONS: &[OptionSpec] = &[
            OptionSpec::new("state", Kind::Str, TEXT)
                .choices(&["absent", "present"])
                .default(Default::Str("present")),
            OptionSpec::new("name", Kind::Str, TEXT).aliases(&["title"]),
            OptionSpec::new("ids", Kind::List(&Kind::Int), TEXT).default(Default::List(&[])),
        ];
        let constraints = Constraints {
            required_if: &[RequiredIf {
                option: "state",
                value: Default::Str("absent"),
                required: &["name"],
                any: false,
            }],
            ..Constraints::NONE
        };
        assert_eq!(faults(OPTIONS, constraints), Vec::<String>::new());
    }

    #[test]
    fn every_fault_of_an_option_is_told_with_its_name() {
        const OPTIONS: &[OptionSpec] = &[
            OptionSpec::new("_a", Kind::Str, TEXT),
            OptionSpec::new("b", Kind::Str, TEXT).aliases(&["c"]),
            OptionSpec::new("c", Kind::Str, &[" "]),
            OptionSpec::new("d", Kind::Str, TEXT)
                .required()
                .default(Default::Str("x")),
            OptionSpec::new("e", Kind::Int, TEXT).default(Default::Str("1")),
            OptionSpec::new("f", Kind::Str, TEXT)
                .choices(&["x", "x"])
                .default(Default::Str("y")),
            OptionSpec::new("g", Kind::Int, TEXT).choices(&["1"]),
            OptionSpec::new("h", Kind::List(&Kind::Dict(SUB)), TEXT),
            OptionSpec::new("i", Kind::List(&INNER), TEXT),
            OptionSpec::new("j", Kind::Str, TEXT)
                .no_log()
                .default(Default::Str("secret"))
                .environment(&[""])
                .version_added(""),
        ];
        let expected = [
            "_a: a name is made of a-z, 0-9 and `_`, and `_` does not begin it",
            "c: stands twice, as option or alias",
            "c: has no description, or an empty sentence in it",
            "d: is required, so its default is never used",
            "e: has a default of another kind",
            "f: has a choice twice",
            "f: has a default that is none of its choices",
            "g: has choices, which only `str` and lists of `str` can have",
            "h.k: has no description, or an empty sentence in it",
            "h.k: stands twice, as option or alias",
            "i: the elements of inner lists are not checked, so they must be `raw`",
            "j: does not say since which version",
            "j: is a secret with a default, which everybody can read",
            "j: names an environment variable without a name",
        ];
        assert_eq!(faults(OPTIONS, Constraints::NONE), expected);
    }

    #[test]
    fn every_fault_of_a_constraint_is_told() {
        const OPTIONS: &[OptionSpec] = &[
            OptionSpec::new("a", Kind::Str, TEXT).choices(&["x"]),
            OptionSpec::new("b", Kind::Int, TEXT).aliases(&["bee"]),
        ];
        const fn rule(value: Default) -> RequiredIf {
            RequiredIf {
                option: "a",
                value,
                required: &["b"],
                any: false,
            }
        }
        let constraints = Constraints {
            mutually_exclusive: &[&["a"]],
            required_together: &[&["a", "bee"]],
            required_one_of: &[&["nope"]],
            required_by: &[("a", &[])],
            required_if: const { &[rule(Default::Str("y")), rule(Default::Int(1))] },
        };
        let expected = [
            "mutually_exclusive: names fewer than 2 options",
            "required_together: `bee` is no option (aliases do not count)",
            "required_one_of: `nope` is no option (aliases do not count)",
            "required_by: names fewer than 1 options",
            "required_if: `a` can never have the value Str(\"y\")",
            "required_if: `a` can never have the value Int(1)",
        ];
        assert_eq!(faults(OPTIONS, constraints), expected);
    }
}
