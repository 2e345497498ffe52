//! Guests on the network: who runs answers, who does not is refused, and `ping` tells.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddrV4, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use reprise_lab::{GuestKind, Power, Service};
use serde_json::json;

use crate::support::{World, stderr, stdout};

fn at(world: &World, vmid: u32) -> SocketAddrV4 {
    world.node().guest_endpoint(vmid).unwrap()
}

fn greeting(address: SocketAddrV4) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut bytes = [0; 64];
    let count = stream.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

fn ping(world: &World, address: SocketAddrV4) -> (Option<i32>, String) {
    let output = world
        .command("ping")
        .args(["-c", "2", "-W", "1"])
        .arg(address.ip().to_string())
        .output()
        .unwrap();
    assert_eq!(stderr(&output), "");
    (output.status.code(), stdout(&output))
}

#[test]
fn a_started_guest_greets_and_a_stopped_one_refuses() {
    let world = World::start();
    let (one, other) = (at(&world, 300), at(&world, 301));
    assert!(one.ip().is_loopback() && one.ip() != other.ip());
    assert_eq!(
        greeting(one).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let start = ["create", "/nodes/pve1/lxc/300/status/start"];
    assert!(world.run(&start).status.success());
    // The task has ended, so the guest is there.
    assert!(greeting(one).unwrap().starts_with("SSH-2.0-OpenSSH_"));
    assert_eq!(
        greeting(other).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let (code, text) = ping(&world, one);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("icmp_seq=2")
            && text.contains("2 packets transmitted, 2 received, 0% packet loss"),
        "{text}"
    );
    let (code, text) = ping(&world, other);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("2 packets transmitted, 0 received, 100% packet loss"),
        "{text}"
    );
    world
        .node()
        .set_guest_option(300, "net0", "name=eth0,ip=dhcp");
    let shown = world.json(&["get", "/nodes/pve1/lxc/300/interfaces"]);
    assert_eq!(shown[1]["inet"], format!("{}/8", one.ip()));
    let stop = ["create", "/nodes/pve1/lxc/300/status/stop"];
    assert!(world.run(&stop).status.success());
    assert_eq!(
        greeting(one).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert_eq!(ping(&world, one).0, Some(1));
    let shown = world.json(&["get", "/nodes/pve1/lxc/300/interfaces"]);
    assert_eq!(shown, json!(null));
}

#[test]
fn a_destroyed_guest_is_gone_and_a_second_start_comes_back() {
    let world = World::start();
    let there = at(&world, 300);
    for _ in 0..3 {
        world.node().set_running(300, Power::Running);
        greeting(there).unwrap();
        world.node().set_running(300, Power::Stopped);
        assert!(greeting(there).is_err());
    }
    world.node().set_running(300, Power::Running);
    world.node().remove_guest(300);
    assert!(greeting(there).is_err());
}

#[test]
fn services_fail_on_request() {
    let world = World::start();
    world.node().set_running(300, Power::Running);
    let there = at(&world, 300);
    let serve = |service| world.node().set_service(300, service).unwrap();
    serve(Service::Silent);
    let silent = greeting(there).unwrap_err().kind();
    assert!(
        matches!(silent, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{silent}"
    );
    serve(Service::Dead);
    let dead = greeting(there).unwrap_err().kind();
    assert_eq!(dead, ErrorKind::ConnectionRefused);
    assert_eq!(ping(&world, there).0, Some(0), "it is there all the same");
    serve(Service::Unplugged);
    assert_eq!(ping(&world, there).0, Some(1));
    // What speaks to the network is the program that is named, with its settings.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sshd");
    std::fs::write(&program, "#!/bin/sh\necho \"$1 $2 $3\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    serve(Service::Sshd {
        program,
        config: "/settings".into(),
    });
    assert_eq!(greeting(there).unwrap(), "-i -f /settings\n");
    serve(Service::Banner);
    assert!(greeting(there).unwrap().starts_with("SSH-2.0-"));
    assert!(world.node().set_service(999, Service::Dead).is_err());
}

#[test]
fn the_agent_names_the_address() {
    let world = World::start();
    let config = [
        ("agent", "1"),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"),
    ];
    world
        .node()
        .add_guest(400, GuestKind::Qemu, &config)
        .unwrap();
    let path = |what: &str| format!("/nodes/pve1/qemu/400/agent/{what}");
    let off = world.run(&["get", &path("network-get-interfaces")]);
    assert_eq!(
        (off.status.code(), stderr(&off).as_str()),
        (Some(2), "VM 400 is not running\n")
    );
    world.node().set_running(400, Power::Running);
    let shown = world.json(&["get", &path("network-get-interfaces")]);
    let second = &shown["result"][1];
    let address = at(&world, 400).ip().to_string();
    assert_eq!(second["ip-addresses"][0]["ip-address"], json!(address));
    assert_eq!(second["hardware-address"], "bc:24:11:00:00:01");
    assert_eq!(
        world.json(&["get", &path("get-osinfo")])["result"]["id"],
        "debian"
    );
    world.node().set_guest_option(400, "agent", "0");
    let none = world.run(&["get", &path("get-osinfo")]);
    assert_eq!(stderr(&none), "No QEMU guest agent configured\n");
    let pending = world.json(&["get", "/nodes/pve1/qemu/400/pending"]);
    assert!(
        pending
            .as_array()
            .unwrap()
            .contains(&json!({"key": "agent", "value": "0"})),
        "{pending}"
    );
}
