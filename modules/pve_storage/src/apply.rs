//! One action at a time; each checks its guard again and returns what really is there afterwards.

use module_kit::{Context, Exit, Failure};
use pve_client::Known;
use pve_types::StorageId;

use crate::definition::key;
use crate::observe::{Observed, Present, find};
use crate::plan::StorageAction;
use crate::spec::{Password, Spec};

pub(crate) fn apply(
    action: &StorageAction,
    spec: &Spec,
    observed: &Observed,
    context: &Context<'_>,
) -> Result<Option<Present>, Failure> {
    let client = context.client()?;
    match action {
        StorageAction::Create {
            storage,
            kind,
            settings,
        } => {
            let mut params = settings.to_changes();
            if let Some(password) = password(spec) {
                params.set.set(key::PASSWORD, password.clone());
            }
            client.create_storage(storage, kind, &params)?;
            read_back(context, storage).map(Some)
        }
        StorageAction::Update {
            storage,
            change,
            password: with_password,
            digest,
        } => {
            let mut params = change.to_changes();
            if *with_password && let Some(password) = password(spec) {
                params.set.set(key::PASSWORD, password.clone());
            }
            // PVE refuses the change when any storage was changed since it was read.
            if let Some(digest) = digest {
                params.set.set("digest", digest.as_str());
            }
            client.update_storage(storage, &params)?;
            read_back(context, storage).map(Some)
        }
        StorageAction::Delete { storage } => {
            let before = observed.present.known().and_then(Option::as_ref);
            let now = match find(client.storages()?, storage) {
                Known::Known(now) => now,
                Known::Unknown(gap) => {
                    return Err(observed
                        .rights
                        .unknown(&gap, &format!("whether storage `{storage}` exists")));
                }
            };
            if let (Some(before), Some(now)) = (before, &now)
                && before.settings != now.settings
            {
                return Err(Failure::refused(format!(
                    "storage `{storage}` was changed by somebody else meanwhile"
                ))
                .hint("Run again: it is read afresh."));
            }
            if now.is_some() {
                client.delete_storage(storage)?;
            }
            Ok(None)
        }
    }
}

const fn password(spec: &Spec) -> Option<&pve_client::Secret> {
    match spec {
        Spec::Present(declared) => match &declared.password {
            Password::None => None,
            Password::OnCreate(password) | Password::Always(password) => Some(password),
        },
        Spec::Absent { .. } => None,
    }
}

fn read_back(context: &Context<'_>, storage: &StorageId) -> Result<Present, Failure> {
    match find(context.client()?.storages()?, storage) {
        Known::Known(Some(present)) => Ok(present),
        Known::Known(None) => Err(Failure::new(
            Exit::NeedsAHand,
            format!("storage `{storage}` was written, but is not there"),
        )
        .hint("Look at the task list and /etc/pve/storage.cfg of the node, then run again.")),
        Known::Unknown(gap) => Err(Failure::new(
            Exit::NeedsAHand,
            format!("storage `{storage}` was written, but cannot be read back: {gap}"),
        )),
    }
}
