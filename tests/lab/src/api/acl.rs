//! `/access/acl`.

use serde_json::{Value, json};

use crate::access::AclEntry;
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let entries: Vec<Value> = call
        .state
        .access
        .acl
        .iter()
        // One sees the lists of paths on which one may change them.
        .filter(|entry| {
            call.holds_any(&entry.path, &["Permissions.Modify"])
                || call.holds_any("/access", &["Sys.Audit"])
        })
        .map(|entry| {
            json!({
                "path": entry.path,
                "ugid": entry.holder,
                "roleid": entry.role,
                "type": if entry.holder.contains('!') { "token" } else { "user" },
                "propagate": u8::from(entry.propagates),
            })
        })
        .collect();
    Ok(Value::from(entries).into())
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let failed = |text: String| Refusal::failure(format!("ACL update failed: {text}"));
    let path = call.required("path").to_owned();
    let removes = call.parameters.flag("delete") == Some(true);
    let propagates = call.parameters.flag("propagate") != Some(false);
    let holders: Vec<String> = ["users", "tokens"]
        .iter()
        .flat_map(|name| split_list(call.parameters.text(name).unwrap_or_default()))
        .map(str::to_owned)
        .collect();
    if holders.is_empty() {
        let text = "either 'users', 'groups' or 'tokens' is required.";
        return Err(Refusal::parameter("users", text));
    }
    for role in split_list(call.required("roles"))
        .map(str::to_owned)
        .collect::<Vec<_>>()
    {
        if call.state.access.role(&role).is_none() {
            return Err(failed(format!("role '{role}' does not exist")));
        }
        for holder in &holders {
            let user = holder.split('!').next().unwrap_or(holder);
            if !call.state.access.users.contains_key(user) {
                return Err(failed(format!("user '{user}' does not exist")));
            }
            let entry = AclEntry {
                path: path.clone(),
                holder: holder.clone(),
                role: role.clone(),
                propagates,
            };
            if removes {
                call.state.access.acl.retain(|present| {
                    (&present.path, &present.holder, &present.role) != (&path, holder, &role)
                });
            } else {
                call.state.access.grant(entry);
            }
        }
    }
    Ok(Value::Null.into())
}
