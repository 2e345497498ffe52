//! The present: the storage, its users, the caller's rights. Changes nothing.

use module_kit::rights::{Rights, hidden_storage};
use module_kit::settings::Settings;
use module_kit::{Context, Failure};
use pve_client::api::{Permissions, Storage};
use pve_client::{Client, Known, Seen};
use pve_types::StorageId;

use crate::definition::{SHAPE, key};
use crate::spec::{Password, Spec};

/// What is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The storage of this id, if there is one.
    pub present: Known<Option<Present>>,
    /// The backup jobs that write to it; only looked for when it shall go.
    pub jobs_using: Vec<String>,
    /// Who asks, and what they may do.
    pub rights: Rights,
}

/// A storage that exists.
#[derive(Debug, Clone)]
pub struct Present {
    /// Its kind.
    pub kind: String,
    /// What is declared here, in comparable form.
    pub settings: Settings,
    /// The checksum of all storage definitions, which guards a change.
    pub digest: Option<String>,
    /// As Proxmox VE has it.
    pub storage: Storage,
}

pub(crate) fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
    // Whether all storages can be seen is told by the rights, which the plan needs too.
    let client = &context.client()?.remembering();
    let (storages, permissions, jobs_using) = std::thread::scope(|scope| {
        let storages = scope.spawn(|| client.storages());
        let permissions = scope.spawn(|| client.permissions());
        let jobs_using = match spec {
            Spec::Present(_) => Ok(Vec::new()),
            Spec::Absent {
                storage,
                jobs_removed,
                ..
            } => jobs_using(client, storage).map(|jobs| {
                let gone = |job: &String| context.is_check() && jobs_removed.contains(job);
                jobs.into_iter().filter(|job| !gone(job)).collect()
            }),
        };
        (
            module_kit::joined(storages),
            module_kit::joined(permissions),
            jobs_using,
        )
    });
    let permissions = permissions?;
    let present = find(storages?, spec.storage(), &permissions);
    if sends_password(spec, &present) {
        // Found now, so that check mode fails where the real run would.
        client.accepts_storage_password(spec.storage())?;
    }
    Ok(Observed {
        present,
        jobs_using: jobs_using?,
        rights: Rights {
            identity: client.identity().clone(),
            permissions,
        },
    })
}

/// Whether the plan can be to send a password.
const fn sends_password(spec: &Spec, present: &Known<Option<Present>>) -> bool {
    match spec {
        Spec::Absent { .. } => false,
        Spec::Present(declared) => match &declared.password {
            Password::None => false,
            Password::Always(_) => true,
            Password::OnCreate(_) => !matches!(present, Known::Known(Some(_))),
        },
    }
}

fn jobs_using(client: &Client, storage: &StorageId) -> Result<Vec<String>, Failure> {
    let jobs = client.jobs()?;
    Ok(jobs
        .into_iter()
        .filter(|job| {
            // A job without a storage writes to `local`.
            job.storage.as_deref().unwrap_or("local") == storage.as_str()
                || job
                    .fleecing
                    .as_ref()
                    .and_then(|fleecing| fleecing.storage.as_deref())
                    == Some(storage.as_str())
        })
        .map(|job| job.id)
        .collect())
}

/// The storage of this id. A list that may hide it does not prove that there is none.
pub(crate) fn find(
    storages: Seen<Storage>,
    id: &StorageId,
    permissions: &Permissions,
) -> Known<Option<Present>> {
    let found = storages
        .visible
        .into_iter()
        .find(|storage| storage.storage == *id);
    match found {
        Some(storage) => Known::Known(Some(Present::new(storage))),
        None => hidden_storage(permissions, id.as_str()).map_or(Known::Known(None), Known::Unknown),
    }
}

impl Present {
    pub(crate) fn new(storage: Storage) -> Self {
        Self {
            kind: storage.kind.clone(),
            settings: settings(&storage),
            digest: storage.digest.clone(),
            storage,
        }
    }
}

/// A storage there in the form of a declared one.
fn settings(storage: &Storage) -> Settings {
    let mut settings = Settings::new(&SHAPE);
    settings.comma_list(key::CONTENT, storage.content.clone().unwrap_or_default());
    settings.comma_list(key::NODES, storage.nodes.clone().unwrap_or_default());
    settings.flag(key::DISABLE, storage.disable);
    settings.number(key::MAX_PROTECTED_BACKUPS, storage.max_protected_backups);
    let retention = storage
        .prune_backups
        .filter(|retention| !retention.is_empty())
        .map(|retention| retention.normalized().to_string());
    settings.text(key::PRUNE_BACKUPS, retention.as_deref());
    // The other kinds are shared by nature, and their mount point is made up by PVE.
    if storage.kind == "dir" {
        settings.flag(key::SHARED, storage.shared);
        settings.text(key::PATH, storage.path.as_deref());
    }
    let mountpoint = storage.is_mountpoint.as_deref().map(|text| match text {
        "1" => "yes",
        "0" => "no",
        other => other,
    });
    settings.text(key::IS_MOUNTPOINT, mountpoint);
    settings.flag(key::CREATE_BASE_PATH, storage.create_base_path);
    settings.flag(key::CREATE_SUBDIRS, storage.create_subdirs);
    settings.text(key::SERVER, storage.server.as_deref());
    settings.text(key::EXPORT, storage.export.as_deref());
    settings.text(key::SHARE, storage.share.as_deref());
    settings.text(key::DATASTORE, storage.datastore.as_deref());
    settings.text(key::OPTIONS, storage.options.as_deref());
    settings.text(key::USERNAME, storage.username.as_deref());
    settings.text(key::DOMAIN, storage.domain.as_deref());
    settings.text(key::SMBVERSION, storage.smbversion.as_deref());
    settings.text(key::SUBDIR, storage.subdir.as_deref());
    settings.text(key::NAMESPACE, storage.namespace.as_deref());
    settings.text(
        key::FINGERPRINT,
        storage
            .fingerprint
            .as_deref()
            .map(str::to_lowercase)
            .as_deref(),
    );
    settings.number(
        key::PORT,
        storage.port.and_then(|port| i64::try_from(port).ok()),
    );
    settings
}
