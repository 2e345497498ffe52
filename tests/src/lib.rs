//! What the end-to-end tests of Reprise share.
//!
//! | file | what it knows |
//! |---|---|
//! | `environment` | what `cargo xtask` told: the built binaries, Ansible, the installed collection, sshd |
//! | `process` | the one seam through which the tests start programs |
//! | `host` | labs whose nodes can be logged in to |
//! | `on_node` | the binary on a node, with `pvesh` |
//! | `program` | calling the binary: arguments in a file, on standard input, on the command line |
//! | `ansible` | a play in a private folder, and the result of every task of it |
//! | `sshd` | an SSH server on loopback with throw-away keys |
//! | `cutter` | a way to a server that is cut after so many bytes, or at a moment |
//! | `server` | where the modules are pointed at: a lab node, or a server of `--real FILE` |
//! | `api` | the API of that server, spoken without the client under test |
//! | `nodes` | three nodes of three environments, by API or with hosts |
//! | `site` | a lab as the tests find it |
//! | `job_rows` | every option of `vzdump_job`, and what it makes of a job |
//! | `suite` | what must hold on the lab and on a real server alike |
//! | `pages` | pages of the documentation, as something that can be done |
//! | `marks` | looking for secrets where none may be |
//! | `trial` | tests that say so when they could not run |

pub mod ansible;
pub mod api;
pub mod cutter;
pub mod environment;
pub mod host;
pub mod job_rows;
pub mod marks;
pub mod nodes;
pub mod on_node;
pub mod pages;
pub mod process;
pub mod program;
pub mod server;
pub mod site;
pub mod sshd;
pub mod suite;
pub mod trial;
