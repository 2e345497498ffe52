//! What the options mean. No IO.

use module_kit::Failure;
use module_kit::settings::Settings;
use pve_client::Secret;
use pve_types::{NodeName, Retention, StorageId};

use crate::args::{Args, CifsArgs, DirArgs, NfsArgs, PbsArgs, State, UpdatePassword};
use crate::definition::{SHAPE, key};

/// What shall be.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// The storage as declared.
    Present(Box<Declared>),
    /// No storage of this id.
    Absent {
        /// The id.
        storage: StorageId,
        /// Consent to removing it under jobs that use it.
        confirmed: bool,
        /// The jobs that an earlier task removes, for check mode.
        jobs_removed: Vec<String>,
    },
}

/// A storage as declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its id.
    pub storage: StorageId,
    /// Its kind, as Proxmox VE writes it.
    pub kind: String,
    /// Everything but its kind and its password.
    pub settings: Settings,
    /// Its password, and when it is written.
    pub password: Password,
    /// What is kept on it, for a warning.
    pub retention: Option<Retention>,
}

/// The password of a storage.
#[derive(Debug, Clone, PartialEq)]
pub enum Password {
    /// It has none.
    None,
    /// Written when the storage is made.
    OnCreate(Secret),
    /// Written each time.
    Always(Secret),
}

impl Spec {
    /// The id of the storage.
    pub const fn storage(&self) -> &StorageId {
        match self {
            Self::Present(declared) => &declared.storage,
            Self::Absent { storage, .. } => storage,
        }
    }

    /// Understands the options.
    pub fn new(args: &Args) -> Result<Self, Failure> {
        let storage: StorageId = args
            .storage
            .parse()
            .map_err(|error| Failure::usage(format!("storage: {error}")))?;
        match args.state {
            State::Absent => Ok(Self::Absent {
                storage,
                confirmed: args.confirmed,
                jobs_removed: args.jobs_removed.clone(),
            }),
            State::Present => {
                Declared::new(storage, args).map(|declared| Self::Present(Box::new(declared)))
            }
        }
    }
}

impl Declared {
    fn new(storage: StorageId, args: &Args) -> Result<Self, Failure> {
        let kind = args.kind.clone().unwrap_or_default();
        let mut settings = Settings::new(&SHAPE);
        if args.content.is_empty() {
            return Err(Failure::usage(
                "content is an empty list: nothing could lie on the storage",
            ));
        }
        if kind == "pbs"
            && let Some(other) = args.content.iter().find(|content| *content != "backup")
        {
            return Err(Failure::usage(format!(
                "content: a storage of type pbs takes `backup` alone, not `{other}`"
            ))
            .hint("Leave content out."));
        }
        settings.comma_list(key::CONTENT, &args.content);
        if let Some(nodes) = &args.nodes {
            // Proxmox VE would read it as every node.
            if nodes.is_empty() {
                return Err(Failure::usage(
                    "nodes is an empty list: no node would have the storage",
                )
                .hint("Leave nodes out for every node, or set `enabled: false`."));
            }
            for node in nodes {
                node.parse::<NodeName>()
                    .map_err(|error| Failure::usage(format!("nodes: {error}")))?;
            }
            settings.comma_list(key::NODES, nodes);
        }
        settings.flag(key::DISABLE, Some(!args.enabled));
        if let Some(limit) = args.max_protected_backups {
            if limit < -1 {
                return Err(Failure::usage(format!(
                    "max_protected_backups: {limit} is less than -1, which stands for any number"
                )));
            }
            settings.number(key::MAX_PROTECTED_BACKUPS, Some(limit));
        }
        let retention = args.retention().understood()?;
        if let Some(retention) = &retention {
            settings.text(key::PRUNE_BACKUPS, Some(&retention.to_string()));
        }
        if let Some(shared) = args.shared {
            if kind != "dir" {
                return Err(Failure::usage(format!(
                    "shared: a storage of type {kind} is shared by nature"
                ))
                .hint("Leave shared out."));
            }
            settings.flag(key::SHARED, Some(shared));
        }
        let password = match own_options(args, &kind)? {
            Own::Dir(options) => dir(options, &mut settings)?,
            Own::Nfs(options) => nfs(options, &mut settings)?,
            Own::Cifs(options) => cifs(options, &mut settings)?,
            Own::Pbs(options) => pbs(options, &mut settings)?,
        };
        let password = match (password, args.update_password) {
            (None, _) => Password::None,
            (Some(password), UpdatePassword::OnCreate) => Password::OnCreate(password),
            (Some(password), UpdatePassword::Always) => Password::Always(password),
        };
        Ok(Self {
            storage,
            kind,
            settings,
            password,
            retention,
        })
    }
}

