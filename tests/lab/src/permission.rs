//! The privilege rules that stand in the schema: `["perm", "/vms/{vmid}", ["VM.Audit"]]`.

use serde_json::Value;

use crate::call::Call;
use crate::refusal::Refusal;

/// Checks the `permissions` of an endpoint.
///
/// # Errors
/// 403 with the first missing privilege.
pub(crate) fn check(rule: &Value, call: &Call<'_>) -> Result<(), Refusal> {
    if call.identity.is_root() {
        return Ok(());
    }
    if rule.is_null() {
        return Err(Refusal::forbidden("user != root@pam"));
    }
    if rule.get("user").is_some() {
        return Ok(());
    }
    rule.get("check")
        .map_or(Ok(()), |rule| check_rule(rule, call))
}

fn check_rule(rule: &Value, call: &Call<'_>) -> Result<(), Refusal> {
    let parts = rule.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |position: usize| {
        parts
            .get(position)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match text(0) {
        "perm" => {
            let path = fill(text(1), call);
            let names: Vec<&str> = parts
                .get(2)
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            if text(3) == "any" {
                call.check_any(&path, &names)
            } else {
                call.check(&path, &names)
            }
        }
        "and" => parts
            .iter()
            .skip(1)
            .try_for_each(|rule| check_rule(rule, call)),
        "or" => {
            let allowed = parts
                .iter()
                .skip(1)
                .any(|rule| check_rule(rule, call).is_ok());
            if allowed {
                Ok(())
            } else {
                Err(Refusal::forbidden(""))
            }
        }
        "userid-param" => {
            let user = call.parameters.text("userid").unwrap_or_default();
            match text(1) {
                // A user may look after its own tokens.
                "self" if user == call.identity.user_id() => Ok(()),
                "self" => Err(Refusal::forbidden("")),
                privilege => {
                    let realm = user.rsplit('@').next().unwrap_or_default();
                    call.check(&format!("/access/realm/{realm}"), &[privilege])
                }
            }
        }
        "userid-group" => {
            let names = parts.get(1).and_then(Value::as_array);
            let names: Vec<&str> = names
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            call.check_any("/access/groups", &names)
        }
        "perm-modify" => call.check(&fill(text(1), call), &["Permissions.Modify"]),
        // A rule that is not known here must not open a door.
        other => Err(Refusal::forbidden(other)),
    }
}

fn fill(path: &str, call: &Call<'_>) -> String {
    let mut filled = path.to_owned();
    for (name, value) in call.parameters.iter() {
        if let Some(text) = value.as_text() {
            filled = filled.replace(&format!("{{{name}}}"), text);
        }
    }
    filled
}
