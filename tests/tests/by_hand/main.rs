//! The binary called directly, as Ansible and as a person call it, against the lab.

#![cfg(test)]

mod budget;
mod cluster;
mod command_line;
mod connection;
mod coverage;
mod digest;
mod faults;
mod files;
mod jobs;
mod ledger;
mod meanwhile;
mod memory;
mod on_node;
mod options;
mod pace;
mod privileges;
mod pruned;
mod rights;
mod run;
mod secrets;
mod selection;
mod storages;
mod support;
mod truth;
mod unreadable;
