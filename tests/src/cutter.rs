//! A way to a server that is cut after so many bytes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

/// Passes everything on to a port of this machine. The first connection is cut after so many bytes
/// of both directions together; later ones are not cut.
#[derive(Debug)]
pub struct Cutter {
    port: u16,
    passed: Arc<AtomicU64>,
}

impl Cutter {
    /// Starts one. It ends with the process.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(to: u16, after: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let passed = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&passed);
        std::thread::spawn(move || {
            let mut left = after;
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else {
                    continue;
                };
                join(near, far, left, &counted);
                left = u64::MAX;
            }
        });
        Ok(Self { port, passed })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many bytes have passed, of all connections.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

fn join(near: TcpStream, far: TcpStream, left: u64, counted: &Arc<AtomicU64>) {
    let budget = Arc::new(AtomicU64::new(left));
    let (Ok(near_again), Ok(far_again)) = (near.try_clone(), far.try_clone()) else {
        return;
    };
    for (from, to) in [(near, far), (far_again, near_again)] {
        let (budget, counted) = (Arc::clone(&budget), Arc::clone(counted));
        std::thread::spawn(move || pass(from, to, &budget, &counted));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, budget: &AtomicU64, counted: &AtomicU64) {
    let mut buffer = [0; 4096];
    while let Ok(count) = from.read(&mut buffer) {
        let length = u64::try_from(count).unwrap_or(u64::MAX);
        let before = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            Some(left.saturating_sub(length))
        });
        let Ok(before) = before else { break };
        let allowed = usize::try_from(before.min(length)).unwrap_or(count);
        let part = buffer.get(..allowed).unwrap_or_default();
        counted.fetch_add(u64::try_from(allowed).unwrap_or(0), Ordering::SeqCst);
        if count == 0 || to.write_all(part).is_err() || allowed < count {
            break;
        }
    }
    for stream in [&from, &to] {
        stream.shutdown(Shutdown::Both).ok();
    }
}
