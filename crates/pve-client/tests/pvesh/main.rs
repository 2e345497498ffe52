//! The transport through `pvesh`, with a program in its place that says what the real one said,
//! or misbehaves.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod real;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tasks;
