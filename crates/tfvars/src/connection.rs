//! What a call to Proxmox VE needs.

use serde_json::{Map as Options, Value as Json};

use crate::address::Address;
use crate::error::{Error, Kind};
use crate::expression::Found;
use crate::map::{Key, Map};
use crate::reader::{Reader, plain_text};
use crate::variables::Variables;

/// The value of an option that was set elsewhere, which comes before the file.
pub type Given<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The options of the connection that the file gives and that are not set elsewhere.
///
/// Options that belong together come from one place: a password in the file is not read when a
/// token is known, nor a token when a password was given. A value that is not needed is not read.
pub fn connection(
    file: &Variables,
    map: &Map,
    given: Given<'_>,
) -> Result<Options<String, Json>, Error> {
    let mut options = Options::new();
    let reader = Reader::new(file, map);
    Call {
        reader: &reader,
        given,
    }
    .fill(&mut options)
    .map_err(|error| error.in_file(&file.file))?;
    if options.is_empty() && given("api_host").is_none() {
        let keys = [Key::ApiHost, Key::ApiToken, Key::ApiTokenId, Key::Nodes];
        let error = reader.nothing("neither an endpoint nor credentials are there", &keys);
        return Err(error.in_file(&file.file));
    }
    Ok(options)
}

/// One call's reading.
struct Call<'a> {
    reader: &'a Reader<'a>,
    given: Given<'a>,
}

impl Call<'_> {
    fn has(&self, key: Key) -> bool {
        (self.given)(key.name()).is_some()
    }

    fn text(&self, key: Key) -> Result<Option<String>, Error> {
        Ok(self.reader.value(key)?.map(|(_, text)| text))
    }

    fn fill(&self, options: &mut Options<String, Json>) -> Result<(), Error> {
        if !self.has(Key::ApiHost)
            && let Some(address) = host(self.reader)?
        {
            set(options, Key::ApiHost, address.host);
            // On its own, so that a port that was given comes before it.
            if let Some(port) = address.port.filter(|_| !self.has(Key::ApiPort)) {
                set(options, Key::ApiPort, port.to_string());
            }
        }
        for key in [
            Key::ApiPort,
            Key::ValidateCerts,
            Key::CaPath,
            Key::Fingerprint,
        ] {
            if !self.has(key)
                && let Some(text) = self.text(key)?
            {
                set(options, key, text);
            }
        }
        self.credentials(options)
    }

    fn credentials(&self, options: &mut Options<String, Json>) -> Result<(), Error> {
        if !self.has(Key::ApiPassword) {
            self.token(options)?;
        }
        let known = |options: &Options<String, Json>, key: Key| {
            (self.given)(key.name()).or_else(|| {
                let value = options.get(key.name())?;
                value.as_str().map(str::to_owned)
            })
        };
        let id = known(options, Key::ApiTokenId);
        let by_token = id.is_some() || known(options, Key::ApiTokenSecret).is_some();
        if !by_token
            && !self.has(Key::ApiPassword)
            && let Some(password) = self.text(Key::ApiPassword)?
        {
            set(options, Key::ApiPassword, password);
        }
        // A token's long id says whose it is; another user beside it would be a contradiction.
        if !self.has(Key::ApiUser)
            && !id.is_some_and(|id| id.contains('!'))
            && let Some(user) = self.text(Key::ApiUser)?
        {
            set(options, Key::ApiUser, user);
        }
        Ok(())
    }

    fn token(&self, options: &mut Options<String, Json>) -> Result<(), Error> {
        let (has_id, has_secret) = (self.has(Key::ApiTokenId), self.has(Key::ApiTokenSecret));
        if has_id && has_secret {
            return Ok(());
        }
        let Some(token) = token(self.reader)? else {
            return Ok(());
        };
        if has_id {
            // A secret goes with its own id only.
            let same = token.id.is_none() || token.id == (self.given)(Key::ApiTokenId.name());
            if let Some(secret) = token.secret.filter(|_| same) {
                set(options, Key::ApiTokenSecret, secret);
            }
            return Ok(());
        }
        if let Some(id) = token.id {
            set(options, Key::ApiTokenId, id);
        }
        if let Some(secret) = token.secret.filter(|_| !has_secret) {
            set(options, Key::ApiTokenSecret, secret);
        }
        Ok(())
    }
}

