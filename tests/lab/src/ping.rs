//! `ping` of a node: asks the lab whether somebody is there, and answers as iputils do.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use crate::socket::{self, Request};

/// What `ping` ends with when nobody answered.
const NOBODY: u8 = 1;
/// What it ends with when it could not try.
const WRONG: u8 = 2;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    host: String,
    count: u32,
    quiet: bool,
}

/// Runs it with these arguments.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let (text, code) = match read(words) {
        Ok(wanted) => ping(&wanted),
        Err(text) => {
            io::stderr().write_all(text.as_bytes()).ok();
            return ExitCode::from(WRONG);
        }
    };
    if code == WRONG {
        io::stderr().write_all(text.as_bytes()).ok();
    } else {
        // Nobody need read it: the code tells.
        io::stdout().write_all(text.as_bytes()).ok();
    }
    ExitCode::from(code)
}

fn read(words: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        host: String::new(),
        // The real one goes on for ever, and nobody who waits for its end leaves that out.
        count: 1,
        quiet: false,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = |attached: &str| {
            let value = Some(attached.to_owned()).filter(|value| !value.is_empty());
            let value = value.or_else(|| words.next().cloned());
            value.ok_or_else(|| format!("ping: option requires an argument -- '{word}'\n"))
        };
        match word.split_at_checked(2) {
            Some(("-c", rest)) => {
                let count = value(rest)?;
                wanted.count = count
                    .parse()
                    .ok()
                    .filter(|count| *count > 0)
                    .ok_or_else(|| format!("ping: invalid argument: '{count}'\n"))?;
            }
            Some(("-W" | "-w" | "-i" | "-s" | "-I" | "-t", rest)) => {
                value(rest)?;
            }
            Some((flags, rest)) if flags.starts_with('-') => {
                wanted.quiet |= flags.contains('q') || rest.contains('q');
            }
            _ => wanted.host.clone_from(word),
        }
    }
    if wanted.host.is_empty() {
        return Err("ping: usage error: Destination address required\n".to_owned());
    }
    Ok(wanted)
}

fn address(host: &str) -> Option<Ipv4Addr> {
    let found = (host, 0_u16).to_socket_addrs().ok()?;
    found.map(|address| address.ip()).find_map(|ip| match ip {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

fn ping(wanted: &Wanted) -> (String, u8) {
    let host = &wanted.host;
    let Some(address) = address(host) else {
        return (format!("ping: {host}: Name or service not known\n"), WRONG);
    };
    let socket = socket::of_environment();
    let answers = match socket::ask(&socket, &Request::Ping { address }) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::Other => false,
        Err(error) => {
            let socket = socket.display();
            let text = format!("ping: the lab does not answer at {socket}: {error}\n");
            return (text, WRONG);
        }
    };
    // A real one waits a second between two.
    std::thread::sleep(Duration::from_millis(u64::from(wanted.count - 1)));
    (
        said(wanted, address, answers),
        if answers { 0 } else { NOBODY },
    )
}

fn said(wanted: &Wanted, address: Ipv4Addr, answers: bool) -> String {
    let Wanted { host, count, quiet } = wanted;
    let mut lines = vec![format!("PING {host} ({address}) 56(84) bytes of data.")];
    if answers && !quiet {
        let line =
            |number| format!("64 bytes from {address}: icmp_seq={number} ttl=64 time=0.040 ms");
        lines.extend((1..=*count).map(line));
    }
    lines.push(String::new());
    lines.push(format!("--- {host} ping statistics ---"));
    let (received, lost) = if answers { (*count, 0) } else { (0, 100) };
    let time = (count - 1) * 1000;
    lines.push(format!(
        "{count} packets transmitted, {received} received, {lost}% packet loss, time {time}ms"
    ));
    lines.push(if answers {
        "rtt min/avg/max/mdev = 0.040/0.040/0.040/0.000 ms".to_owned()
    } else {
        String::new()
    });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn options_as_iputils_take_them() {
        let wanted = read(&words(&["-c", "2", "-W1", "-q", "127.64.0.100"])).unwrap();
        assert_eq!(
            wanted,
            Wanted {
                host: "127.64.0.100".to_owned(),
                count: 2,
                quiet: true
            }
        );
        assert!(read(&words(&["-c", "0", "x"])).is_err());
        assert!(read(&words(&["-c1"])).is_err(), "no host");
    }
}
