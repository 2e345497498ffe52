//! Login tickets and the tokens against forged writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Access;
use super::identity::Identity;

/// How long a ticket is good, in seconds.
const LIFETIME: i64 = 2 * 3600;
/// How far a ticket may be ahead of the clock.
const LEAD: i64 = 300;

/// Signs the tickets of one node.
#[derive(Debug)]
pub(crate) struct Signer {
    secret: [u8; 32],
}

impl Signer {
    /// A signer with this secret.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A ticket of a user, made at `now`.
    pub(crate) fn ticket(&self, user: &str, now: i64) -> String {
        let plain = format!("PVE:{user}:{now:08X}");
        let signature = self.sign(&plain);
        format!("{plain}::{signature}")
    }

    /// The token that writes of this user must carry.
    pub(crate) fn csrf(&self, user: &str, now: i64) -> String {
        let stamp = format!("{now:08X}");
        let signature = self.sign(&format!("{stamp}:{user}"));
        format!("{stamp}:{signature}")
    }

    /// The user behind a ticket that is still good.
    pub(crate) fn verify(&self, ticket: &str, access: &Access, now: i64) -> Option<Identity> {
        let (plain, signature) = ticket.split_once("::")?;
        let mut parts = plain.splitn(3, ':');
        let (prefix, user, stamp) = (parts.next()?, parts.next()?, parts.next()?);
        let made = i64::from_str_radix(stamp, 16).ok()?;
        let good = prefix == "PVE"
            && self.sign(plain) == signature
            && is_fresh(made, now)
            && access.live_user(user, now).is_some();
        good.then(|| Identity::user(user))
    }

    /// Whether a write of `user` may carry this token.
    pub(crate) fn verify_csrf(&self, token: &str, user: &str, now: i64) -> bool {
        let Some((stamp, signature)) = token.split_once(':') else {
            return false;
        };
        let fresh = i64::from_str_radix(stamp, 16).is_ok_and(|made| is_fresh(made, now));
        fresh && self.sign(&format!("{stamp}:{user}")) == signature
    }

    fn sign(&self, text: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.secret)
            .chain_update(text)
            .finalize();
        STANDARD_NO_PAD.encode(digest)
    }
}

fn is_fresh(made: i64, now: i64) -> bool {
    (-LEAD..=LIFETIME).contains(&(now - made))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::User;

    #[test]
    fn a_ticket_ends_after_two_hours_and_cannot_be_changed() {
        let mut access = Access::default();
        let user = User::new(String::new());
        access.users.insert("a@pve".to_owned(), user);
        let signer = Signer::new([7; 32]);
        let ticket = signer.ticket("a@pve", 1000);
        assert_eq!(
            signer.verify(&ticket, &access, 1000 + 7200),
            Some(Identity::user("a@pve"))
        );
        assert_eq!(signer.verify(&ticket, &access, 1000 + 7201), None);
        assert_eq!(
            signer.verify(&ticket.replace("a@pve", "root@pam"), &access, 1000),
            None
        );
        let csrf = signer.csrf("a@pve", 1000);
        assert!(signer.verify_csrf(&csrf, "a@pve", 1000));
        assert!(!signer.verify_csrf(&csrf, "b@pve", 1000));
        assert!(!signer.verify_csrf("00000000:AAAA", "a@pve", 1000));
    }
}