fn set(options: &mut Options<String, Json>, key: Key, text: String) {
    options.insert(key.name().to_owned(), Json::String(text));
}

/// The host of the API: named, or the only node.
pub(crate) fn host(reader: &Reader<'_>) -> Result<Option<Address>, Error> {
    if let Some((found, text)) = reader.value(Key::ApiHost)? {
        return address(&found, &text).map(Some);
    }
    let mut nodes = reader.nodes(Key::Nodes)?;
    match (nodes.pop(), nodes.as_slice()) {
        (None, _) => Ok(None),
        (Some(node), []) => {
            let text = plain_text(&node, Key::Nodes)?;
            address(&node, &text).map(Some)
        }
        (Some(last), others) => {
            let all: Vec<String> = others
                .iter()
                .chain([&last])
                .map(|node| format!("`{}`", node.shown()))
                .collect();
            Err(Error::new(
                Kind::Missing,
                format!(
                    "the file names {} nodes and no endpoint of the API: {}",
                    all.len(),
                    all.join(", ")
                ),
            )
            .hint(format!(
                "Say which one: `--map api_host={}`, or `--api-host`.",
                last.shown()
            )))
        }
    }
}

/// The address at a place.
pub(crate) fn address(found: &Found<'_>, text: &str) -> Result<Address, Error> {
    Address::read(text).map_err(|why| {
        Error::new(
            Kind::Unfit,
            format!("`{}` is no host: {why}", found.shown()),
        )
        .at(found.tree.line)
    })
}

/// A token, or what is known of it.
pub(crate) struct Token {
    pub(crate) id: Option<String>,
    pub(crate) secret: Option<String>,
}

/// The token that the file tells.
pub(crate) fn token(reader: &Reader<'_>) -> Result<Option<Token>, Error> {
    let whole = if reader.is_mapped(Key::ApiToken)
        || !(reader.is_mapped(Key::ApiTokenId) || reader.is_mapped(Key::ApiTokenSecret))
    {
        reader.value(Key::ApiToken)?
    } else {
        None
    };
    if let Some((found, text)) = &whole {
        if let Some(token) = split(text) {
            return Ok(Some(token));
        }
        if reader.is_mapped(Key::ApiToken) {
            return Err(form(found));
        }
    }
    let id = reader.value(Key::ApiTokenId)?;
    let secret = reader.value(Key::ApiTokenSecret)?;
    match (id, secret, whole) {
        (Some((_, id)), secret, _) if split(&id).is_some() => Ok(split(&id).map(|token| Token {
            secret: secret.map(|(_, text)| text).or(token.secret),
            ..token
        })),
        // Some call `…_api_token` what is the secret alone, beside an id.
        (Some((_, id)), None, Some((_, secret))) => Ok(Some(Token {
            id: Some(id),
            secret: Some(secret),
        })),
        (None, None, Some((found, _))) => Err(form(&found)),
        (None, None, None) => Ok(None),
        (id, secret, _) => Ok(Some(Token {
            id: id.map(|(_, text)| text),
            secret: secret.map(|(_, text)| text),
        })),
    }
}

fn form(found: &Found<'_>) -> Error {
    Error::new(
        Kind::Unfit,
        format!(
            "`{}` has not the form `user@realm!name=secret` of a token",
            found.shown()
        ),
    )
    .at(found.tree.line)
    .hint(format!(
        "If it is the secret alone, name both parts: `--map api_token_id=… --map api_token_secret={}`.",
        found.shown()
    ))
}

/// `user@realm!name=secret`, also as it stands in a header.
fn split(text: &str) -> Option<Token> {
    let text = text.strip_prefix("PVEAPIToken=").unwrap_or(text);
    let (id, secret) = text.split_once('=')?;
    let fits = id.contains('@') && id.contains('!') && !secret.is_empty();
    fits.then(|| Token {
        id: Some(id.to_owned()),
        secret: Some(secret.to_owned()),
    })
}
