//! A way to a server that is cut after so many bytes, or at a moment.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow, ensure};

/// Passes everything on to a port of this machine. The first connection is cut after so many bytes
/// of both directions together; later ones are not cut.
#[derive(Debug)]
pub struct Cutter {
    port: u16,
    passed: Arc<AtomicU64>,
    open: Arc<Mutex<Vec<TcpStream>>>,
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
        let open = Arc::new(Mutex::new(Vec::new()));
        let opened = Arc::clone(&open);
        std::thread::spawn(move || {
            let mut left = after;
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else {
                    continue;
                };
                if let (Ok(mut opened), Ok(near)) = (opened.lock(), near.try_clone()) {
                    opened.push(near);
                }
                join(near, far, left, &counted);
                left = u64::MAX;
            }
        });
        Ok(Self { port, passed, open })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection that goes through it now; later ones are not cut.
    ///
    /// # Errors
    /// When there was none to cut.
    pub fn cut(&self) -> Result<()> {
        let mut open = self
            .open
            .lock()
            .map_err(|_| anyhow!("a thread of the cutter panicked"))?;
        // One that has ended already cannot be shut down.
        let cut = open
            .drain(..)
            .filter(|stream| stream.shutdown(Shutdown::Both).is_ok())
            .count();
        ensure!(cut > 0, "there was no connection to cut");
        Ok(())
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
