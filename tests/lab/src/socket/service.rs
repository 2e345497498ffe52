//! The lab's side of a node's socket: a thread for each connection.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context as _;

use super::{Connection, Frame, Request, SOCKET, bind, path};
use crate::node::NodeCore;
use crate::pvesh;
use crate::task::UNEXPECTED;

/// The listening socket of a node. Dropping it ends all connections.
#[derive(Debug)]
pub(crate) struct Service {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    node: Arc<NodeCore>,
    stopping: AtomicBool,
    next: AtomicU64,
    open: Mutex<HashMap<u64, UnixStream>>,
}

impl Service {
    /// Listens at the socket of a node.
    pub(crate) fn start(node: Arc<NodeCore>) -> anyhow::Result<Self> {
        let path = node.local(SOCKET);
        let failed = || format!("cannot listen at {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(failed)?;
        }
        let listener = bind(&path).with_context(failed)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .with_context(failed)?;
        let shared = Arc::new(Shared {
            node,
            stopping: AtomicBool::new(false),
            next: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("lab socket".to_owned())
            .spawn(move || serve(&served, &listener))
            .with_context(failed)?;
        Ok(Self {
            path,
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The thread waits for somebody to come. One that cannot be woken is left alone.
        let woken = path::connect(&self.path);
        for stream in self.shared.open().values() {
            // Who has gone already is where it should be.
            stream.shutdown(Shutdown::Both).ok();
        }
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            // A panic has been printed already.
            thread.join().ok();
        }
        // A socket on which nobody listens would mislead.
        std::fs::remove_file(&self.path).ok();
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, UnixStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(shared: &Arc<Shared>, listener: &UnixListener) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // Without a thread the caller sees a closed connection.
        std::thread::Builder::new()
            .name("lab connection".to_owned())
            .spawn(move || {
                let number = shared.next.fetch_add(1, Ordering::Relaxed);
                if let Ok(copy) = stream.try_clone() {
                    shared.open().insert(number, copy);
                }
                // A caller that goes away is no error of ours.
                answer(&shared, Connection::new(stream)).ok();
                shared.open().remove(&number);
            })
            .ok();
    }
}

fn answer(shared: &Shared, mut connection: Connection) -> io::Result<()> {
    let node = &shared.node;
    let Some(request) = connection.receive()? else {
        return Ok(());
    };
    match request {
        Request::Pvesh { arguments } => {
            if node.supply.is_down() {
                return Ok(());
            }
            pvesh::answer(node, &arguments, connection)
        }
        Request::Worker { upid } => {
            stand_for(&node.of_task(&upid), &upid, connection);
            Ok(())
        }
        Request::Stop { upid } => {
            node.of_task(&upid).tasks.stop(&upid);
            connection.send(&Frame::Done)
        }
        Request::Lost { upid, status } => {
            node.of_task(&upid).tasks.lose(&upid, &status);
            connection.send(&Frame::Done)
        }
        order => connection.send(&obey(node, order)),
    }
}

// What is asked from outside the node.
fn obey(node: &NodeCore, order: Request) -> Frame {
    let done = match order {
        Request::Ping { address } if node.network.answers(address) => Ok(()),
        Request::Ping { address } => Err(anyhow::anyhow!("nobody is at {address}")),
        Request::Inject(rule) => {
            node.faults.add(rule);
            Ok(())
        }
        Request::InjectIntoTasks(rule) => {
            node.tasks.inject(rule);
            Ok(())
        }
        Request::Clear => {
            node.faults.clear();
            node.tasks.clear_faults();
            Ok(())
        }
        Request::Down => node.supply.off(),
        Request::Up => node.supply.on(),
        Request::Guest { vmid, service } => node.serve(vmid, service),
        _ => Err(anyhow::anyhow!("this is no order")),
    };
    match done {
        Ok(()) => Frame::Done,
        Err(error) => Frame::Refused(format!("{error:#}")),
    }
}

// Reads what the process of a task has printed, until it goes.
fn stand_for(node: &NodeCore, upid: &str, mut connection: Connection) {
    let Some(link) = node.tasks.link(upid) else {
        return;
    };
    if let Ok(stream) = connection.stream().try_clone() {
        link.attach(stream);
        while let Ok(Some(())) = connection.receive::<()>() {
            link.printed();
        }
    }
    node.tasks.lose(upid, UNEXPECTED);
    link.gone();
}
