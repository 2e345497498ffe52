//! `/access/users/{userid}/token`.

use serde_json::{Map, Value, json};

use crate::access::{Token, User};
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::http::tls;
use crate::refusal::Refusal;

fn user<'call>(call: &'call Call<'_>) -> Result<&'call User, Refusal> {
    let id = call.required("userid");
    let missing = || Refusal::failure(format!("no such user ('{id}')"));
    call.state.access.users.get(id).ok_or_else(missing)
}

pub(super) fn describe(token: &Token) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("privsep".to_owned(), u8::from(token.separated).into());
    object.insert("expire".to_owned(), token.expires.into());
    if let Some(comment) = &token.comment {
        object.insert("comment".to_owned(), comment.clone().into());
    }
    object
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let tokens: Vec<Value> = user(call)?
        .tokens
        .iter()
        .map(|(name, token)| {
            let mut object = describe(token);
            object.insert("tokenid".to_owned(), name.clone().into());
            Value::Object(object)
        })
        .collect();
    Ok(Value::from(tokens).into())
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("tokenid");
    let missing = || {
        Refusal::failure(format!(
            "no such token '{name}' for user '{}'",
            call.required("userid")
        ))
    };
    let token = user(call)?.tokens.get(name).ok_or_else(missing)?;
    Ok(Value::Object(describe(token)).into())
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (owner, name) = (
        call.required("userid").to_owned(),
        call.required("tokenid").to_owned(),
    );
    if user(call)?.tokens.contains_key(&name) {
        return Err(Refusal::parameter("tokenid", "Token already exists."));
    }
    let secret = tls::random_uuid().map_err(|error| Refusal::failure(error.to_string()))?;
    let token = Token {
        secret: secret.clone(),
        separated: call.parameters.flag("privsep") != Some(false),
        expires: call.parameters.integer("expire").unwrap_or(0),
        comment: call.parameters.text("comment").map(str::to_owned),
    };
    // What was sent comes back as text.
    let mut info = Map::new();
    info.insert(
        "privsep".to_owned(),
        u8::from(token.separated).to_string().into(),
    );
    for name in ["comment", "expire"] {
        if let Some(text) = call.parameters.text(name) {
            info.insert(name.to_owned(), text.into());
        }
    }
    if let Some(user) = call.state.access.users.get_mut(&owner) {
        user.tokens.insert(name.clone(), token);
    }
    Ok(json!({"full-tokenid": format!("{owner}!{name}"), "value": secret, "info": info}).into())
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (owner, name) = (
        call.required("userid").to_owned(),
        call.required("tokenid").to_owned(),
    );
    let missing = Refusal::failure(format!("no such token '{name}' for user '{owner}'"));
    let users = &mut call.state.access.users;
    let token = users
        .get_mut(&owner)
        .and_then(|user| user.tokens.get_mut(&name));
    let token = token.ok_or(missing)?;
    if let Some(separated) = call.parameters.flag("privsep") {
        token.separated = separated;
    }
    if let Some(expires) = call.parameters.integer("expire") {
        token.expires = expires;
    }
    if let Some(comment) = call.parameters.text("comment") {
        token.comment = Some(comment.to_owned());
    }
    Ok(Value::Object(describe(token)).into())
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (owner, name) = (
        call.required("userid").to_owned(),
        call.required("tokenid").to_owned(),
    );
    let missing = Refusal::failure(format!("no such token '{name}' for user '{owner}'"));
    let user = call.state.access.users.get_mut(&owner);
    match user.and_then(|user| user.tokens.remove(&name)) {
        Some(_) => Ok(Value::Null.into()),
        None => Err(missing),
    }
}
