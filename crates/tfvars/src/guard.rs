//! Names that promise a secret. What stands under one is never printed, whatever a map says.

/// Parts of a name that promise a secret, wherever they stand in it.
const ANYWHERE: [&str; 6] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
];

/// Words of a name that do.
const WORDS: [&str; 8] = ["key", "keys", "apikey", "pass", "pwd", "pw", "pin", "hash"];

/// What may also be the name of a group in which an address stands beside the secret.
const GROUP: &str = "credential";

/// Whether a way through a file leads to, or through, a name that promises a secret.
pub(crate) fn way_to_secret<'a>(names: impl DoubleEndedIterator<Item = &'a str>) -> bool {
    let mut names = names.rev();
    names.next().is_some_and(promises_secret)
        || names.any(|name| {
            let lower = name.to_lowercase();
            promises_secret(&lower.replace(GROUP, ""))
        })
}

/// Whether this name promises a secret.
fn promises_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    ANYWHERE.iter().any(|part| lower.contains(part))
        || words(name).any(|word| WORDS.contains(&word.as_str()))
}

/// The same for what should lead to the id of a token, which stands under names with `token`.
pub(crate) fn way_to_other_secret<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| {
        let lower = name.to_lowercase();
        promises_secret(&lower.replace("token", "").replace(GROUP, ""))
    })
}

/// Whether this has the form that Proxmox VE gives the secret of a token.
pub(crate) fn looks_like_secret(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(place, c)| match place {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// The words of `snake_case`, `kebab-case` and `camelCase`, in lower case.
pub(crate) fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = before.is_lowercase() && c.is_uppercase()
            || before.is_alphabetic() != c.is_alphabetic() && c.is_alphanumeric();
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_promise_a_secret() {
        for name in [
            "pm_password",
            "pm_api_token_secret",
            "proxmox_api_token",
            "dbPassword",
            "ROOT_PASSWORD",
            "ssh_key",
            "api-key",
            "private_key",
            "root_pw",
            "credentials",
            "pass2",
        ] {
            assert!(promises_secret(name), "{name}");
        }
    }

    #[test]
    fn names_that_do_not() {
        for name in [
            "ip",
            "endpoint",
            "pm_api_url",
            "monkey",
            "private_ip",
            "compass",
            "prod",
            "keyboard",
        ] {
            assert!(!promises_secret(name), "{name}");
        }
    }

    #[test]
    fn a_way_through_a_secret_leads_to_one() {
        let leads = |way: &str| way_to_secret(way.split('.'));
        assert!(leads("tokens.prod"));
        assert!(leads("nodes.prod.password"));
        assert!(leads("credentials"));
        assert!(leads("credentials.token"));
        assert!(!leads("proxmox_credentials.host"));
        assert!(way_to_other_secret(["pm_api_token_secret"].into_iter()));
        assert!(!way_to_other_secret(["tokens", "token_id"].into_iter()));
    }

    #[test]
    fn words_of_names() {
        let of = |name| words(name).collect::<Vec<_>>();
        assert_eq!(of("pve-prod_1"), ["pve", "prod", "1"]);
        assert_eq!(of("prodNode2"), ["prod", "node", "2"]);
        assert_eq!(of("prod2"), ["prod", "2"]);
    }

    #[test]
    fn the_secret_of_a_token_by_its_form() {
        assert!(looks_like_secret("0f2c1f3e-6a5b-4c3d-9e8f-001122334455"));
        assert!(!looks_like_secret("pve-prod-with-a-name-of-36-characters"));
        assert!(!looks_like_secret("pve1.example.com"));
    }
}
