//! Guests on the network: one that runs answers at an address of loopback that is its own.
//!
//! Any address below 127 answers a ping by itself, so who wants to know whether a guest is there
//! asks the lab: its `ping` does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use serde::{Deserialize, Serialize};

use crate::guest::{Guest, GuestKind};
use crate::state::{HostKind, State};

/// What a guest with a working SSH server says first.
const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";

/// How long a guest waits for whoever it greeted.
const PATIENCE: Duration = Duration::from_secs(30);

/// The second part of the addresses on the first node; the next has the next.
const FIRST: u8 = 64;

/// What a running guest does on its port.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// It greets as an SSH server does.
    #[default]
    Banner,
    /// It takes connections and says nothing.
    Silent,
    /// Nobody listens; the guest is there all the same.
    Dead,
    /// It is not on the network at all.
    Unplugged,
    /// A real OpenSSH server.
    Sshd {
        /// The program.
        program: PathBuf,
        /// Its configuration.
        config: PathBuf,
    },
}

/// The addresses that answer, of all nodes of a lab.
pub(crate) type Present = Arc<Mutex<BTreeSet<Ipv4Addr>>>;

/// The network of one node.
#[derive(Debug)]
pub(crate) struct Network {
    /// Which node of the lab it is.
    index: u8,
    pub(crate) port: u16,
    present: Present,
    services: Mutex<BTreeMap<u32, Service>>,
    plugged: Mutex<BTreeMap<u32, Plugged>>,
}

/// A running guest.
#[derive(Debug)]
struct Plugged {
    address: Ipv4Addr,
    service: Service,
    listener: Option<Arc<TcpListener>>,
}

impl Network {
    pub(crate) fn new(index: u8, port: u16, present: Present) -> Self {
        Self {
            index,
            port,
            present,
            services: Mutex::default(),
            plugged: Mutex::default(),
        }
    }

    /// The address of a guest: the one in its configuration when that is of loopback.
    pub(crate) fn address(&self, vmid: u32, guest: &Guest) -> Ipv4Addr {
        configured(guest).unwrap_or_else(|| {
            let [_, _, high, low] = vmid.to_be_bytes();
            Ipv4Addr::new(127, FIRST.saturating_add(self.index), high, low)
        })
    }

    /// Where the port of a guest is.
    pub(crate) fn endpoint(&self, vmid: u32, guest: &Guest) -> SocketAddrV4 {
        SocketAddrV4::new(self.address(vmid, guest), self.port)
    }

    /// Says what a guest does on its port.
    pub(crate) fn serve(&self, vmid: u32, service: Service) {
        lock(&self.services).insert(vmid, service);
    }

    /// Whether an address answers.
    pub(crate) fn answers(&self, address: Ipv4Addr) -> bool {
        address == Ipv4Addr::LOCALHOST || lock(&self.present).contains(&address)
    }

    /// Brings the network to what the state says: who runs is there, who does not is not.
    pub(crate) fn follow(&self, state: &State, node: &str) {
        let services = lock(&self.services);
        let wanted: BTreeMap<u32, (Ipv4Addr, Service)> = state
            .guests
            .iter()
            .filter(|(vmid, _)| state.is_on(**vmid, node))
            .filter(|(_, guest)| guest.running && state.host == HostKind::Machine)
            .map(|(vmid, guest)| {
                let service = services.get(vmid).cloned().unwrap_or_default();
                (*vmid, (self.address(*vmid, guest), service))
            })
            .filter(|(_, (_, service))| *service != Service::Unplugged)
            .collect();
        drop(services);
        let mut plugged = lock(&self.plugged);
        plugged.retain(|vmid, there| {
            let stays = wanted.get(vmid).is_some_and(|(address, service)| {
                *address == there.address && *service == there.service
            });
            if !stays {
                there.unplug();
                lock(&self.present).remove(&there.address);
            }
            stays
        });
        for (vmid, (address, service)) in wanted {
            if plugged.contains_key(&vmid) {
                continue;
            }
            lock(&self.present).insert(address);
            let listener = listen(address, self.port, &service);
            plugged.insert(
                vmid,
                Plugged {
                    address,
                    service,
                    listener,
                },
            );
        }
    }
}

