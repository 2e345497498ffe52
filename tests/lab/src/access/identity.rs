//! Who sends a request.

use std::fmt;

use super::{Access, Token, User};

/// The sender of a request: a user with a ticket, or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    user: String,
    token: Option<String>,
}

impl Identity {
    /// A user that logged in with a password.
    pub(crate) fn user(name: &str) -> Self {
        Self {
            user: name.to_owned(),
            token: None,
        }
    }

    /// A token of a user.
    pub(crate) fn token(user: &str, token: &str) -> Self {
        Self {
            user: user.to_owned(),
            token: Some(token.to_owned()),
        }
    }

    /// `user@realm`.
    pub(crate) fn user_id(&self) -> &str {
        &self.user
    }

    /// The part of a token id after the `!`.
    pub(crate) fn token_name(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether PVE's code takes it for root: a login of root@pam, never one of its tokens.
    pub(crate) fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.token {
            Some(token) => write!(formatter, "{}!{token}", self.user),
            None => formatter.write_str(&self.user),
        }
    }
}

impl Access {
    /// The identity behind `user@realm!token=secret`, when it is known, enabled and not expired.
    pub(crate) fn token_identity(&self, value: &str, now: i64) -> Option<Identity> {
        let (id, secret) = value.split_once('=')?;
        let (user_id, token_id) = id.split_once('!')?;
        let token = self.live_token(user_id, token_id, now)?;
        (token.secret == secret).then(|| Identity::token(user_id, token_id))
    }

    fn live_token(&self, user_id: &str, token_id: &str, now: i64) -> Option<&Token> {
        let token = self.live_user(user_id, now)?.tokens.get(token_id)?;
        (token.expires == 0 || token.expires > now).then_some(token)
    }

    /// A user that may log in.
    pub(crate) fn live_user(&self, user_id: &str, now: i64) -> Option<&User> {
        let is_live = |user: &&User| user.enabled && (user.expires == 0 || user.expires > now);
        self.users.get(user_id).filter(is_live)
    }
}
