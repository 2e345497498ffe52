//! Who is calling.

use crate::{Error, Identity, Secret};

/// Who is calling, and how it is proved.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A token of the API.
    Token {
        /// Who is calling.
        identity: Identity,
        /// The secret of the token.
        secret: Secret,
    },
    /// A user with a password.
    Password {
        /// Who is calling.
        identity: Identity,
        /// The password.
        password: Secret,
    },
}

impl Auth {
    /// A token. `token_id` is its name, or the whole `user@realm!name`; then `user` may be absent.
    pub fn token(user: Option<&str>, token_id: &str, secret: Secret) -> Result<Self, Error> {
        let (user, name) = match (token_id.split_once('!'), user) {
            (Some((owner, _)), Some(user)) if user != owner => {
                return Err(Error::settings(format!(
                    "the token `{token_id}` belongs to `{owner}`, but the user is `{user}`; leave one of the two out"
                )));
            }
            (Some((owner, name)), _) => (owner, name),
            (None, Some(user)) => (user, token_id),
            (None, None) => {
                return Err(Error::settings(format!(
                    "the token `{token_id}` does not say whose it is; write it as `user@realm!{token_id}`"
                )));
            }
        };
        check_user(user)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.len() < 2 || !name.chars().all(allowed) {
            return Err(Error::settings(format!(
                "`{name}` is not the name of a token: at least 2 characters, letters, digits, `.`, `-` and `_`"
            )));
        }
        check_secret(&secret, "the secret of the token")?;
        Ok(Self::Token {
            identity: Identity {
                user: user.to_owned(),
                token: Some(name.to_owned()),
            },
            secret,
        })
    }

    /// A user, with realm, and the password.
    pub fn password(user: &str, password: Secret) -> Result<Self, Error> {
        check_user(user)?;
        if password.expose().is_empty() {
            return Err(Error::settings(format!(
                "the password of `{user}` is empty"
            )));
        }
        Ok(Self::Password {
            identity: Identity {
                user: user.to_owned(),
                token: None,
            },
            password,
        })
    }

    pub(super) const fn identity(&self) -> &Identity {
        match self {
            Self::Token { identity, .. } | Self::Password { identity, .. } => identity,
        }
    }

    pub(super) const fn secret(&self) -> &Secret {
        match self {
            Self::Token { secret, .. } => secret,
            Self::Password { password, .. } => password,
        }
    }
}

fn check_user(user: &str) -> Result<(), Error> {
    let wrong = |why: &str| {
        Err(Error::settings(format!(
            "`{user}` is not a user of PVE: {why}"
        )))
    };
    match user.rsplit_once('@') {
        None | Some((_, "") | ("", _)) => wrong("the realm is missing; write it as `root@pam`"),
        Some((name, realm)) => {
            let bad =
                |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/' | '!' | '=');
            if name.contains(bad) || realm.contains(bad) {
                return wrong("blanks and `:`, `/`, `!`, `=` are not allowed");
            }
            Ok(())
        }
    }
}

/// A secret goes into a header; what cannot stand there is a copying mistake.
fn check_secret(secret: &Secret, what: &str) -> Result<(), Error> {
    let text = secret.expose();
    if text.is_empty() {
        return Err(Error::settings(format!("{what} is empty")));
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Error::settings(format!(
            "{what} has blanks, line ends or other characters that cannot belong to it"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_both_forms() {
        for (user, id) in [
            (Some("root@pam"), "lab"),
            (Some("root@pam"), "root@pam!lab"),
            (None, "root@pam!lab"),
        ] {
            let auth = Auth::token(user, id, "x".into()).unwrap();
            assert_eq!(auth.identity().to_string(), "root@pam!lab");
        }
        for (user, id) in [
            (None, "lab"),
            (Some("root"), "lab"),
            (Some("a@pve"), "root@pam!lab"),
            (Some("root@pam"), "l"),
            (Some("root@pam"), ""),
            (Some("@pam"), "lab"),
            (Some("root@"), "lab"),
            (Some("root@pam"), "a=b"),
        ] {
            assert!(Auth::token(user, id, "x".into()).is_err(), "{user:?} {id}");
        }
        for secret in ["", "a b", "abc\n", "ä"] {
            let error = Auth::token(None, "root@pam!lab", secret.into()).unwrap_err();
            assert!(
                secret.is_empty() || !error.to_string().contains(secret),
                "{error}"
            );
        }
    }

    #[test]
    fn passwords_need_a_realm() {
        assert!(Auth::password("root@pam", "pass word\u{e4}".into()).is_ok());
        let error = Auth::password("root", "x".into()).unwrap_err();
        assert!(error.to_string().contains("`root@pam`"), "{error}");
        assert!(Auth::password("root@pam", "".into()).is_err());
    }
}
