//! The present: the guest, its configuration, the caller's rights. Changes nothing.

use module_kit::rights::Rights;
use module_kit::{Context, Exit, Failure};
use pve_client::Client;
use pve_client::api::{ConfigView, Guest, GuestConfig};

use crate::spec::Spec;

/// What is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The guest.
    pub guest: Guest,
    /// Its configuration.
    pub configs: Configs,
    /// Who asks, and what they may do.
    pub rights: Rights,
}

/// A configuration with what waits for the next start, and without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configs {
    /// As it will be.
    pub pending: GuestConfig,
    /// As it is.
    pub current: GuestConfig,
}

pub(crate) fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
    let client = context.client()?;
    let vmid = spec.vmid;
    let resources = client.resources()?;
    let rights = Rights {
        identity: client.identity().clone(),
        permissions: client.permissions_on(&format!("/vms/{vmid}"))?,
    };
    let found = resources
        .guests
        .visible
        .into_iter()
        .find(|guest| guest.vmid == vmid);
    let Some(guest) = found else {
        return Err(match resources.guests.gaps.first() {
            Some(gap) => rights.unknown(gap, &format!("whether guest {vmid} exists")),
            None => Failure::new(Exit::NothingFound, format!("guest {vmid} does not exist"))
                .hint("The module pve_info lists the guests."),
        });
    };
    let configs = read(client, &guest)?;
    Ok(Observed {
        guest,
        configs,
        rights,
    })
}

/// Both configurations.
pub(crate) fn read(client: &Client, guest: &Guest) -> Result<Configs, Failure> {
    Ok(Configs {
        pending: client.guest_config(guest, ConfigView::Pending)?,
        current: client.guest_config(guest, ConfigView::Current)?,
    })
}
