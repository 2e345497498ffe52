//! One value or all nodes, by the map.

use crate::error::{Error, Kind};
use crate::expression::{Expression, Found, names, not_plain};
use crate::guard;
use crate::map::{Key, Map};
use crate::tree::{Tree, Value};
use crate::variables::Variables;

/// Reads a file by a map.
pub(crate) struct Reader<'a> {
    file: &'a Variables,
    map: &'a Map,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(file: &'a Variables, map: &'a Map) -> Self {
        Self { file, map }
    }

    /// Whether the map, and not a default, says where it stands.
    pub(crate) fn is_mapped(&self, key: Key) -> bool {
        self.map.of(key).is_some()
    }

    /// The value of a key and where it stands; none when no map names it and no default is there.
    pub(crate) fn value(&self, key: Key) -> Result<Option<(Found<'a>, String)>, Error> {
        let found = match self.map.of(key) {
            Some(expressions) => self.mapped(key, expressions)?,
            None => match self
                .first_default(key)?
                .and_then(|all| all.into_iter().next())
            {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let text = if key.is_secret() {
            secret_text(&found)
        } else {
            plain_text(&found, key)
        }?;
        Ok(Some((found, text)))
    }

    /// What the map names, which is one thing.
    fn mapped(&self, key: Key, expressions: &[Expression]) -> Result<Found<'a>, Error> {
        let mut found = self.all(key, expressions)?;
        let first = found.pop();
        match (first, found.as_slice()) {
            (Some(one), []) => Ok(one),
            (last, others) => {
                let all: Vec<String> = others.iter().chain(&last).map(Found::shown).collect();
                Err(Error::new(
                    Kind::Map,
                    format!(
                        "`{}` is one thing, but its expression finds {}: {}",
                        key.name(),
                        all.len(),
                        names(all.iter().map(String::as_str))
                    ),
                )
                .hint(format!("Name one of them for `{}`.", key.name())))
            }
        }
    }

    /// Every node that these keys name, or a default; may be none.
    pub(crate) fn nodes(&self, key: Key) -> Result<Vec<Found<'a>>, Error> {
        match self.map.of(key) {
            Some(expressions) => self.all(key, expressions),
            None => Ok(self.first_default(key)?.unwrap_or_default()),
        }
    }

    fn all(&self, key: Key, expressions: &[Expression]) -> Result<Vec<Found<'a>>, Error> {
        let mut all = Vec::new();
        for expression in expressions {
            let found = expression.find(&self.file.root).map_err(|error| {
                error.hint(format!("The map has `{expression}` for `{}`.", key.name()))
            })?;
            all.extend(found);
        }
        Ok(all)
    }

    /// What the first default that is there leads to.
    fn first_default(&self, key: Key) -> Result<Option<Vec<Found<'a>>>, Error> {
        for text in key.defaults() {
            let expression: Expression = text.parse()?;
            // Once one of several is there, the others must be too: a node without an address
            // would be missing without a word.
            if expression.leads_somewhere(&self.file.root) {
                return expression.find(&self.file.root).map(Some).map_err(|error| {
                    error.hint(format!(
                        "`{text}` is where nodes are looked for; a map can name another place, such as `--map nodes=nodes.*.address`."
                    ))
                });
            }
        }
        Ok(None)
    }

    /// Nothing was found: says what was looked for and what is there.
    pub(crate) fn nothing(&self, what: &str, keys: &[Key]) -> Error {
        let looked: Vec<&str> = keys
            .iter()
            .flat_map(|key| key.defaults())
            .copied()
            .collect();
        let there: Vec<&str> = match &self.file.root.value {
            Value::Object(entries) => entries.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        };
        Error::new(
            Kind::Missing,
            format!(
                "{what}; the file has {}",
                names(there.into_iter())
            ),
        )
        .hint(format!(
            "Say where it stands, such as `--map {}=…`, or in config.yml below `tfvars_map`. Without a map it is looked for as {}.",
            keys.first().map_or("nodes", |key| key.name()),
            looked.join(", ")
        ))
    }
}

impl Expression {
    /// Whether one value at least is there, or something that would have to be evaluated.
    fn leads_somewhere(&self, root: &Tree) -> bool {
        self.there(root).iter().any(|tree| {
            !matches!(tree.value, Value::List(_) | Value::Object(_)) && !tree.is_unset()
        })
    }
}

/// The value as it stands.
fn secret_text(found: &Found<'_>) -> Result<String, Error> {
    let unfit = |what: &str| {
        Err(Error::new(
            Kind::Unfit,
            format!("`{}` is {what}, not a value", found.shown()),
        )
        .at(found.tree.line))
    };
    match &found.tree.value {
        Value::Text(text) if text.is_empty() => unfit("empty"),
        Value::Text(text) | Value::Number(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Foreign(what) => Err(not_plain(&found.shown(), what, found.tree)),
        other @ (Value::Null | Value::List(_) | Value::Object(_)) => unfit(other.what()),
    }
}

/// The value, of a place that promises no secret.
pub(crate) fn plain_text(found: &Found<'_>, key: Key) -> Result<String, Error> {
    let text = secret_text(found)?;
    let path = found.shown();
    let refuse = |kind: Kind, message: String| Err(Error::new(kind, message).at(found.tree.line));
    let names = found.path.iter().map(String::as_str);
    // The long id of a token may stand together with the secret.
    let leads = if key == Key::ApiTokenId {
        guard::way_to_other_secret(names)
    } else {
        guard::way_to_secret(names)
    };
    if leads {
        return refuse(
            Kind::Map,
            format!(
                "`{path}` promises a secret by its name, and `{}` is none: it may be printed",
                key.name()
            ),
        );
    }
    if guard::looks_like_secret(&text) {
        return refuse(
            Kind::Unfit,
            format!(
                "`{path}` looks like the secret of a token, and `{}` is none",
                key.name()
            ),
        );
    }
    if text.contains("${") || text.contains("%{") {
        return Err(not_plain(&path, "a template", found.tree));
    }
    Ok(text)
}
