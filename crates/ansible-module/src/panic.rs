//! A panic is a failed result too.
//!
//! With `panic = "abort"` a program that panics ends by a signal, and Ansible shows an empty
//! result. The hook runs before that: it prints the result and ends the program itself.

use std::{
    panic::{self, PanicHookInfo},
    process,
    sync::{PoisonError, RwLock, TryLockError},
};

use crate::{mask::Secrets, result::Output};

static SECRETS: RwLock<Option<Secrets>> = RwLock::new(None);

/// From now on a panic prints a failed result on standard output, and the program ends with
/// `exit_code`.
pub fn install(exit_code: u8) {
    panic::set_hook(Box::new(move |info| {
        let output = result(info, exit_code);
        // Nobody is left to tell when this fails.
        output.print().ok();
        #[expect(
            clippy::exit,
            reason = "a panic must not end as a signal, and nothing may follow the result"
        )]
        process::exit(i32::from(exit_code));
    }));
}

/// From now on the message of a panic is masked with these secrets, and those before.
pub fn protect(secrets: &Secrets) {
    SECRETS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_default()
        .extend(secrets);
}

fn result(info: &PanicHookInfo<'_>, exit_code: u8) -> Output {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let secrets = match SECRETS.try_read() {
        Ok(secrets) => Some(secrets.clone().unwrap_or_default()),
        Err(TryLockError::Poisoned(secrets)) => {
            Some(secrets.into_inner().clone().unwrap_or_default())
        }
        Err(TryLockError::WouldBlock) => None,
    };
    let message = match &secrets {
        Some(_) => info.payload_as_str().unwrap_or("no message"),
        // The panic came while secrets were being added: what it says cannot be masked.
        None => "message withheld",
    };
    Output::empty()
        .secrets(&secrets.unwrap_or_default())
        .fail(format!(
            "internal error at {place}: {message}. This is a defect of the module; what it had done until then is not known: look before you run it again, and please report it"
        ))
        .exit_code(exit_code)
}
