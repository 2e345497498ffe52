//! What becomes of a configuration, and of volumes, when keys are set and removed.

use std::collections::BTreeMap;

use crate::guest::{Guest, GuestKind, is_volume_key};
use crate::task::worker::Failure;
use crate::trees;
pub(crate) use crate::volumes::Place;
use crate::volumes::{self, Purpose, Say, Wish};

/// Keys to be set and to be removed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) set: BTreeMap<String, String>,
    pub(crate) delete: Vec<String>,
}

impl Changes {
    /// Changes a configuration; new volumes are made on the way.
    ///
    /// # Errors
    /// When a volume cannot be made or is not there.
    pub(crate) fn apply(
        &self,
        guest: &mut Guest,
        place: &Place<'_>,
        say: &mut Say<'_>,
    ) -> Result<(), Failure> {
        for key in &self.delete {
            remove(guest, place, key)?;
        }
        for (key, value) in &self.set {
            if is_volume_key(key) {
                set_volume(guest, place, key, value, say)?;
            } else if key == "description" {
                // Comments of the file end with a line feed.
                let text = format!("{}\n", value.trim_end_matches('\n'));
                guest.config.insert(key.clone(), text);
            } else {
                guest.config.insert(key.clone(), value.clone());
            }
        }
        Ok(())
    }
}

fn remove(guest: &mut Guest, place: &Place<'_>, key: &str) -> Result<(), Failure> {
    let Some(value) = guest.config.remove(key) else {
        return Ok(());
    };
    let id = volumes::id_of(&value).to_owned();
    if key.starts_with("unused") {
        trees::remove(place.node, place.storages, &id)?;
    } else if is_volume_key(key) {
        drop_from_boot_order(guest, key);
        keep_unused(guest, place.vmid, &id);
    }
    Ok(())
}

/// Keeps a volume that no key names any more as an unused one.
pub(crate) fn keep_unused(guest: &mut Guest, vmid: u32, id: &str) -> Option<String> {
    let own = format!(":{vmid}/");
    let named = guest
        .config
        .values()
        .any(|value| volumes::id_of(value) == id);
    if named || !id.contains(&own) {
        return None;
    }
    let key = guest.free_unused();
    guest.config.insert(key.clone(), id.to_owned());
    Some(key)
}

/// Takes a disk out of the boot order; an empty order is a blank.
pub(crate) fn drop_from_boot_order(guest: &mut Guest, key: &str) -> bool {
    let Some(order) = guest
        .config
        .get("boot")
        .and_then(|boot| boot.strip_prefix("order="))
    else {
        return false;
    };
    let rest: Vec<&str> = order.split(';').filter(|part| *part != key).collect();
    if rest.len() == order.split(';').count() {
        return false;
    }
    let boot = if rest.is_empty() {
        " ".to_owned()
    } else {
        format!("order={}", rest.join(";"))
    };
    guest.config.insert("boot".to_owned(), boot);
    true
}

fn set_volume(
    guest: &mut Guest,
    place: &Place<'_>,
    key: &str,
    value: &str,
    say: &mut Say<'_>,
) -> Result<(), Failure> {
    let id = volumes::id_of(value);
    let old = guest
        .config
        .get(key)
        .map(|old| volumes::id_of(old).to_owned());
    let value = match volumes::wished_size(id) {
        Some((storage, size)) => {
            let vm = guest.kind == GuestKind::Qemu;
            let wish = Wish {
                storage,
                size,
                format: volumes::option(value, "format").unwrap_or("raw"),
                purpose: if vm {
                    Purpose::Disk
                } else {
                    Purpose::FileSystem
                },
            };
            let made = volumes::allocate(place, &wish, say)?;
            let value = volumes::with_size(&value.replacen(id, &made, 1), size);
            if vm {
                say(&format!("{key}: successfully created disk '{value}'"))?;
            }
            value
        }
        None if id.contains(':') && !id.contains(":iso/") => {
            let missing = || Failure::new(format!("volume '{id}' does not exist"));
            let size = volumes::size_of(place, id).ok_or_else(missing)?;
            volumes::with_size(value, size)
        }
        None => value.to_owned(),
    };
    let id = volumes::id_of(&value).to_owned();
    guest
        .config
        .retain(|key, value| !key.starts_with("unused") || *value != id);
    guest.config.insert(key.to_owned(), value);
    if let Some(old) = old.filter(|old| *old != id) {
        keep_unused(guest, place.vmid, &old);
    }
    Ok(())
}
