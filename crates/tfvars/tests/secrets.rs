//! No secret of a file is in an inventory, in an error or in what `Debug` shows, however the file
//! is broken and whatever the map names.

use proptest::prelude::*;
use serde_json::json;
use tfvars::{Map, Variables, connection, inventory};

/// Where the secrets stand, and what else a map may name.
const PLACES: [&str; 14] = [
    "pm_password",
    "proxmox_api_token",
    "settings.db.password",
    "settings.db.*",
    "settings.*.password",
    "tokens.*",
    "tokens[0]",
    "nodes.prod.api_key",
    "nodes.*.api_key",
    "nodes.prod.*",
    "nodes.*.*",
    "nodes.*.ip",
    "proxmox_endpoint",
    "nothing.there",
];

fn file(secrets: &[String; 5], as_json: bool) -> String {
    let [password, token, db, listed, key] = secrets;
    let token = format!("root@pam!t1={token}");
    if as_json {
        let file = json!({
            "pm_password": password,
            "proxmox_api_token": token,
            "proxmox_endpoint": "https://192.0.2.10:8006",
            "settings": {"db": {"host": "db", "password": db}},
            "tokens": [listed],
            "nodes": {"prod": {"ip": "192.0.2.10", "api_key": key}},
        });
        return format!("{file:#}");
    }
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace("${", "$${").replace("%{", "%%{"))
    };
    format!(
        "pm_password = {}\nproxmox_api_token = {}\nproxmox_endpoint = \"https://192.0.2.10:8006\"\nsettings = {{ db = {{ host = \"db\", password = {} }} }}\ntokens = [{}]\nnodes = {{\n  prod = {{ ip = \"192.0.2.10\", api_key = {} }}\n}}\n",
        quoted(password),
        quoted(&token),
        quoted(db),
        quoted(listed),
        quoted(key),
    )
}

/// What a person would see of it.
fn seen(text: &str, pairs: &[(&str, &str)]) -> (String, bool) {
    let mut map = Map::default();
    let mut seen = Vec::new();
    let mut tell = |error: &tfvars::Error| {
        seen.push(format!("{error}\n{error:?}\n{:?}", error.next_step()));
    };
    for (key, expression) in pairs {
        if let Err(error) = map.add(key, expression) {
            tell(&error);
        }
    }
    let file = match Variables::parse("t", text) {
        Ok(file) => file,
        Err(error) => {
            tell(&error);
            return (seen.join("\n"), false);
        }
    };
    if let Err(error) = connection(&file, &map, &|_| None) {
        tell(&error);
    }
    match inventory(&file, &map) {
        Err(error) => tell(&error),
        Ok(inventory) => seen.push(format!("{}\n{inventory:?}", inventory.to_value())),
    }
    seen.push(format!("{file:?}"));
    (seen.join("\n"), true)
}

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        // What would pass for a host name, and what would not.
        "[a-z][a-z0-9]{15,30}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[!-~]{16,30}",
        "[a-z]{6}[$%]\\{[a-z]{8}\\}\"\\\\[a-z]{4}",
    ]
}

proptest! {
    #[test]
    fn whatever_the_map_names(
        secrets in prop::array::uniform5(secret()),
        as_json in any::<bool>(),
        pairs in prop::collection::vec((0..tfvars::Key::ALL.len(), 0..PLACES.len()), 0..4),
    ) {
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, place)| (tfvars::Key::ALL[*key].name(), PLACES[*place]))
            .collect();
        let (seen, understood) = seen(&file(&secrets, as_json), &pairs);
        prop_assert!(understood, "{seen}");
        for secret in &secrets {
            prop_assert!(!seen.contains(secret.as_str()), "{seen}");
            prop_assert!(!seen.contains(&secret[..12]), "{seen}");
        }
    }

    #[test]
    fn however_the_file_is_broken(
        secrets in prop::array::uniform5(secret()),
        as_json in any::<bool>(),
        place in any::<prop::sample::Index>(),
        put in prop::option::of("[\"{}\\[\\]=$,\n<#]"),
    ) {
        let mut text = file(&secrets, as_json);
        let place = place.index(text.len());
        match put {
            None => text.truncate(place),
            Some(put) => text.insert_str(place, &put),
        }
        let (seen, _) = seen(&text, &[]);
        for secret in &secrets {
            prop_assert!(!seen.contains(&secret[..12]), "{seen}");
            prop_assert!(!seen.contains(&secret[secret.len() - 12..]), "{seen}");
        }
    }

    #[test]
    fn any_bytes_are_understood_or_refused(text in "[a-z\"{}\\[\\]()=:$%,.\n<#!?*+-]{0,60}") {
        seen(&text, &[("nodes", "nodes.*.ip"), ("api_token", "a.b")]);
    }

    #[test]
    fn passwords_survive(password in "[ -~]{1,40}", as_json in any::<bool>()) {
        let mut secrets = [const { String::new() }; 5].map(|_| "x".to_owned());
        secrets[0] = password.clone();
        let text = file(&secrets, as_json);
        prop_assume!(!(as_json && password.starts_with("${") && password.ends_with('}')));
        let mut map = Map::default();
        map.add("api_password", "pm_password").unwrap();
        map.add("api_token", "proxmox_api_token").unwrap();
        let given = |name: &str| name.starts_with("api_token").then(|| "given".to_owned());
        let file = Variables::parse("t", &text).unwrap();
        // With a token given, the password is not read; without, the file's token would be.
        let options = connection(&file, &map, &given).unwrap();
        prop_assert!(!options.contains_key("api_password"));
        let no_token = text.replace("proxmox_api_token", "other");
        let file = Variables::parse("t", &no_token).unwrap();
        let mut map = Map::default();
        map.add("api_password", "pm_password").unwrap();
        let options = connection(&file, &map, &|_| None).unwrap();
        prop_assert_eq!(&options["api_password"], &json!(password));
    }
}
