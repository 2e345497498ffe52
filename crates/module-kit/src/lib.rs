//! module-kit.
