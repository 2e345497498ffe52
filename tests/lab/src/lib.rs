//! reprise-lab.
