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
