//! A call as the words of a command line.

use std::fmt;

use crate::path::ApiPath;
use crate::{Error, ErrorKind, Method, NotSent, ParamValue, Params};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Write(Method),
}

impl Verb {
    const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Write(Method::Post) => "create",
            Self::Write(Method::Put) => "set",
            Self::Write(Method::Delete) => "delete",
        }
    }
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) verb: Verb,
    pub(super) path: &'a ApiPath,
    pub(super) params: &'a Params,
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verb {
            Verb::Get => write!(f, "GET {}", self.path),
            Verb::Write(method) => write!(f, "{method} {}", self.path),
        }
    }
}

impl Call<'_> {
    /// The words after `pvesh`; an error when the call cannot or must not be put into words.
    pub(super) fn arguments(&self, own_node: Option<&str>) -> Result<Vec<String>, Error> {
        check_path(self.path, own_node)?;
        let mut arguments = vec![self.verb.word().to_owned(), self.path.to_string()];
        let mut secret = Vec::new();
        for (name, value) in self.params.iter() {
            // With `=`, so that a value that begins with a dash stays a value.
            let mut add = |value: &str| arguments.push(format!("--{name}={value}"));
            match value {
                ParamValue::Text(value) => add(value),
                ParamValue::List(values) => values.iter().for_each(|value| add(value)),
                ParamValue::Secret(_) => secret.push(format!("`{name}`")),
            }
        }
        if !secret.is_empty() {
            return Err(refused_secret(self.path, &secret.join(", ")));
        }
        if let Some((name, _)) = self.params.iter().find(|(_, value)| has_nul(value)) {
            return Err(Error::settings(format!(
                "`{name}` holds a zero byte, which no command line can"
            )));
        }
        arguments.push("--output-format=json".to_owned());
        Ok(arguments)
    }

    /// The node that the call is for, when its path names one.
    pub(super) fn node(&self) -> Option<&str> {
        match self.path.segments() {
            [first, node, ..] if first == "nodes" => Some(node),
            _ => None,
        }
    }

    /// The number of the one guest that the call is about, when it names one.
    pub(super) fn guest(&self) -> Option<&str> {
        if let [_, _, kind, vmid, ..] = self.path.segments()
            && (kind == "qemu" || kind == "lxc")
        {
            return Some(vmid);
        }
        match self.params.get("vmid") {
            Some(ParamValue::Text(vmid)) if !vmid.contains(',') => Some(vmid),
            _ => None,
        }
    }
}

/// Why a secret is not sent, and what to do instead.
pub(super) fn refused_secret(path: &ApiPath, names: &str) -> Error {
    let storage = path.segments().first().map(String::as_str) == Some("storage");
    Error::new(
        ErrorKind::NotSent(NotSent::SecretInCommandLine {
            path: if storage { "/storage" } else { "/" }.to_owned(),
        }),
        format!(
            "{names} is secret, and a command line of `pvesh` can be read by every user of the node"
        ),
    )
}

fn has_nul(value: &ParamValue) -> bool {
    match value {
        ParamValue::Text(text) => text.contains('\0'),
        ParamValue::List(texts) => texts.iter().any(|text| text.contains('\0')),
        ParamValue::Secret(_) => false,
    }
}

