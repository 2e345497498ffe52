//! The client as its users meet it: on recorded answers, and against a server that misbehaves.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod connect;
#[cfg(test)]
mod inventory;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod server;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod tickets;
