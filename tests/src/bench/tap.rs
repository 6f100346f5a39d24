//! A wire tap before the cloud: passes bytes on unchanged and notes, on the bench's own clock, when the first byte of each create arrived.
//!
//! cloudsim stamps its log in milliseconds, which is too coarse for a reaction time; what passes here is stamped in microseconds, before
//! it is passed on, so that the tap's own work is not in the figure.
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::{Mono, Process};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Bytes passed on at once.
const BUFFER: usize = 64 << 10;

/// A running tap.
#[derive(Debug, Clone)]
pub struct Tap {
    /// Where to connect instead of the cloud.
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    creates: Mutex<Vec<Mono>>,
    more: Notify,
}

impl Tap {
    /// Listens on loopback and passes on to `cloud`.
    pub async fn start(process: &Process, cloud: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        drop(process.tasks.spawn(
            "tap",
            accept(process.clone(), listener, cloud, Arc::clone(&seen)),
        ));
        Ok(Self { address, seen })
    }

    /// How many creates have arrived.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// When create number `at` (from 0) arrived; waits for it.
    pub async fn create(&self, at: usize) -> Mono {
        loop {
            let more = self.seen.more.notified();
            if let Some(arrived) = self.lock().get(at) {
                return *arrived;
            }
            more.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Mono>> {
        self.seen
            .creates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(process: Process, listener: TcpListener, cloud: SocketAddr, seen: Arc<Seen>) {
    while let Ok((client, _)) = listener.accept().await {
        let (process, seen) = (process.clone(), Arc::clone(&seen));
        let tasks = process.tasks.clone();
        drop(tasks.spawn("tapped", async move {
            // An end in the middle shows at both sides as such; the bench then has no stamp and fails.
            both_ways(process, client, cloud, seen)
                .await
                .unwrap_or_default();
        }));
    }
}

async fn both_ways(
    process: Process,
    client: TcpStream,
    cloud: SocketAddr,
    seen: Arc<Seen>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (mut from_client, to_client) = client.into_split();
    // The first bytes are stamped before anything else is done for them.
    let mut first = vec![0; BUFFER];
    let count = from_client.read(&mut first).await?;
    seen.look(&process, &first[..count]);
    let cloud = TcpStream::connect(cloud).await?;
    cloud.set_nodelay(true)?;
    let (from_cloud, mut to_cloud) = cloud.into_split();
    to_cloud.write_all(&first[..count]).await?;
    let tasks = process.tasks.clone();
    let there = tasks.spawn("tap-there", async move {
        copy(from_client, to_cloud, |bytes| seen.look(&process, bytes)).await
    });
    copy(from_cloud, to_client, |_| ()).await?;
    there.join().await.unwrap_or(Ok(()))
}

impl Seen {
    fn look(&self, process: &Process, bytes: &[u8]) {
        if is_create(bytes) {
            let now = process.clock.mono();
            self.creates
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(now);
            self.more.notify_waiters();
        }
    }
}

/// Whether a request that starts here creates a server.
fn is_create(bytes: &[u8]) -> bool {
    let line = bytes
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    line.starts_with(b"POST ") && line.ends_with(b"/servers HTTP/1.1")
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut look: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        look(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::is_create;

    #[test]
    fn only_a_create_is_stamped() {
        assert!(is_create(
            b"POST /compute/RegionOne/v2.1/servers HTTP/1.1\r\nhost: x\r\n"
        ));
        assert!(!is_create(
            b"GET /compute/RegionOne/v2.1/servers HTTP/1.1\r\n"
        ));
        assert!(!is_create(b"POST /v2.1/servers/1/action HTTP/1.1\r\n"));
    }
}
