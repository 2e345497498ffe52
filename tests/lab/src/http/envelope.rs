//! The shape of answers: `json` and `extjs`, and which path belongs to which.

use serde_json::{Value, json};

use crate::refusal::Refusal;

/// What a handler gives back.
#[derive(Debug)]
pub(crate) struct Reply {
    data: Value,
    total: Option<usize>,
}

impl From<Value> for Reply {
    fn from(data: Value) -> Self {
        Self { data, total: None }
    }
}

impl Reply {
    /// The result itself.
    pub(crate) fn data(&self) -> &Value {
        &self.data
    }

    /// A page of a longer list.
    pub(crate) fn page(data: Value, total: usize) -> Self {
        Self {
            data,
            total: Some(total),
        }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formatter {
    /// The API proper.
    Json,
    /// For the web interface: errors are 200 with `success: 0`.
    Extjs,
    /// A page to click through.
    Html,
}

impl Formatter {
    /// Splits a path into its formatter and the API path.
    pub(crate) fn of(path: &str) -> Result<(Self, &str), Refusal> {
        let Some(rest) = path.strip_prefix("/api2/") else {
            return Err(Refusal::plain(501, format!("no such file '{path}'")));
        };
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        match name {
            "json" => Ok((Self::Json, rest)),
            "extjs" => Ok((Self::Extjs, rest)),
            "html" => Ok((Self::Html, rest)),
            other => Err(Refusal::plain(
                501,
                format!("no formatter for uri /{rest}, {other}"),
            )),
        }
    }
}

/// An answer before it becomes HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: String,
}

const JSON: &str = "application/json;charset=UTF-8";

/// Writes a result.
pub(crate) fn write(formatter: Formatter, result: Result<Reply, Refusal>) -> Answer {
    match (formatter, result) {
        (Formatter::Json, Ok(reply)) => {
            let mut object = json!({ "data": reply.data });
            // A total of nothing is left out.
            let total = reply.total.filter(|total| *total > 0);
            if let (Some(total), Some(object)) = (total, object.as_object_mut()) {
                object.insert("total".to_owned(), total.into());
            }
            ok(JSON, object.to_string())
        }
        (Formatter::Extjs, Ok(reply)) => ok(
            JSON,
            json!({ "data": reply.data, "success": 1 }).to_string(),
        ),
        (Formatter::Html, Ok(reply)) => {
            let page = format!(
                "<!DOCTYPE html>\n<html lang=\"en\">\n<body><pre>{:#}</pre></body>\n</html>\n",
                reply.data
            );
            ok("text/html;charset=UTF-8", page)
        }
        (Formatter::Extjs, Err(refusal)) if refusal.status() != 401 && refusal.status() != 501 => {
            let mut object = json!({
                "data": null,
                "success": 0,
                "status": refusal.status().to_string(),
                "message": refusal.message(),
            });
            if let Some(object) = object
                .as_object_mut()
                .filter(|_| !refusal.errors().is_empty())
            {
                object.insert("errors".to_owned(), json!(refusal.errors()));
            }
            ok(JSON, object.to_string())
        }
        (_, Err(refusal)) => refused(&refusal),
    }
}

/// Writes a refusal of the HTTP layer or of the API in its own form.
pub(crate) fn refused(refusal: &Refusal) -> Answer {
    let (content_type, body) = match refusal.body() {
        None => (None, String::new()),
        Some((body, true)) => (Some(JSON), body),
        // Texts of the HTTP layer come without a type.
        Some((body, false)) => (None, body),
    };
    Answer {
        status: refusal.status(),
        reason: refusal.reason().to_owned(),
        content_type,
        body,
    }
}

fn ok(content_type: &'static str, body: String) -> Answer {
    Answer {
        status: 200,
        reason: "OK".to_owned(),
        content_type: Some(content_type),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extjs_wraps_errors_in_200() {
        let answer = write(
            Formatter::Extjs,
            Err(Refusal::parameter("id", "No such job 'x'")),
        );
        assert_eq!(answer.status, 200);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["status"], "400");
        assert_eq!(body["errors"]["id"], "No such job 'x'");
        assert_eq!(body["success"], 0);
    }

    #[test]
    fn unknown_formatters_are_501() {
        let refusal = Formatter::of("/api2/cluster/backup").unwrap_err();
        assert_eq!(refusal.reason(), "no formatter for uri /backup, cluster");
        assert_eq!(
            Formatter::of("/api2/json/version").unwrap(),
            (Formatter::Json, "version")
        );
    }
}
