//! One action at a time; each checks its guard again and returns what really is there afterwards.

use module_kit::settings::Settings;
use module_kit::{Context, Exit, Failure};
use pve_client::Known;
use pve_types::StorageId;

use crate::definition::{SHAPE, key};
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
            read_back(context, storage, observed, settings).map(Some)
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
            let before = observed.present.known().and_then(Option::as_ref);
            let wanted = before.map(|before| change.applied_to(&before.settings));
            let wanted = wanted.unwrap_or_else(|| change.applied_to(&Settings::new(&SHAPE)));
            read_back(context, storage, observed, &wanted).map(Some)
        }
        StorageAction::Delete { storage } => {
            let before = observed.present.known().and_then(Option::as_ref);
            let now = match find(client.storages()?, storage, &observed.rights.permissions) {
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

/// What is there now. Whatever fails from here on, the storage was written.
fn read_back(
    context: &Context<'_>,
    storage: &StorageId,
    observed: &Observed,
    wanted: &Settings,
) -> Result<Present, Failure> {
    written(context, storage, observed, wanted).map_err(|failure| Failure {
        exit: Exit::NeedsAHand,
        ..failure
    })
}

/// The storage, which must be what was written.
fn written(
    context: &Context<'_>,
    storage: &StorageId,
    observed: &Observed,
    wanted: &Settings,
) -> Result<Present, Failure> {
    let storages = context.client()?.storages()?;
    let present = match find(storages, storage, &observed.rights.permissions) {
        Known::Known(Some(present)) => present,
        Known::Known(None) => {
            return Err(Failure::new(
                Exit::NeedsAHand,
                format!("storage `{storage}` was written, but is not there"),
            )
            .hint("Look at the task list and /etc/pve/storage.cfg of the node, then run again."));
        }
        Known::Unknown(gap) => {
            return Err(observed
                .rights
                .unknown(&gap, &format!("whether storage `{storage}` was written")));
        }
    };
    let difference = present.settings.change_to(wanted, &[]);
    if difference.is_empty() {
        return Ok(present);
    }
    Err(Failure::new(
        Exit::NeedsAHand,
        format!(
            "storage `{storage}` was written, but Proxmox VE made something else of it ({})",
            difference.sentence()
        ),
    )
    .hint("Compare it with what was declared (`pvesh get /storage`), then run again."))
}
