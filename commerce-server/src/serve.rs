//! The accept loop: poem's own has no header timeout, no bound on connections and no TCP_NODELAY.
//!
//! One kind of answer is not the service's own. What hyper cannot read as a request never reaches the router, and
//! hyper offers no hook for its answer: a malformed head or contradictory lengths get a bare 400, a head of more than
//! 32 KiB or 100 headers a bare 431, each with an empty body and the end of the connection.

mod socket;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use poem::Addr;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::socket::Socket;
use crate::router::Router;

/// The most bytes of a request's head.
const MAX_HEAD: usize = 32 * 1024;
/// How long requests under way may take to finish once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(30);
/// How long to wait before accepting again after the system had no more descriptors to give.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Serves connections until `stop` is ready, then lets requests under way finish.
pub async fn serve(listener: TcpListener, router: Arc<Router>, stop: impl Future<Output = ()>) {
    let limits = router.limits();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(MAX_HEAD);
    tokio::pin!(stop);
    loop {
        let next = async {
            // With every slot taken, newcomers wait in the system's queue.
            let slot = Arc::clone(&slots).acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (accepted, slot) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let (socket, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(BACK_OFF).await;
                continue;
            }
        };
        // Answers are small and whole: waiting to fill a packet only delays them.
        let _ = socket.set_nodelay(true);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(Socket::new(socket, limits.request)), {
            let router = Arc::clone(&router);
            let addresses = addresses(&listener, remote);
            service_fn(move |request| answer(Arc::clone(&router), request, addresses.clone()))
        }));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the time to finish them was over");
    }
}

type Addresses = (LocalAddr, RemoteAddr);

fn addresses(listener: &TcpListener, remote: std::net::SocketAddr) -> Addresses {
    let local = listener.local_addr().map_or(Addr::Custom("tcp", "".into()), Addr::SocketAddr);
    (LocalAddr(local), RemoteAddr(Addr::SocketAddr(remote)))
}

async fn answer(
    router: Arc<Router>,
    request: hyper::Request<Incoming>,
    (local, remote): Addresses,
) -> Result<hyper::Response<BoxBody<Bytes, std::io::Error>>, Infallible> {
    let response = router.respond((request, local, remote, Scheme::HTTP).into()).await;
    Ok(response.into())
}
