//! `/access`: logging in, and what one may do.

use serde_json::{Map, Value, json};

use crate::access::identity::Identity;
use crate::access::rights::Held;
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

/// There only for those who look for a form.
pub(super) fn ticket(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Value::Null.into())
}

pub(super) fn login(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("username");
    let user = match call.parameters.text("realm") {
        Some(realm) => format!("{name}@{realm}"),
        None => name.to_owned(),
    };
    let password = call.required("password");
    let access = &call.state.access;
    let known = access
        .live_user(&user, call.now)
        .ok_or_else(Refusal::login_failed)?;
    // A good ticket serves as a password: that is how clients renew theirs.
    let renewed = call.node.cluster.signer.verify(password, access, call.now);
    if known.password != password && renewed.is_none_or(|identity| identity.user_id() != user) {
        return Err(Refusal::login_failed());
    }
    let capabilities = access.capabilities(&Identity::user(&user));
    Ok(json!({
        "username": user,
        "ticket": call.node.cluster.signer.ticket(&user, call.now),
        "CSRFPreventionToken": call.node.cluster.signer.csrf(&user, call.now),
        "cap": capabilities,
    })
    .into())
}

pub(super) fn permissions(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let own = call.identity.to_string();
    let asked = call.parameters.text("userid").unwrap_or(&own).to_owned();
    if asked != own {
        call.check("/access", &["Sys.Audit"])?;
    }
    let identity = match asked.split_once('!') {
        Some((user, token)) => Identity::token(user, token),
        None => Identity::user(&asked),
    };
    let paths = if let Some(path) = call.parameters.text("path") {
        [path.to_owned()].into()
    } else {
        let mut paths = call.state.access.known_paths();
        for pool in call.state.pools.values() {
            paths.extend(pool.guests.iter().map(|vmid| format!("/vms/{vmid}")));
            paths.extend(pool.storages.iter().map(|id| format!("/storage/{id}")));
        }
        paths
    };
    let of_identity = Call {
        node: call.node,
        state: call.state,
        identity: &identity,
        foreground: None,
        parameters: crate::parameters::Parameters::default(),
        now: call.now,
    };
    let mut all = Map::new();
    for path in paths {
        let held = of_identity.rights(&path);
        if !held.is_empty() {
            all.insert(path, flags(&held));
        }
    }
    Ok(Value::Object(all).into())
}

fn flags(held: &Held) -> Value {
    held.iter()
        .map(|(privilege, propagates)| (privilege.clone(), u8::from(*propagates)))
        .collect()
}
