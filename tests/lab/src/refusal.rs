//! What a node says when it does not do what was asked, in PVE's own forms.
//!
//! PVE puts the first line of the error into the HTTP reason phrase and the whole of it into
//! `message`; schema errors carry `errors` besides; errors raised inside a locked section come
//! back as 500 although their text says 400. All of these forms are made here and nowhere else.

use std::collections::BTreeMap;

/// What follows the head of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// `{"data":null,"message":…}`, the usual one.
    Json,
    /// The text alone, as the HTTP layer of PVE sends it.
    Plain,
    /// Nothing: 401 of the HTTP layer and verbs it does not know.
    Empty,
}

/// A refused request: status, reason phrase, message and the errors of single parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    message: String,
    errors: BTreeMap<String, String>,
    body: Body,
}

impl Refusal {
    fn new(status: u16, message: String, body: Body) -> Self {
        Self {
            status,
            message,
            errors: BTreeMap::new(),
            body,
        }
    }

    /// A plain failure: 500 with this text.
    pub(crate) fn failure(text: impl AsRef<str>) -> Self {
        Self::new(500, format!("{}\n", text.as_ref()), Body::Json)
    }

    /// One wrong parameter: 400 with an entry in `errors`.
    pub(crate) fn parameter(name: &str, text: impl Into<String>) -> Self {
        Self::parameters(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    /// Several wrong parameters at once.
    pub(crate) fn parameters(errors: BTreeMap<String, String>) -> Self {
        let mut refusal = Self::new(
            400,
            "Parameter verification failed.\n".to_owned(),
            Body::Json,
        );
        refusal.errors = errors;
        refusal
    }

    /// A parameter error raised inside a locked section: 500, and only `message` tells.
    pub(crate) fn parameter_in_lock(name: &str, text: &str) -> Self {
        Self::failure(format!(
            "400 Parameter verification failed.\n{name}: {text}"
        ))
    }

    /// Not allowed; `detail` is what stands in the parentheses.
    pub(crate) fn forbidden(detail: &str) -> Self {
        let text = if detail.is_empty() {
            "Permission check failed\n".to_owned()
        } else {
            format!("Permission check failed ({detail})\n")
        };
        Self::new(403, text, Body::Json)
    }

    /// 403 that is caught inside a lock and raised again as a plain failure.
    pub(crate) fn in_lock(self) -> Self {
        if self.status == 500 {
            return self;
        }
        let mut text = format!("{} {}", self.status, self.message.trim_end_matches('\n'));
        for (name, error) in &self.errors {
            text = format!("{text}\n{name}: {error}");
        }
        Self::failure(text)
    }

    /// A failure of an operation that puts its own words in front.
    pub(crate) fn with_prefix(mut self, prefix: &str) -> Self {
        if self.status == 500 {
            self.message.insert_str(0, prefix);
        }
        self
    }

    /// Not logged in, said by the HTTP layer: empty body.
    pub(crate) fn unauthorized(reason: &str) -> Self {
        Self::new(401, reason.to_owned(), Body::Empty)
    }

    /// Wrong user name or password at `/access/ticket`: the one 401 with a body.
    pub(crate) fn login_failed() -> Self {
        Self::new(401, "authentication failure\n".to_owned(), Body::Json)
    }

    /// No such path, or no such method on it.
    pub(crate) fn not_implemented(method: &str, path: &str) -> Self {
        let text = format!("Method '{method} {path}' not implemented");
        Self::new(501, text, Body::Json)
    }

    /// A refusal of the HTTP layer with its text as body.
    pub(crate) fn plain(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, text.into(), Body::Plain)
    }

    /// A refusal of the HTTP layer without a body.
    pub(crate) fn empty(status: u16, reason: &str) -> Self {
        Self::new(status, reason.to_owned(), Body::Empty)
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase: the first line of the message.
    pub(crate) fn reason(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The whole text.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The errors of single parameters.
    pub(crate) fn errors(&self) -> &BTreeMap<String, String> {
        &self.errors
    }

    /// The body as text and whether it is JSON; `None` when there is none.
    pub(crate) fn body(&self) -> Option<(String, bool)> {
        match self.body {
            Body::Empty => None,
            Body::Plain => Some((self.message.clone(), false)),
            Body::Json => {
                let mut object = serde_json::Map::new();
                object.insert("data".to_owned(), serde_json::Value::Null);
                object.insert("message".to_owned(), self.message.clone().into());
                if !self.errors.is_empty() {
                    object.insert("errors".to_owned(), serde_json::json!(self.errors));
                }
                Some((serde_json::Value::Object(object).to_string(), true))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_error_in_a_lock_is_a_500_that_says_400() {
        let refusal = Refusal::parameter_in_lock("vmid", "property is missing");
        assert_eq!(refusal.status(), 500);
        assert_eq!(refusal.reason(), "400 Parameter verification failed.");
        let (body, json) = refusal.body().unwrap();
        assert!(json);
        assert_eq!(
            body,
            r#"{"data":null,"message":"400 Parameter verification failed.\nvmid: property is missing\n"}"#
        );
    }

    #[test]
    fn a_refused_right_in_a_lock_loses_its_status() {
        let refusal = Refusal::forbidden("/storage/b, Datastore.Allocate").in_lock();
        assert_eq!(refusal.status(), 500);
        assert_eq!(
            refusal.message(),
            "403 Permission check failed (/storage/b, Datastore.Allocate)\n"
        );
    }

    #[test]
    fn a_401_of_the_http_layer_has_no_body() {
        assert_eq!(Refusal::unauthorized("No ticket").body(), None);
    }
}
