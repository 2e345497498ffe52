//! `pvesh` as a node has it: the API as root@pam, on a command line.
//!
//! The program itself (`client`) does nothing but pass its arguments to the lab and print what
//! comes back; the same code answers as over https. A task runs in its foreground, in a process of
//! its own (`worker`), and ends with it.
//!
//! | file | what it knows |
//! |---|---|
//! | `client` | the program |
//! | `worker` | the process of a task |
//! | `server` | the lab's side of a call |
//! | `command_line`, `getopt` | what the words mean, as Perl's `Getopt::Long` reads them |
//! | `refused` | errors, their codes and the usage line |
//! | `output` | results as JSON, YAML or a table |
//! | `tree` | `ls` and `usage` |

mod client;
mod command_line;
mod getopt;
mod output;
mod refused;
mod server;
mod tree;
mod worker;

pub(crate) use client::run;
pub(crate) use server::answer;
pub(crate) use worker::{become_worker, run as run_worker};

/// What the process of a task is called until it knows which.
pub(crate) const UNBORN: &str = "pve-lab-task";

/// What it is called then, as on a real node.
pub(crate) const TITLE: &str = "task UPID:";
