//! The same cases for this crate and for ansible-core, whose answers are committed.
//!
//! `oracle/cases.json` declares the cases once. `oracle/answers-<minor>.json` is what that
//! version of ansible-core said to them; `oracle/oracle.py` makes these files again.
//! `oracle/exceptions.json` lists where this crate says something else on purpose, and why: an
//! exception that is no longer needed fails the test as an undeclared difference does.

#[cfg(test)]
mod oracle;

use std::collections::BTreeMap;

use ansible_module::{ArgumentError, Parsed, Secrets, check_spec, parse};
use oracle::{Answer, CaseException, Cases, Core, Exceptions};
use serde_json::{Map, Value, json};

/// What this crate says to a case, in the words of an [`Answer`].
fn own_answer(module: &str, case: &oracle::Case) -> (Answer, Secrets) {
    let variable = |name: &str| case.environment.get(name).cloned();
    match parse(module, &case.spec, case.arguments.clone(), &variable) {
        Ok(parsed) => accepted(parsed),
        Err(error) => refused(*error),
    }
}

/// What is left of a value without secrets.
fn own_masking(masking: &oracle::Masking) -> (Answer, Secrets) {
    let mut secrets = Secrets::default();
    for secret in &masking.secrets {
        secrets.add(secret.as_str());
    }
    let mut value = masking.value.clone();
    secrets.mask(&mut value);
    let answer = Answer {
        values: Some(value),
        ..Answer::default()
    };
    (answer, secrets)
}

fn accepted(parsed: Parsed) -> (Answer, Secrets) {
    let answer = Answer {
        values: Some(Value::Object(parsed.values)),
        warnings: parsed.warnings,
        deprecations: parsed
            .deprecations
            .iter()
            .map(|known| json!(known))
            .collect(),
        ..Answer::default()
    };
    (answer, parsed.secrets)
}

fn refused(error: ArgumentError) -> (Answer, Secrets) {
    let answer = Answer {
        error: Some(error.message),
        warnings: error.warnings,
        deprecations: error
            .deprecations
            .iter()
            .map(|known| json!(known))
            .collect(),
        ..Answer::default()
    };
    (answer, error.secrets)
}

/// What is different; nothing, if both say the same.
fn difference(own: &Answer, secrets: &Secrets, core: &Answer) -> Option<String> {
    // A Python module that ends with a traceback refuses too, without a text to compare.
    if core.crash.is_some() {
        return own
            .values
            .as_ref()
            .map(|values| format!("accepted as {values}, core ends with {:?}", core.crash));
    }
    if core.values_not_json {
        return Some("core has values that are no JSON".to_owned());
    }
    if let Some(secret) = core.secrets.iter().find(|text| !secrets.contains(text)) {
        return Some(format!("`{secret}` is no secret"));
    }
    // A refused call's warnings depend on how far core went on after its first error.
    let same = own.error == core.error
        && own.values == core.values
        && (own.error.is_some()
            || (&own.warnings, &own.deprecations) == (&core.warnings, &core.deprecations));
    (!same).then(|| format!("\n      ours: {own:?}\n      core: {core:?}"))
}

#[test]
fn every_case_gets_the_answer_of_every_core() {
    let cases = Cases::load();
    let exceptions = Exceptions::load();
    let cores = Core::load_all();
    assert!(
        cores.len() >= 6,
        "answers of six minor versions are committed"
    );
    assert!(cases.parsing.len() >= 300, "{} cases", cases.parsing.len());

    let mut faults = Vec::new();
    let mut used = oracle::Used::new();
    let parsing = cases
        .parsing
        .iter()
        .map(|(name, case)| (name, own_answer(&cases.module, case)));
    let masking = cases
        .masking
        .iter()
        .map(|(name, masking)| (name, own_masking(masking)));
    for (name, (own, secrets)) in parsing.chain(masking) {
        for core in &cores {
            let Some(said) = core.answers.get(name) else {
                faults.push(format!(
                    "{name}: core {} was not asked; run oracle.py",
                    core.minor
                ));
                continue;
            };
            let mut own = own.clone();
            let mut said = said.clone();
            said.error = said
                .error
                .map(|text| exceptions.translate(core, &text, &mut used));
            own.error = own.error.map(|text| exceptions.cut(core, &text, &mut used));
            let found = difference(&own, &secrets, &said);
            let exception = exceptions.find(name, &core.minor);
            match (found, exception) {
                (Some(found), None) => faults.push(format!("{name} on {}: {found}", core.minor)),
                (None, Some(_)) => {
                    faults.push(format!(
                        "{name} on {}: its exception is not needed",
                        core.minor
                    ));
                }
                (Some(_), Some(exception)) => faults.extend(unlike_declared(name, exception, &own)),
                (None, None) => {}
            }
        }
    }
    faults.extend(exceptions.unused_rules(&used));
    faults.extend(exceptions.unknown_names(&cases));
    for core in &cores {
        for name in core.answers.keys().filter(|name| !cases.knows(name)) {
            faults.push(format!(
                "{name}: core {} answers what is no case",
                core.minor
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// An exception says what is answered instead; this is what it is not.
fn unlike_declared(name: &str, exception: &CaseException, own: &Answer) -> Option<String> {
    let own = own.values.as_ref().map_or_else(
        || json!({"error": own.error.as_deref().unwrap_or_default()}),
        |values| json!({"values": values}),
    );
    let declared = exception.ours.get(name).or_else(|| exception.ours.get("*"));
    match declared {
        Some(declared) if *declared == own => None,
        Some(Value::String(verdict)) if own.get(verdict).is_some() => None,
        _ => Some(format!("{name}: {own} is not what its exception declares")),
    }
}

#[test]
fn the_specs_of_the_cases_are_sound() {
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, case) in Cases::load().parsing {
        let group = name.split('/').next().unwrap_or_default().to_owned();
        faults.insert(group, check_spec(&case.spec));
    }
    faults.retain(|_, faults| !faults.is_empty());
    assert_eq!(faults, BTreeMap::new());
}

#[test]
fn the_selector_and_keys_of_the_controller_are_never_unknown() {
    let cases = Cases::load();
    let case = &cases.parsing["unknown/one"];
    let arguments: Map<String, Value> = [
        ("_module", json!("probe")),
        ("_ansible_check_mode", json!(true)),
        ("_ansible_of_a_later_core", json!([1])),
        ("bogus", json!(1)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let error = parse("probe", &case.spec, arguments.clone(), &|_| None).unwrap_err();
    assert!(
        error
            .message
            .starts_with("Unsupported parameters for (probe) module: bogus. ")
    );
    assert!(error.control.check_mode);

    let mut tolerant = arguments;
    tolerant.insert("_ansible_ignore_unknown_opts".to_owned(), json!(true));
    let parsed = parse("probe", &case.spec, tolerant, &|_| None).unwrap();
    assert!(!parsed.values.contains_key("bogus"));
}
