//! The lab's `pvesh` as programs on a node see it: words in, lines and a code out.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tasks;
