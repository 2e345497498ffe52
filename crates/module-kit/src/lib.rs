//! What every module of Reprise shares: five steps, two fronts, one way to fail.
//!
//! A module declares its options and its result, and implements [`Module`]. The [`driver`] takes
//! it through spec → observe → plan → apply → report; [`ansible_front`] and [`cli_front`] are the
//! two ways to call it.
//!
//! | file | what it knows |
//! |---|---|
//! | `module` | the declaration and the five steps |
//! | `driver` | the order of the steps, check mode, a failure half-way |
//! | `plan` | what a plan is: actions, diff, warnings |
//! | `settings` | an object of Proxmox VE in comparable form, and the change from one to another |
//! | `privileges` | what each operation of a module needs, and the lines that give it to a token |
//! | `rights` | rights that a plan needs, checked |
//! | `fragment/…` | options that several modules share |
//! | `connection`, `on_node` | the options of the connection become a client; without them, `pvesh` |
//! | `ansible_front`, `cli_front/…` | how a module is called, and what comes out |
//! | `over_ssh/…` | a command done by the same program on other machines |
//! | `exit`, `failure` | how a call ends |
//! | `clock`, `context` | what the steps are given |
//! | `testing` | scripted answers of a server, for tests |

pub mod ansible_front;
pub mod cli_front;
mod clock;
mod connection;
mod context;
pub mod driver;
mod exit;
mod failure;
pub mod fragment;
mod markup;
mod module;
mod on_node;
pub mod over_ssh;
pub mod plan;
pub mod privileges;
pub mod rights;
#[cfg(test)]
mod sample;
pub mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use clock::{Clock, FixedClock, SystemClock};
pub use context::{Connect, Context, Tell};
pub use driver::{Mode, Registered};
pub use exit::Exit;
pub use failure::Failure;
pub use markup::plain_text;
pub use module::{Declaration, Module, Progress, Verdict};

/// The result of a read that ran beside others. A read that panicked goes on panicking: the panic
/// hook has already told the user.
pub fn joined<T>(handle: std::thread::ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The value of a variable of the environment; only the binary reads the real one.
pub type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);
