//! From the arguments of a task to the values of the options.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    Environment, SELECTOR,
    control::Control,
    mask::{Secrets, masked_arguments},
    option::{ArgumentSpec, OptionSpec},
    result::Deprecation,
    validate::Validation,
};

/// A task's arguments, checked and coerced.
#[derive(Clone)]
pub struct Parsed {
    /// The options, all of them and nothing else, in the order of declaration; those left out
    /// without a default are null.
    pub values: Map<String, Value>,
    /// What the controller says beside the options.
    pub control: Control,
    /// The options as the result may show them: `invocation.module_args`.
    pub invocation: Map<String, Value>,
    /// Warnings for the operator.
    pub warnings: Vec<String>,
    /// Deprecated options that were used.
    pub deprecations: Vec<Deprecation>,
    /// What must leave the program nowhere.
    pub secrets: Secrets,
}

impl fmt::Debug for Parsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values hold secrets in clear; the invocation says the same without them.
        formatter
            .debug_struct("Parsed")
            .field("control", &self.control)
            .field("invocation", &self.invocation)
            .field("warnings", &self.warnings)
            .field("deprecations", &self.deprecations)
            .finish_non_exhaustive()
    }
}

/// Why a task's arguments are refused, and what its failed result needs.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// The first error, in core's words, without secrets.
    pub message: String,
    /// What the controller says beside the options.
    pub control: Control,
    /// The known options as they came, without secrets.
    pub invocation: Map<String, Value>,
    /// Warnings for the operator.
    pub warnings: Vec<String>,
    /// Deprecated options that were used.
    pub deprecations: Vec<Deprecation>,
    /// The secrets that were given.
    pub secrets: Secrets,
}

