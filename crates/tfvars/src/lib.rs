//! Addresses and credentials out of the variables of Terraform (`terraform.tfvars`,
//! `*.tfvars.json`).
//!
//! Nobody agreed on the names in these files, so a [`Map`] says where each thing stands, with
//! expressions such as `nodes.prod.ip` or `nodes.*.ip`; [`Map::default`] knows the common shapes.
//! [`connection()`] reads what a call to Proxmox VE needs, [`inventory()`] the hosts for Ansible.
//! Nothing is evaluated: a template or a reference where a value is needed is an error.
//!
//! These files hold secrets. No error quotes a value, `Debug` shows none, and what may be printed
//! is only taken from names that promise no secret.
//!
//! | file | what it knows |
//! |---|---|
//! | `variables` | a file, read and understood |
//! | `tree` | what both syntaxes become: values, each with its line |
//! | `hcl`, `json` | the two syntaxes |
//! | `expression` | `nodes.*.ip`, and what it finds in a file |
//! | `map` | which expression tells what, and the defaults |
//! | `guard` | names that promise a secret |
//! | `address` | a host, out of the forms it is written in |
//! | `reader` | one value or all nodes, by the map |
//! | `connection`, `inventory` | what callers ask for |
//! | `error` | what was wrong, in which file and line |

mod address;
mod connection;
mod error;
mod expression;
mod guard;
mod hcl;
mod inventory;
mod json;
mod map;
mod reader;
mod tree;
mod variables;

pub use connection::{Given, connection};
pub use error::{Error, Kind};
pub use expression::Expression;
pub use inventory::{Host, Inventory, inventory};
pub use map::{Key, Map};
pub use variables::Variables;
