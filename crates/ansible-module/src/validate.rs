//! The steps of `ArgumentSpecValidator`, in its order, for one level of options and below.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Environment,
    choice::check_choices,
    coerce::{coerce, kind_name},
    constraint::{self, default_value},
    mask::{Secrets, sub_options},
    option::{Constraints, Default, Kind, OptionSpec},
    place::{Arguments, Failure, Place},
    python,
    result::Deprecation,
    sub_option::{check_sub_shapes, not_a_dict, note_deprecated},
};

/// One run over a task's arguments.
pub(crate) struct Validation<'e> {
    environment: Environment<'e>,
    pub(crate) secrets: Secrets,
    pub(crate) warnings: Vec<String>,
    pub(crate) deprecations: Vec<Deprecation>,
    /// Unknown options by their full name, with what would be known in their place.
    unknown: BTreeMap<String, String>,
}

impl<'e> Validation<'e> {
    pub(crate) fn new(environment: Environment<'e>) -> Self {
        Self {
            environment,
            secrets: Secrets::default(),
            warnings: Vec::new(),
            deprecations: Vec::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// Checks and coerces all arguments.
    pub(crate) fn run(
        &mut self,
        options: &[OptionSpec],
        constraints: &Constraints,
        arguments: Arguments,
    ) -> Result<Arguments, Failure> {
        self.level(options, Some(constraints), arguments, &Place::default())
    }

    /// The unknown options in core's words. Core takes the list of what is supported from any one
    /// of them; this takes the first.
    pub(crate) fn unsupported(&self) -> Option<String> {
        let supported = self.unknown.values().next()?;
        let names: Vec<&str> = self.unknown.keys().map(String::as_str).collect();
        Some(format!(
            "{}. Supported parameters include: {supported}.",
            names.join(", ")
        ))
    }

    fn level(
        &mut self,
        options: &[OptionSpec],
        constraints: Option<&Constraints>,
        mut arguments: Arguments,
        place: &Place,
    ) -> Result<Arguments, Failure> {
        self.set_fallbacks(options, &mut arguments);
        let alias_warnings = resolve_aliases(options, &mut arguments, place);
        check_sub_shapes(options, &arguments)?;
        if place.context.is_empty() {
            note_deprecated(options, &arguments, "", &mut self.deprecations);
        }
        self.note_unknown(options, &arguments, place);
        if let Some(constraints) = constraints {
            constraint::mutually_exclusive(constraints, &arguments)?;
        }
        self.set_defaults(options, &mut arguments);
        check_required(options, &arguments, place)?;
        self.check_types(options, &mut arguments, place)?;
        check_choices(options, &mut arguments, place)?;
        if let Some(constraints) = constraints {
            constraint::requirements(constraints, &arguments)?;
        }
        // What is known, in the order of declaration: aliases and unknown options end here.
        let mut values = Arguments::new();
        for option in options {
            let value = arguments.shift_remove(option.name).unwrap_or_default();
            let value = match sub_options(&option.kind) {
                Some(below) if !value.is_null() => self.sub_level(option, below, value, place)?,
                _ => value,
            };
            values.insert(option.name.to_owned(), value);
        }
        // Core tells of the aliases of sub-options first.
        for warning in alias_warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        Ok(values)
    }

    fn set_fallbacks(&mut self, options: &[OptionSpec], arguments: &mut Arguments) {
        for option in options {
            if arguments.contains_key(option.name) {
                continue;
            }
            let value = option
                .environment
                .iter()
                .find_map(|name| (self.environment)(name));
            if let Some(value) = value {
                if option.no_log {
                    self.secrets.add(value.as_str());
                }
                arguments.insert(option.name.to_owned(), Value::from(value));
            }
        }
    }

    fn note_unknown(&mut self, options: &[OptionSpec], arguments: &Arguments, place: &Place) {
        let known = |name: &str| {
            options
                .iter()
                .any(|option| option.name == name || option.aliases.contains(&name))
        };
        for name in arguments.keys().filter(|name| !known(name)) {
            let mut path = place.context.clone();
            path.push(name);
            self.unknown.insert(path.join("."), supported(options));
        }
    }

    fn set_defaults(&mut self, options: &[OptionSpec], arguments: &mut Arguments) {
        for option in options {
            if arguments.contains_key(option.name) {
                continue;
            }
            if let Some(value) = default_value(&option.default) {
                if option.no_log {
                    self.secrets.add_option(&value);
                }
                arguments.insert(option.name.to_owned(), value);
            }
        }
    }

    fn check_types(
        &mut self,
        options: &[OptionSpec],
        arguments: &mut Arguments,
        place: &Place,
    ) -> Result<(), Failure> {
        for option in options {
            let Some(value) = arguments.get_mut(option.name) else {
                continue;
            };
            if value.is_null() && !option.required && option.default == Default::None {
                continue;
            }
            *value = self.check_type(option, value, place)?;
            if option.no_log {
                self.secrets.add_option(value);
            }
        }
        Ok(())
    }

    fn check_type(
        &self,
        option: &OptionSpec,
        value: &Value,
        place: &Place,
    ) -> Result<Value, Failure> {
        let coerced = coerce(&option.kind, value, self.environment).map_err(|reason| {
            let mut found = place.found_in_quoted();
            if !found.is_empty() {
                // The full stop in mid-sentence is core's.
                found.push('.');
            }
            format!(
                "argument '{}' is of type {}{found} and we were unable to convert to {}: {reason}",
                option.name,
                python::type_name(value),
                kind_name(&option.kind)
            )
        })?;
        let (Kind::List(element), Value::Array(values)) = (&option.kind, &coerced) else {
            return Ok(coerced);
        };
        let element_of = |value: &Value| {
            coerce(element, value, self.environment).map_err(|reason| {
                format!(
                    "Elements value for option '{}'{} is of type {} and we were unable to convert to {}: {reason}",
                    option.name,
                    place.found_in_quoted(),
                    python::type_name(value),
                    kind_name(element)
                )
            })
        };
        values.iter().map(element_of).collect()
    }

    /// Validates the dict, or each dict of the list.
    fn sub_level(
        &mut self,
        option: &OptionSpec,
        options: &[OptionSpec],
        value: Value,
        place: &Place,
    ) -> Result<Value, Failure> {
        let mut place = place.clone();
        place.context.push(option.name);
        let prefix = std::mem::take(&mut place.prefix);
        match value {
            Value::Object(arguments) => {
                place.prefix = format!("{prefix}{}.", option.name);
                self.level(options, None, arguments, &place)
                    .map(Value::Object)
            }
            Value::Array(elements) => {
                let mut checked = Vec::with_capacity(elements.len());
                for (index, element) in elements.into_iter().enumerate() {
                    let Value::Object(arguments) = element else {
                        return Err(not_a_dict(option));
                    };
                    place.prefix = format!("{prefix}{}[{index}].", option.name);
                    let arguments = self.level(options, None, arguments, &place)?;
                    checked.push(Value::Object(arguments));
                }
                Ok(Value::Array(checked))
            }
            _ => Err(not_a_dict(option)),
        }
    }
}

/// Gives the value of an alias to its option, and warns where both were given.
fn resolve_aliases(
    options: &[OptionSpec],
    arguments: &mut Arguments,
    place: &Place,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for option in options {
        for alias in option.aliases {
            let Some(value) = arguments.get(*alias).cloned() else {
                continue;
            };
            if arguments.insert(option.name.to_owned(), value).is_some() {
                let prefix = &place.prefix;
                warnings.push(format!(
                    "Both option {prefix}{} and its alias {prefix}{alias} are set.",
                    option.name
                ));
            }
        }
    }
    warnings
}

/// The options a level knows, then all aliases in brackets.
fn supported(options: &[OptionSpec]) -> String {
    let mut names: Vec<&str> = options.iter().map(|option| option.name).collect();
    names.sort_unstable();
    let mut aliases: Vec<&str> = options
        .iter()
        .flat_map(|option| option.aliases.iter().copied())
        .collect();
    aliases.sort_unstable();
    if aliases.is_empty() {
        return names.join(", ");
    }
    format!("{} ({})", names.join(", "), aliases.join(", "))
}

fn check_required(
    options: &[OptionSpec],
    arguments: &Arguments,
    place: &Place,
) -> Result<(), Failure> {
    let mut missing: Vec<&str> = options
        .iter()
        .filter(|option| option.required && !arguments.contains_key(option.name))
        .map(|option| option.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    Err(format!(
        "missing required arguments: {}{}",
        missing.join(", "),
        place.found_in()
    ))
}
