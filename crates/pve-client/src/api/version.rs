//! Which PVE answers.

use serde::{Deserialize, Serialize};

use crate::{ApiPath, Client, Error, Params};

/// The version of PVE on the node that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// For example `8.4.21`.
    pub version: String,
    /// For example `8.4`.
    #[serde(default)]
    pub release: String,
}

impl Version {
    /// The first number, 8 or 9.
    pub fn major(&self) -> Option<u32> {
        self.version.split(['.', '-']).next()?.parse().ok()
    }
}

impl Client {
    /// The version; also the cheapest call that proves that the caller is known.
    pub fn version(&self) -> Result<Version, Error> {
        self.get(
            &ApiPath::new("version"),
            &Params::new(),
            "read the version of PVE",
        )
    }
}
