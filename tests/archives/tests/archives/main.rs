//! What is said of archives, against what is true of them.

mod corpus;
