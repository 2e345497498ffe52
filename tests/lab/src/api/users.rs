//! `/access/users`.

use serde_json::{Map, Value, json};

use crate::access::User;
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::http::tls;
use crate::refusal::Refusal;

/// What is only told, in the form in which it came.
const TOLD: [&str; 5] = ["firstname", "lastname", "email", "comment", "keys"];

fn describe(user: &User) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("enable".to_owned(), u8::from(user.enabled).into());
    object.insert("expire".to_owned(), user.expires.into());
    for (name, text) in &user.told {
        object.insert(name.clone(), text.clone().into());
    }
    object
}

fn tokens(user: &User) -> impl Iterator<Item = (&String, Map<String, Value>)> {
    let described = |token| super::tokens::describe(token);
    user.tokens
        .iter()
        .map(move |(name, token)| (name, described(token)))
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let sees_all = call.holds_any("/access/groups", &["User.Modify", "Sys.Audit"]);
    let full = call.parameters.flag("full") == Some(true);
    let enabled = call.parameters.flag("enabled");
    let users: Vec<Value> = call
        .state
        .access
        .users
        .iter()
        .filter(|(id, _)| sees_all || *id == call.identity.user_id())
        .filter(|(_, user)| enabled.is_none_or(|wanted| wanted == user.enabled))
        .map(|(id, user)| {
            let mut object = describe(user);
            object.insert("userid".to_owned(), id.clone().into());
            let realm = id.rsplit('@').next().unwrap_or_default();
            object.insert("realm-type".to_owned(), realm.into());
            if full {
                object.insert("groups".to_owned(), "".into());
                let tokens: Vec<Value> = tokens(user)
                    .map(|(name, mut token)| {
                        token.insert("tokenid".to_owned(), name.clone().into());
                        Value::Object(token)
                    })
                    .collect();
                object.insert("tokens".to_owned(), tokens.into());
            }
            Value::Object(object)
        })
        .collect();
    Ok(Value::from(users).into())
}

fn missing(id: &str) -> String {
    format!("no such user ('{id}')")
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("userid");
    let user = call.state.access.users.get(id);
    let user = user.ok_or_else(|| Refusal::failure(missing(id)))?;
    let mut object = describe(user);
    object.insert("groups".to_owned(), json!([]));
    if !user.tokens.is_empty() {
        let tokens: Map<String, Value> = tokens(user)
            .map(|(name, token)| (name.clone(), Value::Object(token)))
            .collect();
        object.insert("tokens".to_owned(), tokens.into());
    }
    Ok(Value::Object(object).into())
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("userid").to_owned();
    if call.state.access.users.contains_key(&id) {
        let text = format!("create user failed: user '{id}' already exists");
        return Err(Refusal::failure(text));
    }
    no_groups(call, "create")?;
    // Without a password nobody can log in.
    let password = match call.parameters.text("password") {
        Some(password) => password.to_owned(),
        None => tls::random_uuid().map_err(|error| Refusal::failure(error.to_string()))?,
    };
    let mut user = User::new(password);
    tell(call, &mut user);
    call.state.access.users.insert(id, user);
    Ok(Value::Null.into())
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("userid").to_owned();
    let Some(mut user) = call.state.access.users.get(&id).cloned() else {
        let text = format!("update user failed: {}", missing(&id));
        return Err(Refusal::failure(text));
    };
    no_groups(call, "update")?;
    tell(call, &mut user);
    call.state.access.users.insert(id, user);
    Ok(Value::Null.into())
}

/// One that is not there is gone, too: PVE does not look.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("userid").to_owned();
    let access = &mut call.state.access;
    access.users.remove(&id);
    let of_token = format!("{id}!");
    access
        .acl
        .retain(|entry| entry.holder != id && !entry.holder.starts_with(&of_token));
    Ok(Value::Null.into())
}

fn tell(call: &Call<'_>, user: &mut User) {
    if let Some(enabled) = call.parameters.flag("enable") {
        user.enabled = enabled;
    }
    if let Some(expires) = call.parameters.integer("expire") {
        user.expires = expires;
    }
    for name in TOLD {
        if let Some(text) = call.parameters.text(name) {
            user.told.insert(name.to_owned(), text.to_owned());
        }
    }
}

/// The lab has no groups.
fn no_groups(call: &Call<'_>, action: &str) -> Result<(), Refusal> {
    match call
        .parameters
        .text("groups")
        .filter(|list| !list.is_empty())
    {
        Some(group) => Err(Refusal::failure(format!(
            "{action} user failed: no such group '{group}'"
        ))),
        None => Ok(()),
    }
}