/// Checks a task's arguments as `AnsibleModule` does, in the same order, and stops at the first
/// error, which is the one that core reports.
///
/// `module_name` stands in error texts. `environment` gives the variables of `fallback` and of
/// `path` options; a home directory is its `HOME`.
pub fn parse(
    module_name: &str,
    spec: &ArgumentSpec,
    mut input: Map<String, Value>,
    environment: Environment<'_>,
) -> Result<Parsed, Box<ArgumentError>> {
    let options: Vec<OptionSpec> = spec.options().copied().collect();
    input.shift_remove(SELECTOR);
    let (control, control_outcome) = Control::take(&mut input, environment);

    let mut validation = Validation::new(environment);
    validation.secrets.add_arguments(&options, &input);
    let outcome =
        control_outcome.and_then(|()| validation.run(&options, &spec.constraints, input.clone()));
    let unsupported = if control.ignore_unknown_opts {
        None
    } else {
        validation.unsupported()
    };
    let outcome = match (outcome, unsupported) {
        (Err(message), _) => Err(message),
        (Ok(_), Some(names)) => Err(format!(
            "Unsupported parameters for ({module_name}) module: {names}"
        )),
        (Ok(values), None) => Ok(values),
    };

    let Validation {
        secrets,
        warnings,
        deprecations,
        ..
    } = validation;
    match outcome {
        Ok(values) => Ok(Parsed {
            invocation: masked_arguments(&options, &values, &secrets),
            values,
            control,
            warnings,
            deprecations,
            secrets,
        }),
        Err(message) => Err(Box::new(ArgumentError {
            message: secrets.mask_text(&message),
            invocation: masked_arguments(&options, &input, &secrets),
            control,
            warnings,
            deprecations,
            secrets,
        })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        mask::PLACEHOLDER,
        option::{Constraints, Kind, OptionGroup},
    };

    const TEXT: &[&str] = &["A sentence."];
    const LOGIN: &[OptionSpec] = &[
        OptionSpec::new("user", Kind::Str, TEXT),
        OptionSpec::new("pin", Kind::Int, TEXT).no_log(),
    ];
    const SPEC: ArgumentSpec = ArgumentSpec {
        groups: &[OptionGroup {
            title: "All",
            options: &[
                OptionSpec::new("password", Kind::Str, TEXT)
                    .no_log()
                    .aliases(&["pw"])
                    .environment(&["PROBE_PASSWORD"]),
                OptionSpec::new("keys", Kind::List(&Kind::Path), TEXT).no_log(),
                OptionSpec::new("port", Kind::Int, TEXT),
                OptionSpec::new("logins", Kind::List(&Kind::Dict(LOGIN)), TEXT),
            ],
        }],
        constraints: Constraints::NONE,
    };

    fn call(arguments: Value) -> Result<Parsed, Box<ArgumentError>> {
        let Value::Object(arguments) = arguments else {
            panic!("an object is needed");
        };
        parse("probe", &SPEC, arguments, &|name| match name {
            "PROBE_PASSWORD" => Some("from-outside".to_owned()),
            "HOME" => Some("/home/op".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_call_that_succeeds_shows_no_secret() {
        let parsed = call(json!({
            "keys": "~/a,b",
            "port": "22",
            "logins": [{"user": "x", "pin": "4711"}],
        }))
        .unwrap();
        assert_eq!(
            Value::Object(parsed.values.clone()),
            json!({
                "password": "from-outside",
                "keys": ["/home/op/a", "b"],
                "port": 22,
                "logins": [{"user": "x", "pin": 4711}],
            })
        );
        assert_eq!(
            Value::Object(parsed.invocation.clone()),
            json!({
                "password": PLACEHOLDER,
                "keys": PLACEHOLDER,
                "port": 22,
                "logins": [{"user": "x", "pin": PLACEHOLDER}],
            })
        );
        // As given and as coerced: a path is expanded before it turns up in a message.
        for secret in ["from-outside", "~/a,b", "/home/op/a", "4711"] {
            assert!(parsed.secrets.contains(secret), "{secret}");
        }
        let shown = format!("{parsed:?}");
        assert!(
            shown.contains("port") && !shown.contains("from-outside"),
            "{shown}"
        );
    }

    #[test]
    fn a_call_that_fails_shows_no_secret_either() {
        let error = call(json!({
            "pw": "hunter2",
            "port": "hunter2-x",
            "pasword": "misspelled",
            "logins": ["user=x pin=4711", {"pin": 4712, "q": "x"}, 7],
            "_ansible_diff": true,
        }))
        .unwrap_err();
        assert_eq!(
            error.message,
            "Value '7' in the sub parameter field 'logins' must be a list, not 'int'"
        );
        assert!(error.control.diff);
        assert_eq!(
            Value::Object(error.invocation.clone()),
            json!({
                "pw": PLACEHOLDER,
                "port": "********-x",
                "logins": [PLACEHOLDER, {"pin": PLACEHOLDER}, PLACEHOLDER],
            })
        );
        assert!(error.secrets.contains("4711") && error.secrets.contains("4712"));
        let shown = format!("{error:?} {error}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("misspelled"),
            "{shown}"
        );
    }

    #[test]
    fn the_message_is_masked() {
        let error = call(json!({"password": "s3cret", "port": "xs3crety"})).unwrap_err();
        assert!(error.message.contains("'x********y'"), "{}", error.message);
    }

    #[test]
    fn a_bad_key_of_the_controller_is_told_before_anything_else() {
        let error = call(json!({"port": "x", "_ansible_check_mode": "maybe"})).unwrap_err();
        assert!(
            error
                .message
                .starts_with("the controller's `_ansible_check_mode`: "),
            "{}",
            error.message
        );
    }

    #[test]
    fn the_first_unknown_option_says_what_is_supported() {
        let error = call(json!({"zzz": 1, "logins": [{"q": 1}]})).unwrap_err();
        assert_eq!(
            error.message,
            "Unsupported parameters for (probe) module: logins.q, zzz. Supported parameters include: pin, user."
        );
    }
}
