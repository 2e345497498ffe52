//! The https server of one node.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, SERVER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::fault::Fault;
use crate::http::envelope::Answer;
use crate::node::NodeCore;
use crate::request::RawRequest;

/// What the outside tells a running server.
#[derive(Debug)]
pub(crate) enum Command {
    /// Close the listener and every connection.
    Down(Sender<io::Result<()>>),
    /// Listen again on the same port.
    Up(Sender<io::Result<()>>),
}

/// Serves a node until the command channel is closed.
pub(crate) async fn serve(
    node: Arc<NodeCore>,
    listener: std::net::TcpListener,
    acceptor: TlsAcceptor,
    mut commands: UnboundedReceiver<Command>,
) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = TcpListener::from_std(listener).ok();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => return,
                Some(Command::Down(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _unheard = done.send(Ok(()));
                }
                Some(Command::Up(done)) => {
                    let result = if listener.is_some() {
                        Ok(())
                    } else {
                        listen_again(address).await.map(|again| listener = Some(again))
                    };
                    let _unheard = done.send(result);
                }
            },
            accepted = accept(listener.as_ref()) => {
                if let Ok(stream) = accepted {
                    connections.spawn(connection(Arc::clone(&node), stream, acceptor.clone()));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

// Somebody else may hold the port for a moment.
async fn listen_again(address: SocketAddr) -> io::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
    let mut result = TcpListener::bind(address).await;
    for _ in 0..50 {
        if result.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        result = TcpListener::bind(address).await;
    }
    result
}

async fn connection(node: Arc<NodeCore>, stream: TcpStream, acceptor: TlsAcceptor) {
    // Small answers in two segments would wait for delayed acknowledgements.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request| answer(Arc::clone(&node), request));
    // A client that goes away is no error of ours.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    node: Arc<NodeCore>,
    request: Request<Incoming>,
) -> io::Result<Response<ReplyBody>> {
    let (head, body) = request.into_parts();
    let header = |name: HeaderName| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let raw = RawRequest {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: header(AUTHORIZATION),
        cookie: header(COOKIE),
        csrf: header(HeaderName::from_static("csrfpreventiontoken")),
        content_type: header(CONTENT_TYPE),
        body: body.to_vec(),
    };
    let faults = node.faults.take(&raw.method, raw.api_path());
    let mut cut = None;
    for fault in &faults {
        match fault {
            Fault::Delay(time) => tokio::time::sleep(*time).await,
            Fault::CutBefore => {
                raw.journal(&node, None, 0);
                return Err(io::Error::other("cut before the request was read"));
            }
            Fault::Status(status, reason) => {
                raw.journal(&node, None, *status);
                return response(
                    &Answer {
                        status: *status,
                        reason: reason.clone(),
                        content_type: None,
                        body: String::new(),
                    },
                    None,
                );
            }
            Fault::CutAfterProcessing | Fault::CutBody(_) => cut = Some(fault),
        }
    }
    let answer = raw.answer(&node);
    if answer.status == 401 && !node.delay_of_401.is_zero() {
        tokio::time::sleep(node.delay_of_401).await;
    }
    match cut {
        Some(Fault::CutBody(bytes)) => response(&answer, Some(*bytes)),
        Some(_) => Err(io::Error::other("cut after the request was done")),
        None => response(&answer, None),
    }
}

fn response(answer: &Answer, cut: Option<usize>) -> io::Result<Response<ReplyBody>> {
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let reason = hyper::ext::ReasonPhrase::try_from(reason_bytes(&answer.reason))
        .map_err(io::Error::other)?;
    let mut response = Response::builder()
        .status(status)
        .header(SERVER, "pve-api-daemon/3.0")
        .header(CONTENT_LENGTH, answer.body.len());
    if let Some(content_type) = answer.content_type {
        response = response.header(CONTENT_TYPE, content_type);
    }
    let length = cut.unwrap_or(answer.body.len()).min(answer.body.len());
    let data = answer.body.as_bytes().get(..length).unwrap_or_default();
    let body = ReplyBody {
        data: Some(Bytes::copy_from_slice(data)),
        cut: cut.map(|_| Box::pin(tokio::time::sleep(Duration::from_millis(20)))),
    };
    let mut response = response.body(body).map_err(io::Error::other)?;
    response.extensions_mut().insert(reason);
    Ok(response)
}

// Line ends cannot stand in a reason phrase; PVE sends the first line only.
fn reason_bytes(reason: &str) -> Vec<u8> {
    reason
        .bytes()
        .filter(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f)
        .collect()
}

/// A body that may break off.
struct ReplyBody {
    data: Option<Bytes>,
    /// Set when the connection is to be cut; the wait lets the bytes before it go out.
    cut: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut self.cut {
            None => Poll::Ready(None),
            Some(wait) => wait
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(io::Error::other("cut in the middle of the answer")))),
        }
    }
}