/// `pvesh` knows no escapes in a path, so a name must not be able to reach another one. Only the
/// volume of a storage may have slashes.
fn check_path(path: &ApiPath, own_node: Option<&str>) -> Result<(), Error> {
    let mut before = "";
    let slash = path.segments().iter().any(|segment| {
        let stray = segment.contains('/') && before != "content";
        before = segment;
        stray
    });
    let climbs = path
        .segments()
        .iter()
        .any(|segment| segment.split('/').any(|part| part == ".." || part == "."));
    let control = path.to_string().contains(|c: char| c.is_control());
    // A path on another node goes through ssh, and there through a shell that nothing is quoted
    // for.
    let elsewhere = match path.segments() {
        [first, node, ..] if first == "nodes" => own_node != Some(node),
        _ => false,
    };
    let unquoted = elsewhere
        && !path
            .to_string()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_.:@,+=%!-".contains(c));
    if path.has_unsendable_segment() || slash || climbs || control || unquoted {
        return Err(Error::settings(format!(
            "`{path}` has a name in it that cannot be part of a path of `pvesh`"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn words(verb: Verb, path: &ApiPath, params: &Params) -> Vec<String> {
        let call = Call { verb, path, params };
        call.arguments(Some("pve1")).unwrap()
    }

    fn refused(path: &ApiPath) -> Error {
        let call = Call {
            verb: Verb::Get,
            path,
            params: &Params::new(),
        };
        call.arguments(Some("pve1")).unwrap_err()
    }

    #[test]
    fn words_as_pvesh_takes_them() {
        let params = Params::new()
            .with("comment", "--all ä")
            .with("enabled", false)
            .with("exclude-path", vec!["/a b".to_owned(), "-c".to_owned()])
            .with("delete", "");
        assert_eq!(
            words(
                Verb::Write(Method::Put),
                &ApiPath::new("cluster/backup").join("nightly"),
                &params
            ),
            [
                "set",
                "/cluster/backup/nightly",
                "--comment=--all ä",
                "--enabled=0",
                "--exclude-path=/a b",
                "--exclude-path=-c",
                "--delete=",
                "--output-format=json"
            ]
        );
        for (verb, word) in [
            (Verb::Get, "get"),
            (Verb::Write(Method::Post), "create"),
            (Verb::Write(Method::Delete), "delete"),
        ] {
            let words = words(verb, &ApiPath::new("version"), &Params::new());
            assert_eq!(words[0], word);
        }
    }

    #[test]
    fn only_a_volume_has_slashes() {
        let content = ApiPath::new("nodes/pve1/storage/backups/content");
        let volume = content.clone().join("backups:backup/a b.zst");
        assert_eq!(
            words(Verb::Get, &volume, &Params::new())[1],
            "/nodes/pve1/storage/backups/content/backups:backup/a b.zst"
        );
        for path in [
            ApiPath::new("cluster/backup").join("a/../../access"),
            ApiPath::new("cluster/backup").join("a/b"),
            ApiPath::new("cluster/backup").join(""),
            ApiPath::new("cluster/backup").join(".."),
            content.join("backups:backup/../../x"),
            ApiPath::new("cluster/backup").join("a\nb"),
        ] {
            let error = refused(&path);
            assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::Settings));
        }
    }

    #[test]
    fn nothing_that_a_shell_reads_goes_to_another_node() {
        let volume = |node: &str, name: &str| {
            ApiPath::new("nodes")
                .join(node)
                .join("storage")
                .join("s")
                .join("content")
                .join(name)
        };
        for name in [
            "s:backup/a b",
            "s:backup/$(id)",
            "s:backup/a;b",
            "s:backup/`a`",
        ] {
            refused(&volume("pve2", name));
            words(Verb::Get, &volume("pve1", name), &Params::new());
        }
        words(
            Verb::Get,
            &volume(
                "pve2",
                "s:backup/vzdump-lxc-300-2026_11_21-11_20_14.tar.zst",
            ),
            &Params::new(),
        );
    }

    #[test]
    fn secrets_are_refused_with_the_lines_for_a_token() {
        let params = Params::new()
            .with("storage", "share")
            .with("password", Secret::new("hunter2"));
        let call = Call {
            verb: Verb::Write(Method::Post),
            path: &ApiPath::new("storage"),
            params: &params,
        };
        let error = call.arguments(None).unwrap_err();
        assert!(
            error.to_string().contains("`password` is secret"),
            "{error}"
        );
        assert!(error.retry_is_safe());
        let hint = error.hint().unwrap();
        for part in [
            "pveum user add",
            "pveum acl modify /storage ",
            "pveum user token add",
            "api_token_secret",
        ] {
            assert!(hint.contains(part), "{part} is not in {hint}");
        }
        assert!(!format!("{error}{error:?}{hint}").contains("hunter2"));
    }

    #[test]
    fn node_and_guest_of_a_call() {
        let of = |path: ApiPath, params: Params| {
            let call = Call {
                verb: Verb::Get,
                path: &path,
                params: &params,
            };
            (
                call.node().map(str::to_owned),
                call.guest().map(str::to_owned),
            )
        };
        let some = |text: &str| Some(text.to_owned());
        let vzdump = || ApiPath::new("nodes/pve1/vzdump");
        assert_eq!(
            of(vzdump(), Params::new().with("vmid", "200")),
            (some("pve1"), some("200"))
        );
        assert_eq!(
            of(vzdump(), Params::new().with("vmid", "200,201")),
            (some("pve1"), None)
        );
        assert_eq!(
            of(ApiPath::new("nodes/pve1/lxc/300/status"), Params::new()),
            (some("pve1"), some("300"))
        );
        assert_eq!(of(ApiPath::new("version"), Params::new()), (None, None));
    }
}