impl Network {
    /// Takes all guests off it: tasks that still run may hold the node for long.
    pub(crate) fn close(&self) {
        let plugged = std::mem::take(&mut *lock(&self.plugged));
        for there in plugged.values() {
            there.unplug();
            lock(&self.present).remove(&there.address);
        }
    }
}

impl Plugged {
    // The port refuses from here on, and the thread that accepts ends.
    fn unplug(&self) {
        if let Some(listener) = &self.listener {
            shutdown(listener, Shutdown::Both).ok();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `ip=127.…` of the first network interface, or of cloud-init's settings for it.
fn configured(guest: &Guest) -> Option<Ipv4Addr> {
    let key = match guest.kind {
        GuestKind::Lxc => "net0",
        GuestKind::Qemu => "ipconfig0",
    };
    let mut options = guest.config.get(key)?.split(',');
    let address = options.find_map(|part| part.strip_prefix("ip="))?;
    let address = address.split('/').next()?.parse::<Ipv4Addr>().ok()?;
    address.is_loopback().then_some(address)
}

// An address that another guest already has is as unreachable as it would be in truth.
fn listen(address: Ipv4Addr, port: u16, service: &Service) -> Option<Arc<TcpListener>> {
    if *service == Service::Dead {
        return None;
    }
    let listener = Arc::new(TcpListener::bind((address, port)).ok()?);
    let (accepting, service) = (Arc::clone(&listener), service.clone());
    std::thread::Builder::new()
        .name(format!("guest {address}"))
        .spawn(move || accept(&accepting, &service))
        .ok()?;
    Some(listener)
}

fn accept(listener: &TcpListener, service: &Service) {
    let mut silent = Vec::new();
    // A listener that was shut down gives errors only.
    while let Ok((stream, _)) = listener.accept() {
        match service {
            Service::Silent => silent.push(stream),
            service => {
                let service = service.clone();
                // Without a thread the caller sees a closed connection.
                std::thread::Builder::new()
                    .spawn(move || speak(stream, &service).ok())
                    .ok();
            }
        }
    }
}

fn speak(mut stream: TcpStream, service: &Service) -> std::io::Result<()> {
    if let Service::Sshd { program, config } = service {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the seam: the SSH server of a guest is started here and nowhere else"
        )]
        let mut command = Command::new(program);
        let output = OwnedFd::from(stream.try_clone()?);
        command
            .arg("-i")
            .arg("-f")
            .arg(config)
            .stdin(Stdio::from(OwnedFd::from(stream)))
            .stdout(Stdio::from(output))
            .stderr(Stdio::null());
        command.status()?;
        return Ok(());
    }
    stream.write_all(BANNER)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = [0; 256];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(kind: GuestKind, pairs: &[(&str, &str)]) -> Guest {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Guest::new(kind, pairs.iter().map(owned).collect())
    }

    #[test]
    fn addresses_are_of_loopback_and_differ_by_node_and_guest() {
        let of = |index, vmid, guest: &Guest| {
            let network = Network::new(index, 2222, Present::default());
            network.address(vmid, guest).to_string()
        };
        let plain = guest(GuestKind::Lxc, &[("net0", "name=eth0,ip=dhcp")]);
        assert_eq!(of(0, 300, &plain), "127.64.1.44");
        assert_eq!(of(1, 300, &plain), "127.65.1.44");
        let own = guest(GuestKind::Lxc, &[("net0", "name=eth0,ip=127.9.9.9/8")]);
        assert_eq!(of(0, 300, &own), "127.9.9.9");
        let own = guest(
            GuestKind::Qemu,
            &[("ipconfig0", "gw=127.0.0.1,ip=127.9.9.8/8")],
        );
        assert_eq!(of(0, 300, &own), "127.9.9.8");
        let foreign = guest(GuestKind::Lxc, &[("net0", "name=eth0,ip=10.0.0.5/24")]);
        assert_eq!(of(0, 300, &foreign), "127.64.1.44");
    }
}
