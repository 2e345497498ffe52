//! The lab as its clients see it: over https, with tokens and tickets.

#[cfg(test)]
mod access;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod storages;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod views;
