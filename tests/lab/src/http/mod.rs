//! The HTTP side of a node: reading requests, the envelope of answers, the server itself.

pub(crate) mod decode;
pub(crate) mod envelope;
pub(crate) mod multipart;
pub(crate) mod server;
pub(crate) mod tls;
