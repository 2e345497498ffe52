//! What holds for any arguments and any result.

use ansible_module::{
    Output, Secrets, check_spec,
    option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec, RequiredIf},
    parse,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Map, Value, json};

const TEXT: &[&str] = &["A sentence."];
const SUB: &[OptionSpec] = &[
    OptionSpec::new("key", Kind::Str, TEXT).required(),
    OptionSpec::new("token", Kind::Str, TEXT)
        .no_log()
        .aliases(&["tok"]),
    OptionSpec::new("ports", Kind::List(&Kind::Int), TEXT),
    OptionSpec::new(
        "more",
        Kind::Dict(&[OptionSpec::new("x", Kind::Float, TEXT)]),
        TEXT,
    ),
];
const SPEC: ArgumentSpec = ArgumentSpec {
    groups: &[OptionGroup {
        title: "All",
        options: &[
            OptionSpec::new("text", Kind::Str, TEXT).aliases(&["txt"]),
            OptionSpec::new("int", Kind::Int, TEXT).default(Default::Int(5)),
            OptionSpec::new("float", Kind::Float, TEXT),
            OptionSpec::new("flag", Kind::Bool, TEXT),
            OptionSpec::new("path", Kind::Path, TEXT),
            OptionSpec::new("raw", Kind::Raw, TEXT),
            OptionSpec::new("dict", Kind::Dict(&[]), TEXT),
            OptionSpec::new("list", Kind::List(&Kind::Str), TEXT).choices(&["a", "b", "3"]),
            OptionSpec::new("ids", Kind::List(&Kind::Int), TEXT),
            OptionSpec::new("password", Kind::Str, TEXT)
                .no_log()
                .aliases(&["pw"]),
            OptionSpec::new("keys", Kind::Dict(&[]), TEXT).no_log(),
            OptionSpec::new("sub", Kind::Dict(SUB), TEXT),
            OptionSpec::new("subs", Kind::List(&Kind::Dict(SUB)), TEXT),
        ],
    }],
    constraints: Constraints {
        mutually_exclusive: &[&["text", "float"]],
        required_together: &[&["flag", "ids"]],
        required_if: &[RequiredIf {
            option: "int",
            value: Default::Int(3),
            required: &["path"],
            any: false,
        }],
        required_by: &[("path", &["raw"])],
        ..Constraints::NONE
    },
};
const NAMES: &[&str] = &[
    "text",
    "txt",
    "int",
    "float",
    "flag",
    "path",
    "raw",
    "dict",
    "list",
    "ids",
    "password",
    "pw",
    "keys",
    "sub",
    "subs",
    "key",
    "token",
    "tok",
    "ports",
    "more",
    "x",
    "unknown",
    "_module",
    "_ansible_check_mode",
    "_ansible_ignore_unknown_opts",
    "_ansible_verbosity",
];
/// Texts that some kind understands, so that not every call is refused.
const LIKELY: &[&str] = &[
    "",
    "3",
    "3.0",
    "1e400",
    "yes",
    "no",
    "a,b",
    "a",
    "key=v",
    "key=v,token=zqzqzq",
    "{\"key\": 1}",
    "{",
    "~/x",
    "$HOME",
    "x=1.5",
    "nan",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-4_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        select(LIKELY).prop_map(Value::from),
        select(LIKELY).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(NAMES).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    vec((name(), any_value()), 0..6).prop_map(|entries| entries.into_iter().collect())
}

/// Arguments that are as declared, or nearly: each option may be left out.
fn plausible() -> impl Strategy<Value = Map<String, Value>> {
    let text = any::<String>().prop_map(Value::from);
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        (-9_i64..9).prop_map(|int| Value::from(int.to_string())),
        (-9_i64..9).prop_map(|int| Value::from(format!("{int}.0"))),
    ];
    let float = prop_oneof![any::<f64>().prop_map(Value::from), Just(json!("1e3"))];
    let flag = select(vec![json!(true), json!("no"), json!(1), json!(0.0)]);
    let map = vec((any::<String>(), any_value()), 0..3)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()));
    let choice = select(vec![json!("a,b"), json!(["a", 3]), json!([]), json!(3)]);
    let sub = (text.clone(), any::<bool>(), float.clone()).prop_map(|(key, alias, x)| {
        let token = if alias { "tok" } else { "token" };
        json!({"key": key, token: "t", "more": {"x": x}, "ports": "1,2"})
    });
    let options: Vec<BoxedStrategy<(&str, Value)>> = vec![
        text.clone().prop_map(|value| ("txt", value)).boxed(),
        number.clone().prop_map(|value| ("int", value)).boxed(),
        flag.prop_map(|value| ("flag", value)).boxed(),
        vec(number, 0..3)
            .prop_map(|values| ("ids", Value::from(values)))
            .boxed(),
        select(vec!["a", "~/b", "$HOME/c"])
            .prop_map(|value| ("path", json!(value)))
            .boxed(),
        any_value().prop_map(|value| ("raw", value)).boxed(),
        map.prop_map(|value| ("dict", value)).boxed(),
        choice.prop_map(|value| ("list", value)).boxed(),
        sub.clone().prop_map(|value| ("sub", value)).boxed(),
        vec(sub, 0..3)
            .prop_map(|values| ("subs", Value::from(values)))
            .boxed(),
    ];
    subsequence(options, 0..=10)
        .prop_flat_map(|chosen| chosen)
        .prop_map(|entries| {
            let entries = entries.into_iter();
            entries
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        })
}

