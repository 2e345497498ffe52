//! Who is told of a run.

use module_kit::Failure;
use pve_types::lenient::split_list;

/// The receivers, one by one: an entry may itself be a list, as Proxmox VE takes it.
pub(crate) fn receivers(entries: &[String]) -> Result<Vec<&str>, Failure> {
    let receivers: Vec<&str> = entries.iter().flat_map(|entry| split_list(entry)).collect();
    match receivers.iter().find(|receiver| !is_receiver(receiver)) {
        None => Ok(receivers),
        Some(receiver) => Err(Failure::usage(format!(
            "mailto: `{receiver}` is neither a mail address nor the name of a user"
        ))),
    }
}

/// `user`, `user@realm` or `user@host.example`.
fn is_receiver(text: &str) -> bool {
    let word = |part: &str, more: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|character| character.is_alphanumeric() || more.contains(character))
    };
    let (user, host) = match text.split_once('@') {
        Some((user, host)) => (user, Some(host)),
        None => (text, None),
    };
    user.split('.').all(|part| word(part, "_+-~"))
        && host.is_none_or(|host| host.split('.').all(|part| word(part, "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[&str]) -> Result<Vec<String>, String> {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        receivers(&entries)
            .map(|list| list.into_iter().map(str::to_owned).collect())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn addresses_users_and_lists_pass() {
        let want = ["root", "a.b+c@example.com", "ops@pam"].map(str::to_owned);
        assert_eq!(
            of(&["root", "a.b+c@example.com;ops@pam", ""]),
            Ok(want.to_vec())
        );
        assert_eq!(of(&[]), Ok(vec![]));
    }

    #[test]
    fn others_are_named() {
        for wrong in ["a@", "@b", "a..b@c", "a@b@c", "a/b", "a@b_c"] {
            let message = of(&["root", wrong]).unwrap_err();
            assert_eq!(
                message,
                format!("mailto: `{wrong}` is neither a mail address nor the name of a user")
            );
        }
    }
}
