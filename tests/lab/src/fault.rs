//! Faults that a test asks for: delays, cut connections, errors of the web server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Fault {
    /// The answer comes late.
    Delay(Duration),
    /// The connection is cut before the request is looked at.
    CutBefore,
    /// The request is done, then the connection is cut before any byte of the answer.
    CutAfterProcessing,
    /// The request is done, then the connection is cut after so many bytes of the body.
    CutBody(usize),
    /// The web server answers with this status and reason; the request is not looked at.
    Status(u16, String),
}

impl Fault {
    /// PVE's answer when it cannot reach a node or its own daemon in time.
    pub fn gateway_timeout() -> Self {
        Self::Status(596, "Connection timed out".to_owned())
    }
}

/// A fault and the requests that it hits.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FaultRule {
    method: Option<String>,
    path: String,
    remaining: Option<usize>,
    fault: Fault,
}

impl FaultRule {
    /// Hits every request whose API path (without `/api2/json`) begins with `path`.
    pub fn new(path: &str, fault: Fault) -> Self {
        Self {
            method: None,
            path: path.to_owned(),
            remaining: None,
            fault,
        }
    }

    /// Hits only requests of this method.
    #[must_use]
    pub fn on_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Hits only the next `count` requests that fit.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.remaining = Some(count);
        self
    }

    fn hits(&self, method: &str, path: &str) -> bool {
        self.remaining != Some(0)
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && path.starts_with(&self.path)
    }
}

/// The faults of one node.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<FaultRule>>);

impl Faults {
    pub(crate) fn add(&self, rule: FaultRule) {
        self.rules().push(rule);
    }

    pub(crate) fn clear(&self) {
        self.rules().clear();
    }

    /// The faults that hit a request; each counts as used.
    pub(crate) fn take(&self, method: &str, path: &str) -> Vec<Fault> {
        let mut hit = Vec::new();
        for rule in self
            .rules()
            .iter_mut()
            .filter(|rule| rule.hits(method, path))
        {
            rule.remaining = rule.remaining.map(|count| count.saturating_sub(1));
            hit.push(rule.fault.clone());
        }
        hit
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<FaultRule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_hits_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(
            FaultRule::new("/cluster", Fault::CutBefore)
                .on_method("POST")
                .times(2),
        );
        assert!(faults.take("GET", "/cluster/backup").is_empty());
        assert_eq!(faults.take("POST", "/cluster/backup"), [Fault::CutBefore]);
        assert_eq!(faults.take("POST", "/cluster/backup"), [Fault::CutBefore]);
        assert!(faults.take("POST", "/cluster/backup").is_empty());
    }
}
