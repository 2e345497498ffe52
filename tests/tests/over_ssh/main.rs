//! `--on`: the program on another machine, through a real sshd on loopback. The module is `errand`,
//! which writes into a file: what was done, and how often, is there to be read.

#![cfg(test)]

mod cut;
mod place;
mod reach;
mod runs;
mod world;
