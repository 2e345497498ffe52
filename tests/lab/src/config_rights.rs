//! Which privilege a key of a guest's configuration asks for.

use crate::access::identity::Identity;
use crate::guest::GuestKind;
use crate::refusal::Refusal;
use crate::schema::numbered;
use crate::state::State;
use crate::volumes;

const CPU: &str = "affinity cores cpu cpulimit cpuunits numa smp sockets vcpus";
const MEMORY: &str = "balloon hugepages keephugepages memory shares swap";
const HARDWARE: &str = "acpi amd-sev arch audio0 bios cicustom citype efidisk0 hotplug hugepages ivshmem kvm machine rng0 scsihw smbios1 tablet tpmstate0 vga vmgenid watchdog";
const OPTIONS: &str = "agent autostart bios description freeze keyboard localtime migrate_downtime migrate_speed name onboot ostype protection reboot spice_enhancements startdate startup tdf template unprivileged console tty cmode timezone debug";
const NETWORK: &str = "hostname nameserver searchdomain";
const CLOUD: &str = "cipassword citype ciupgrade ciuser nameserver searchdomain sshkeys";

/// Who changes which guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Editor<'state> {
    pub(crate) state: &'state State,
    pub(crate) identity: &'state Identity,
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    /// The pool that a new guest is to be in.
    pub(crate) pool: Option<&'state str>,
}

impl Editor<'_> {
    /// Asks for a privilege on the guest or its pool to be.
    ///
    /// # Errors
    /// 403 that names it.
    pub(crate) fn check(&self, privileges: &[&str]) -> Result<(), Refusal> {
        let path = format!("/vms/{}", self.vmid);
        let in_pool = self.pool.is_some_and(|pool| {
            let path = format!("/pool/{pool}");
            self.state.holds_any(self.identity, &path, privileges)
        });
        if in_pool {
            return Ok(());
        }
        self.state.check_any(self.identity, &path, privileges)
    }

    /// Whether a key may be set to a value or, without one, be removed.
    ///
    /// # Errors
    /// 403, or 500 for what only root may.
    pub(crate) fn check_key(&self, key: &str, value: Option<&str>) -> Result<(), Refusal> {
        if self.identity.is_root() {
            return Ok(());
        }
        let is = |list: &str| list.split(' ').any(|name| name == key);
        let stem = numbered(key).map(|(stem, _)| stem);
        match (self.kind, stem) {
            (_, Some("net")) => {
                self.check(&["VM.Config.Network"])?;
                value.map_or(Ok(()), |value| self.check_bridge(value))
            }
            (GuestKind::Qemu, Some("ide" | "scsi" | "virtio" | "sata" | "unused")) => {
                self.check(&["VM.Config.Disk"])
            }
            (GuestKind::Lxc, Some("mp" | "unused")) => {
                let bind = value.is_some_and(|value| volumes::id_of(value).starts_with('/'));
                if bind {
                    return Err(Refusal::forbidden(
                        "mount point type bind is only allowed for root@pam",
                    ));
                }
                self.check(&["VM.Config.Disk"])
            }
            (GuestKind::Lxc, Some("dev")) => Err(Refusal::forbidden(
                "configuring device passthrough is only allowed for root@pam",
            )),
            (GuestKind::Lxc, None) if key == "rootfs" => self.check(&["VM.Config.Disk"]),
            (GuestKind::Lxc, None) if key == "hookscript" => Err(Refusal::forbidden(
                "changing the hookscript is only allowed for root@pam",
            )),
            (GuestKind::Lxc, None) if key == "features" => self.check_features(value),
            (GuestKind::Qemu, Some("serial" | "usb" | "hostpci" | "virtiofs")) => {
                self.check(&["VM.Config.HWType"])
            }
            (GuestKind::Qemu, Some("ipconfig")) => {
                self.check(&["VM.Config.Cloudinit", "VM.Config.Network"])
            }
            (GuestKind::Qemu, None) if key == "cdrom" => self.check(&["VM.Config.CDROM"]),
            (GuestKind::Qemu, None) if key == "boot" || key == "bootdisk" => {
                self.check(&["VM.Config.Disk"])
            }
            (_, None) if key == "tags" => self.check_tags(),
            _ if is(CPU) => self.check(&["VM.Config.CPU"]),
            _ if is(MEMORY) => self.check(&["VM.Config.Memory"]),
            (GuestKind::Lxc, _) if is(NETWORK) => self.check(&["VM.Config.Network"]),
            _ if is(OPTIONS) => {
                self.check(&["VM.Config.Options"])?;
                if key == "startup" && self.kind == GuestKind::Qemu {
                    return self.state.check(self.identity, "/", &["Sys.Modify"]);
                }
                Ok(())
            }
            (GuestKind::Qemu, _) if is(HARDWARE) => self.check(&["VM.Config.HWType"]),
            (GuestKind::Qemu, _) if is(CLOUD) => {
                self.check(&["VM.Config.Cloudinit", "VM.Config.Network"])
            }
            (GuestKind::Lxc, _) => self.check(&["VM.Config.Options"]),
            _ => Err(Refusal::failure(format!(
                "only root can set '{key}' config"
            ))),
        }
    }

    // On a guest that is there, tags count as options; while it is made nobody asks.
    fn check_tags(&self) -> Result<(), Refusal> {
        if self.state.guests.contains_key(&self.vmid) {
            self.check(&["VM.Config.Options"])
        } else {
            Ok(())
        }
    }

    fn check_features(&self, value: Option<&str>) -> Result<(), Refusal> {
        let nesting =
            value.is_some_and(|value| value.split(',').all(|part| part.starts_with("nesting=")));
        if nesting {
            return self.check(&["VM.Allocate"]);
        }
        Err(Refusal::forbidden(
            "changing feature flags (except nesting) is only allowed for root@pam",
        ))
    }

    /// Whether a network device may be on its bridge.
    ///
    /// # Errors
    /// 403, or 500 when it names none.
    pub(crate) fn check_bridge(&self, value: &str) -> Result<(), Refusal> {
        if self.identity.is_root() {
            return Ok(());
        }
        let Some(bridge) = volumes::option(value, "bridge") else {
            return Err(Refusal::failure("no sdn vnet ID specified"));
        };
        let mut path = format!("/sdn/zones/localnetwork/{bridge}");
        if let Some(tag) = volumes::option(value, "tag") {
            path = format!("{path}/{tag}");
        }
        self.state.check(self.identity, &path, &["SDN.Use"])
    }
}
