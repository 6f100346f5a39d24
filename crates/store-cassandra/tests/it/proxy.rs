//! A proxy between the driver and one node that reads the frames of the protocol and harms batches: the requests that commit.
//!
//! What is not a batch passes, so that the session lives on; [`Fate::Away`] harms everything. Frames of protocol version 4 are
//! a header of 9 bytes (version, flags, stream, opcode, length) and a body.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Process;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens to one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It passes.
    Passes,
    /// It reaches the node, and its answer is dropped; the connection stays.
    AnswerDropped,
    /// It reaches the node, and instead of an answer the connection ends.
    CutAfter,
    /// It does not reach the node, and the connection ends.
    CutBefore,
    /// It reaches the node that much later; its answer comes when it comes.
    Late(Duration),
}

/// The proxy; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    process: Process,
    node: String,
    /// Of the next batches, in their order; later ones pass.
    fates: Mutex<VecDeque<Fate>>,
    away: Mutex<bool>,
    cut: Notify,
}

/// What one connection's two directions share.
#[derive(Debug, Default)]
struct Line {
    dropped: Mutex<Vec<[u8; 2]>>,
    cut_after: Mutex<Vec<[u8; 2]>>,
    end: Notify,
}

const BATCH: u8 = 0x0d;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Listens in front of `node` (host:port), on its host: the driver takes a node's address from the cluster and the port from us.
    /// To nodes of other addresses there is no way then, so that everything comes through here.
    pub(crate) async fn start(process: &Process, node: &str) -> Self {
        let (host, _) = node.rsplit_once(':').expect("host:port");
        let listener = TcpListener::bind((host, 0)).await;
        let listener = listener.expect("a port on the node's host, which is this machine");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            process: process.clone(),
            node: node.to_owned(),
            fates: Mutex::default(),
            away: Mutex::default(),
            cut: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        drop(process.tasks.spawn("proxy", async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                if !*lock(&shared.away) {
                    let tasks = shared.process.tasks.clone();
                    drop(tasks.spawn("line", serve(shared, client)));
                }
            }
        }));
        Self { shared, address }
    }

    /// Decides what happens to the next batches.
    pub(crate) fn plan(&self, fates: &[Fate]) {
        lock(&self.shared.fates).extend(fates);
    }

    /// How many planned fates have not met a batch.
    pub(crate) fn planned(&self) -> usize {
        lock(&self.shared.fates).len()
    }

    /// The node is away: every connection ends, and no new one is served. Or it is back.
    pub(crate) fn away(&self, yes: bool) {
        *lock(&self.shared.away) = yes;
        if yes {
            self.shared.cut.notify_waiters();
        }
    }
}

async fn serve(shared: Arc<Shared>, client: TcpStream) {
    let Ok(node) = TcpStream::connect(&shared.node).await else {
        return;
    };
    let line = Arc::new(Line::default());
    let (from_client, to_client) = client.into_split();
    let (from_node, to_node) = node.into_split();
    tokio::select! {
        biased;
        () = shared.cut.notified() => {}
        () = line.end.notified() => {}
        () = requests(&shared, &line, from_client, to_node) => {}
        () = answers(&line, from_node, to_client) => {}
    }
}

/// One whole frame; none when the connection ended.
async fn frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut frame = vec![0; 9];
    from.read_exact(&mut frame).await.ok()?;
    let length = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
    frame.resize(9 + usize::try_from(length).ok()?, 0);
    from.read_exact(&mut frame[9..]).await.ok()?;
    Some(frame)
}

async fn requests(
    shared: &Arc<Shared>,
    line: &Arc<Line>,
    mut from: OwnedReadHalf,
    to: OwnedWriteHalf,
) {
    let to = Arc::new(tokio::sync::Mutex::new(to));
    while let Some(frame) = frame(&mut from).await {
        let stream = [frame[2], frame[3]];
        let fate = if frame[4] == BATCH {
            lock(&shared.fates).pop_front().unwrap_or(Fate::Passes)
        } else {
            Fate::Passes
        };
        match fate {
            Fate::Passes => {}
            Fate::AnswerDropped => lock(&line.dropped).push(stream),
            Fate::CutAfter => lock(&line.cut_after).push(stream),
            Fate::CutBefore => return,
            Fate::Late(after) => {
                let (clock, to) = (shared.process.clock.clone(), Arc::clone(&to));
                let late = async move {
                    clock.sleep(after).await;
                    to.lock().await.write_all(&frame).await.unwrap_or_default();
                };
                drop(shared.process.tasks.spawn("late", late));
                continue;
            }
        }
        if to.lock().await.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn answers(line: &Arc<Line>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    while let Some(frame) = frame(&mut from).await {
        let stream = [frame[2], frame[3]];
        let among = |list: &Mutex<Vec<[u8; 2]>>| {
            let mut list = lock(list);
            let place = list.iter().position(|s| *s == stream);
            place.map(|place| list.swap_remove(place)).is_some()
        };
        if among(&line.cut_after) {
            line.end.notify_one();
            return;
        }
        if !among(&line.dropped) && to.write_all(&frame).await.is_err() {
            return;
        }
    }
}
