//! What guests say of themselves: their agents, and the addresses of containers.

use serde_json::{Value, json};

use super::guests;
use crate::call::Call;
use crate::guest::{Guest, GuestKind};
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

/// The guest of a call, when its agent answers.
fn with_agent<'call>(call: &'call Call<'_>) -> Result<(u32, &'call Guest), Refusal> {
    let (vmid, guest) = guests::find(call, GuestKind::Qemu)?;
    if !guest.has_agent() {
        return Err(Refusal::failure("No QEMU guest agent configured"));
    }
    if !guest.running {
        return Err(Refusal::failure(format!("VM {vmid} is not running")));
    }
    Ok((vmid, guest))
}

pub(super) fn ping(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    with_agent(call)?;
    Ok(json!({"result": {}}).into())
}

pub(super) fn os_information(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (_, guest) = with_agent(call)?;
    let kind = guest.config.get("ostype").map_or("l26", String::as_str);
    let result = if kind.starts_with('w') {
        json!({
            "id": "mswindows",
            "kernel-release": "20348",
            "kernel-version": "10.0",
            "machine": "x86_64",
            "name": "Microsoft Windows",
            "pretty-name": "Windows Server 2022 Standard",
            "version": "Microsoft Windows Server 2022",
            "version-id": "2022",
        })
    } else {
        json!({
            "id": "debian",
            "kernel-release": "6.1.0-28-amd64",
            "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1",
            "machine": "x86_64",
            "name": "Debian GNU/Linux",
            "pretty-name": "Debian GNU/Linux 12 (bookworm)",
            "version": "12 (bookworm)",
            "version-id": "12",
        })
    };
    Ok(json!({"result": result}).into())
}

pub(super) fn interfaces_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, guest) = with_agent(call)?;
    let interfaces: Vec<Value> = interfaces(call, vmid, guest)
        .into_iter()
        .map(|(name, mac, address)| {
            json!({
                "name": name,
                "hardware-address": mac,
                "ip-addresses": [
                    {"ip-address": address, "ip-address-type": "ipv4", "prefix": 8},
                ],
            })
        })
        .collect();
    Ok(json!({"result": interfaces}).into())
}

pub(super) fn interfaces_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    // Neither a container that is off nor one that is not there has any, and that is no error.
    let Ok((vmid, guest)) = guests::find(call, GuestKind::Lxc) else {
        return Ok(Value::Null.into());
    };
    if !guest.running {
        return Ok(Value::Null.into());
    }
    let interfaces: Vec<Value> = interfaces(call, vmid, guest)
        .into_iter()
        .map(|(name, mac, address)| {
            json!({
                "name": name,
                "hwaddr": mac,
                "hardware-address": mac,
                "inet": format!("{address}/8"),
                "ip-addresses": [
                    {"ip-address": address, "ip-address-type": "inet", "prefix": "8"},
                ],
            })
        })
        .collect();
    Ok(Value::from(interfaces).into())
}

/// Names, hardware addresses and addresses.
fn interfaces(call: &Call<'_>, vmid: u32, guest: &Guest) -> Vec<(String, String, String)> {
    let mut interfaces = vec![(
        "lo".to_owned(),
        "00:00:00:00:00:00".to_owned(),
        "127.0.0.1".to_owned(),
    )];
    if let Some(net) = guest.config.get("net0") {
        let option = |names: &[&str]| {
            net.split(',').find_map(|part| {
                let (name, value) = part.split_once('=')?;
                names.contains(&name).then(|| value.to_owned())
            })
        };
        let mac = option(&["hwaddr", "virtio", "e1000", "vmxnet3", "rtl8139"]);
        interfaces.push((
            option(&["name"]).unwrap_or_else(|| "eth0".to_owned()),
            mac.unwrap_or_default().to_lowercase(),
            call.node.network.address(vmid, guest).to_string(),
        ));
    }
    interfaces
}
