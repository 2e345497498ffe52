//! reprise-tests.
