//! The client as its users meet it: on recorded answers, and against a server that misbehaves.

#[cfg(test)]
mod inventory;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tasks;
