//! What somebody who logs in finds.

use std::fs;

use anyhow::{Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::host::{Host, HostLab, NODES};
use reprise_tests::process::{self, Watch};
use reprise_tests::tests;
use reprise_tests::trial::Needing;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![
    each_node_is_a_machine_of_its_own,
    the_node_has_what_an_installation_has,
    commands_are_run_as_by_any_server,
    files_are_copied_in_every_way,
];

fn each_node_is_a_machine_of_its_own(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    for name in NODES {
        let host = lab.host(name)?;
        ensure!(
            host.output("hostname; id -u; pwd; echo $HOME $USER")?
                == format!("{name}\n0\n/root\n/root root")
        );
        host.output(&format!(
            "echo of {name} > /etc/reprise/mark; touch /tmp/{name}"
        ))?;
        let mark = fs::read_to_string(host.root.join("etc/reprise/mark"))?;
        ensure!(mark == format!("of {name}\n"), "{mark}");
    }
    for name in NODES {
        let host = lab.host(name)?;
        ensure!(host.output("cat /etc/reprise/mark")? == format!("of {name}"));
        let other = host.output("ls /tmp")?;
        ensure!(other == name, "{name} sees in /tmp: {other}");
    }
    Ok(())
}

fn the_node_has_what_an_installation_has(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    let (host, node) = (lab.host("pve-prod")?, lab.node("pve-prod")?);
    // Archives are seen where Proxmox VE says that they are.
    fs::create_dir_all(node.local("/var/lib/vz/dump"))?;
    fs::write(node.local("/var/lib/vz/dump/archive"), "bytes")?;
    ensure!(host.output("cat /var/lib/vz/dump/archive")? == "bytes");
    let authority = host.output("cat /etc/pve/pve-root-ca.pem")?;
    ensure!(authority == fs::read_to_string(node.ca_path())?.trim_end());
    ensure!(
        host.output("pveversion")?
            .starts_with("pve-manager/8.4.21/")
    );
    let folders =
        "/etc/reprise /etc/systemd/system /var/lib/reprise /var/log/pve/tasks /usr/local/bin";
    host.output(&format!(
        "for folder in {folders}; do test -d $folder && touch $folder/x || exit 1; done"
    ))?;
    ensure!(node.local("/usr/local/bin/x").is_file());
    ensure!(host.output("grep -c '^#' /etc/vzdump.conf")? != "0");
    // The node speaks to its own API by https, as the tools of a node do.
    let url = node.url();
    let reached = host.run(&format!("exec 3<>/dev/tcp/127.0.0.1/{}", node.port()))?;
    ensure!(
        reached.code == Some(0),
        "{url} is not reached: {}",
        reached.output()
    );
    Ok(())
}

fn commands_are_run_as_by_any_server(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    let host = lab.host("pve-lab")?;
    let ended = host.run("echo out; echo err >&2; exit 7")?;
    ensure!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()) == (Some(7), "out\n", "err\n"),
        "{ended:?}"
    );
    let input = vec![b'x'; 1 << 20];
    let ended = host.run_with("wc -c", &input)?;
    ensure!(ended.stdout.trim() == "1048576", "{}", ended.output());
    ensure!(host.output("echo \"a  'b'\" | cat")? == "a  'b'");
    // Without a command it is a login shell, which reads standard input.
    let mut ssh = host.client("ssh");
    ssh.arg("-T").arg(&host.name);
    let ended = process::run(
        ssh,
        b"shopt -q login_shell && echo login; exit 3\n",
        Watch::Nothing,
    )?;
    ensure!(
        ended.stdout == "login\n" && ended.code == Some(3),
        "{ended:?}"
    );
    // With a terminal.
    let mut ssh = host.client("ssh");
    ssh.arg("-tt")
        .arg(&host.name)
        .arg("test -t 0 && test -t 1 && stty size");
    let ended = process::run(ssh, b"", Watch::Nothing)?;
    ensure!(ended.code == Some(0), "{}", ended.output());
    // A key that is not the lab's does not come in.
    let mut ssh = process::command("ssh");
    ssh.arg("-F")
        .arg(&host.config)
        .args(["-o", "BatchMode=yes"]);
    ssh.args(["-o", "PubkeyAuthentication=no"])
        .arg(&host.name)
        .arg("true");
    let ended = process::run(ssh, b"", Watch::Nothing)?;
    ensure!(
        ended.stderr.contains("Permission denied"),
        "{}",
        ended.output()
    );
    Ok(())
}

pub(crate) fn files_are_copied_in_every_way(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    copy_files(&lab.host("pve-prod")?)
}

/// Copies a file to a node and back, by scp in both protocols and by sftp.
pub(crate) fn copy_files(host: &Host) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (here, back) = (folder.path().join("here"), folder.path().join("back"));
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&here, &bytes)?;
    let there = format!("{}:/var/lib/reprise/there", host.name);
    let inside = host.root.join("var/lib/reprise/there");
    for options in [&[][..], &["-O"][..]] {
        for (from, to) in [
            (here.display().to_string(), there.clone()),
            (there.clone(), back.display().to_string()),
        ] {
            let mut scp = host.client("scp");
            scp.arg("-q").args(options).arg(&from).arg(&to);
            let ended = process::run(scp, b"", Watch::Nothing)?;
            ensure!(ended.code == Some(0), "scp {from} {to}: {}", ended.output());
        }
        ensure!(fs::read(&inside)? == bytes && fs::read(&back)? == bytes);
        fs::remove_file(&inside)?;
        fs::remove_file(&back)?;
    }
    let mut sftp = host.client("sftp");
    sftp.args(["-q", "-b", "-"]).arg(&host.name);
    let batch = format!(
        "put \"{}\" /var/lib/reprise/there\nget /var/lib/reprise/there \"{}\"\n",
        here.display(),
        back.display()
    );
    let ended = process::run(sftp, batch.as_bytes(), Watch::Nothing)?;
    ensure!(ended.code == Some(0), "sftp: {}", ended.output());
    ensure!(fs::read(&inside)? == bytes && fs::read(&back)? == bytes);
    Ok(())
}
