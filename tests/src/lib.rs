//! What the end-to-end tests of Reprise share.
//!
//! | file | what it knows |
//! |---|---|
//! | `environment` | what `cargo xtask` told: the built binaries, Ansible, the installed collection, sshd |
//! | `process` | the one seam through which the tests start programs |
//! | `program` | calling the binary: arguments in a file, on standard input, on the command line |
//! | `ansible` | a play in a private folder, and the result of every task of it |
//! | `sshd` | an SSH server on loopback with throw-away keys |
//! | `server` | where the modules are pointed at: a lab node, or a server of `--real FILE` |
//! | `api` | the API of that server, spoken without the client under test |
//! | `nodes` | three nodes of three environments, by API or with hosts |
//! | `site` | a lab as the tests find it |
//! | `job_rows` | every option of `vzdump_job`, and what it makes of a job |
//! | `suite` | what must hold on the lab and on a real server alike |
//! | `marks` | looking for secrets where none may be |
//! | `trial` | tests that say so when they could not run |

pub mod ansible;
pub mod api;
pub mod environment;
pub mod job_rows;
pub mod marks;
pub mod nodes;
pub mod process;
pub mod program;
pub mod server;
pub mod site;
pub mod sshd;
pub mod suite;
pub mod trial;