fn environment(name: &str) -> Option<String> {
    (name == "HOME").then(|| "/home/op".to_owned())
}

/// A value without the nulls that stand for options left out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Every text and number in a value, not the keys.
fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(elements) => elements.iter().flat_map(leaves).collect(),
        Value::Object(map) => map.values().flat_map(leaves).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

/// Texts of letters that stand in no placeholder and no key.
fn secret() -> impl Strategy<Value = String> {
    "[qzxj]{2,6}[\u{e9}\"\\\\\n7]?[qzxj]{2,3}"
}

#[test]
fn the_table_of_this_test_is_sound() {
    assert_eq!(check_spec(&SPEC), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_global_rejects: 5000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn parsing_ends_with_values_or_an_error(arguments in arguments()) {
        match parse("probe", &SPEC, arguments, &environment) {
            Ok(parsed) => {
                let names: Vec<&str> = parsed.values.keys().map(String::as_str).collect();
                let declared: Vec<&str> = SPEC.options().map(|option| option.name).collect();
                prop_assert_eq!(names, declared);
            }
            Err(error) => prop_assert!(!error.message.is_empty()),
        }
    }

    #[test]
    fn validated_values_are_valid_and_stay_the_same(arguments in plausible()) {
        let parsed = parse("probe", &SPEC, arguments, &environment);
        prop_assume!(parsed.is_ok());
        let parsed = parsed.unwrap();
        let given = SPEC
            .options()
            .filter_map(|option| {
                let value = parsed.values.get(option.name)?;
                let value = match option.name {
                    "sub" | "subs" => without_nulls(value),
                    _ => value.clone(),
                };
                (!value.is_null()).then(|| (option.name.to_owned(), value))
            })
            .collect();
        let again = parse("probe", &SPEC, given, &|_| None);
        prop_assert_eq!(again.map(|again| again.values).map_err(|error| error.message), Ok(parsed.values));
    }

    #[test]
    fn no_secret_of_any_call_is_in_its_result(
        mut arguments in prop_oneof![arguments(), plausible()],
        place in select(vec!["password", "pw", "keys", "sub", "subs"]),
        secret in secret(),
        around in any_value(),
        unknown in any::<bool>(),
    ) {
        let holder = match place {
            "password" | "pw" => json!(secret),
            "keys" => json!({"a": [secret, around]}),
            "sub" => json!({"token": secret, "key": format!("<{secret}>"), "ports": around}),
            _ => json!([{"tok": secret}, around]),
        };
        arguments.insert(place.to_owned(), holder);
        arguments.insert("text".to_owned(), json!(format!("<{secret}>")));
        if unknown {
            arguments.insert("unknown".to_owned(), json!(secret));
        }
        let output = match parse("probe", &SPEC, arguments, &environment) {
            Ok(parsed) => Output::of(&parsed).field("values", Value::Object(parsed.values)),
            Err(error) => Output::from(&*error),
        };
        for leaf in leaves(&output.into_value()) {
            prop_assert!(!leaf.contains(&secret), "{}", leaf);
        }
    }

    #[test]
    fn masking_leaves_no_secret_in_any_value(
        secrets in vec(secret(), 1..4),
        pieces in vec((any_value(), "[a-z ]{0,3}", "[a-z ]{0,3}"), 1..5),
    ) {
        let mut known = Secrets::default();
        for secret in &secrets {
            known.add(secret.as_str());
        }
        let texts: Vec<Value> = pieces
            .iter()
            .zip(secrets.iter().cycle())
            .map(|((value, before, after), secret)| {
                let text = format!("{before}{secret}{after}{secret}");
                json!([value, text, json!({"quoted": text}).to_string()])
            })
            .collect();
        let value = Output::empty().secrets(&known).field("texts", texts).into_value();
        for leaf in leaves(&value) {
            for secret in &secrets {
                prop_assert!(!leaf.contains(secret.as_str()), "{}", leaf);
            }
        }
    }
}
