//! The operator's listener: health and metrics, apart from the API and its tokens.
use std::{io, net::SocketAddr};

use actix_web::{App, HttpServer};
use chassis::{Process, ops};

/// Serves on one thread until the process stops.
///
/// # Errors
/// The address cannot be bound.
pub(crate) async fn serve(process: &Process, listen: SocketAddr) -> io::Result<()> {
    let routes = process.clone();
    let server = HttpServer::new(move || App::new().service(ops::routes(&routes)))
        .workers(1)
        .disable_signals()
        .bind(listen)?
        .run();
    let (handle, stop) = (server.handle(), process.stop.clone());
    drop(process.tasks.spawn("ops stop", async move {
        stop.requested().await;
        handle.stop(false).await;
    }));
    drop(process.tasks.spawn("ops", async move {
        if let Err(error) = server.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the operator's listener failed"
            );
        }
    }));
    Ok(())
}