/// The options of the kind that is declared.
enum Own<'a> {
    Dir(&'a DirArgs),
    Nfs(&'a NfsArgs),
    Cifs(&'a CifsArgs),
    Pbs(&'a PbsArgs),
}

/// The options of this kind, and no others: `nfs_options` beside `type: dir` is a mistake.
fn own_options<'a>(args: &'a Args, kind: &str) -> Result<Own<'a>, Failure> {
    let own = match kind {
        "dir" => args.dir_options.as_ref().map(Own::Dir),
        "nfs" => args.nfs_options.as_ref().map(Own::Nfs),
        "cifs" => args.cifs_options.as_ref().map(Own::Cifs),
        "pbs" => args.pbs_options.as_ref().map(Own::Pbs),
        _ => None,
    };
    own.ok_or_else(|| Failure::usage(format!("type is {kind}, but {kind}_options is missing")))
}

fn dir(options: &DirArgs, settings: &mut Settings) -> Result<Option<Secret>, Failure> {
    absolute("dir_options.path", &options.path)?;
    settings.text(key::PATH, Some(&options.path));
    // `yes` may arrive as a boolean's text, and PVE takes its own words for it.
    let mountpoint = options.is_mountpoint.as_deref().map(|text| match text {
        "True" | "true" | "1" | "on" => "yes",
        "False" | "false" | "0" | "off" => "no",
        other => other,
    });
    if let Some(path) = mountpoint.filter(|text| !matches!(*text, "yes" | "no")) {
        absolute("dir_options.is_mountpoint", path)?;
    }
    settings.text(key::IS_MOUNTPOINT, mountpoint);
    settings.flag(key::CREATE_BASE_PATH, options.create_base_path);
    settings.flag(key::CREATE_SUBDIRS, options.create_subdirs);
    Ok(None)
}

fn nfs(options: &NfsArgs, settings: &mut Settings) -> Result<Option<Secret>, Failure> {
    absolute("nfs_options.export", &options.export)?;
    filled("nfs_options.server", &options.server)?;
    lines("nfs_options.options", options.options.as_deref())?;
    settings.text(key::SERVER, Some(&options.server));
    settings.text(key::EXPORT, Some(&options.export));
    settings.text(key::OPTIONS, options.options.as_deref());
    Ok(None)
}

fn cifs(options: &CifsArgs, settings: &mut Settings) -> Result<Option<Secret>, Failure> {
    if options.password.is_some() && options.username.is_none() {
        return Err(Failure::usage("cifs_options: a password, but no username"));
    }
    filled("cifs_options.server", &options.server)?;
    filled("cifs_options.share", &options.share)?;
    for (name, text) in [
        ("cifs_options.username", &options.username),
        ("cifs_options.domain", &options.domain),
        ("cifs_options.subdir", &options.subdir),
        ("cifs_options.options", &options.options),
    ] {
        lines(name, text.as_deref())?;
    }
    settings.text(key::SERVER, Some(&options.server));
    settings.text(key::SHARE, Some(&options.share));
    settings.text(key::USERNAME, options.username.as_deref());
    settings.text(key::DOMAIN, options.domain.as_deref());
    settings.text(key::SMBVERSION, options.smbversion.as_deref());
    settings.text(key::SUBDIR, options.subdir.as_deref());
    settings.text(key::OPTIONS, options.options.as_deref());
    Ok(options.password.as_deref().map(Secret::from))
}

fn pbs(options: &PbsArgs, settings: &mut Settings) -> Result<Option<Secret>, Failure> {
    if let Some(port) = options.port
        && !(1..=65535).contains(&port)
    {
        return Err(Failure::usage(format!(
            "pbs_options.port: {port} is not from 1 to 65535"
        )));
    }
    let fingerprint = options.fingerprint.as_deref().map(str::to_lowercase);
    if let Some(text) = &fingerprint {
        let pairs: Vec<&str> = text.split(':').collect();
        let fits = pairs.len() == 32
            && pairs
                .iter()
                .all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !fits {
            return Err(Failure::usage(
                "pbs_options.fingerprint: not 32 pairs of hexadecimal digits with colons between",
            ));
        }
    }
    filled("pbs_options.server", &options.server)?;
    filled("pbs_options.datastore", &options.datastore)?;
    filled("pbs_options.username", &options.username)?;
    lines("pbs_options.namespace", options.namespace.as_deref())?;
    settings.text(key::SERVER, Some(&options.server));
    settings.text(key::DATASTORE, Some(&options.datastore));
    settings.text(key::NAMESPACE, options.namespace.as_deref());
    settings.text(key::USERNAME, Some(&options.username));
    settings.text(key::FINGERPRINT, fingerprint.as_deref());
    settings.number(key::PORT, options.port);
    Ok(options.password.as_deref().map(Secret::from))
}

/// A text that Proxmox VE stores on one line, and that says something.
fn filled(name: &str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{name}: it is empty")));
    }
    lines(name, Some(text))
}

/// A text that Proxmox VE stores on one line, trimmed.
fn lines(name: &str, text: Option<&str>) -> Result<(), Failure> {
    match text {
        Some(text) if text.contains(char::is_control) => Err(Failure::usage(format!(
            "{name}: it has a line break or another control character"
        ))),
        Some(text) if text.trim() != text => Err(Failure::usage(format!(
            "{name}: `{text}` begins or ends with a blank"
        ))),
        _ => Ok(()),
    }
}

fn absolute(name: &str, path: &str) -> Result<(), Failure> {
    if path.starts_with('/') && !path.contains(char::is_control) && path.trim() == path {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{name}: `{path}` is no absolute path"
    )))
}

#[cfg(test)]
mod tests;
