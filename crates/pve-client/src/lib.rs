//! The API of Proxmox VE (PVE) as typed calls over a narrow transport.
//!
//! Modules use [`Client`] and see guests, jobs, storages, archives and tasks. They see neither
//! JSON nor HTTP: those stay behind [`Transport`], which is [`https`] from anywhere, or [`pvesh`]
//! on a node.
//!
//! | file | what it knows |
//! |---|---|
//! | `api/…` | one file per family of calls: what is asked, and what the answer means |
//! | `client` | the face above a transport |
//! | `transport`, `path`, `params` | what a transport is given |
//! | `error/…` | kinds of errors, how PVE's texts become kinds, what to do next |
//! | `known` | what could not be seen for lack of rights is unknown, never empty |
//! | `https/…` | TLS, tokens and tickets, retries |
//! | `pvesh/…` | command lines, their answers, tasks that outlive us |
//!
//! What a caller can rely on:
//! - a write that was sent is never sent again blindly; [`Error::retry_is_safe`] says which errors
//!   leave that open;
//! - reads are tried three times when the connection or a proxy fails;
//! - secrets appear in no `Debug` output and in no error.

pub mod api;
mod client;
mod error;
pub mod https;
mod known;
mod params;
mod path;
pub mod pvesh;
mod secret;
mod timer;
mod transport;

pub use client::Client;
pub use error::classify::{Refusal, refusal};
pub use error::hint::grant_lines as grant;
pub use error::{Error, ErrorKind, NotSent};
pub use known::{Gap, Known, Seen};
pub use params::{Changes, JobParams, ParamValue, Params, StorageParams};
pub use path::ApiPath;
pub use secret::Secret;
pub use timer::{SystemTimer, Timer};
pub use transport::{Identity, Method, Request, Transport};
