//! The listener: on threads of its own, or on the thread that does everything else.
//!
//! Where that thread is the only one, an event meets its owner without a switch of threads, which would cost as much CPU as reading the
//! request (docs/performance.md).

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_http::{HttpService, Request, Response};
use actix_service::{IntoServiceFactory, Service as _, ServiceFactory, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServerHandle};
use actix_web::{Error, HttpServer};
use chassis::{Process, spawn};
use tokio::task::AbortHandle;

/// A client has this long to send the head of a request (safety S10).
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// An idle connection is kept this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A connection that ends has this long to do so in order.
const END_DEADLINE: Duration = Duration::from_secs(1);
/// Connections that one thread serves at once.
const CONNECTIONS_MAX: usize = 10_000;
/// Threads where the process has more than one for its tasks, if the configuration does not say.
const THREADS: usize = 2;

/// What serves requests.
#[derive(Debug)]
pub(crate) enum Server {
    /// Threads of its own.
    Threads(ServerHandle),
    /// The thread that does everything else.
    Here(AbortHandle),
}

impl Server {
    /// Serves on so many threads; 0: as suits the process.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub(crate) async fn start<F, I, S, B>(
        process: &Process,
        threads: usize,
        listener: TcpListener,
        app: F,
    ) -> io::Result<Self>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + Into<Response<actix_http::body::BoxBody>> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as actix_service::Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        if threads == 0 && spawn::is_one_thread() {
            return here(process, listener, app()).await;
        }
        let server = HttpServer::new(app)
            .workers(if threads == 0 { THREADS } else { threads })
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(END_DEADLINE)
            .keep_alive(KEEP_ALIVE)
            .max_connections(CONNECTIONS_MAX)
            .disable_signals()
            .listen(listener)?
            .run();
        let handle = server.handle();
        drop(process.tasks.spawn("api", async move {
            if let Err(error) = server.await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the api's listener failed");
            }
        }));
        Ok(Self::Threads(handle))
    }

    /// Closes every connection.
    pub(crate) async fn stop(&self) {
        match self {
            Self::Threads(server) => server.stop(false).await,
            Self::Here(server) => server.abort(),
        }
    }
}

/// What [`HttpServer`] puts together for each of its threads, once for this one.
async fn here<I, S, B>(process: &Process, listener: TcpListener, app: I) -> io::Result<Server>
where
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Response<actix_http::body::BoxBody>> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as actix_service::Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let http = HttpService::build()
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(END_DEADLINE)
        .keep_alive(KEEP_ALIVE)
        .finish(map_config(app.into_factory(), |()| AppConfig::default()))
        .tcp();
    let made = http.new_service(()).await;
    let service = made.map_err(|()| io::Error::other("the api's routes cannot be set up"))?;
    let service = std::rc::Rc::new(service);
    let serve = move |stream| {
        let service = std::rc::Rc::clone(&service);
        async move {
            if let Err(error) = service.call(stream).await {
                tracing::debug!(?error, "a connection ended in disorder");
            }
        }
    };
    let serving = spawn::serve_here(&process.clock, listener, CONNECTIONS_MAX, serve)?;
    Ok(Server::Here(serving))
}
