//! A server for tests that says what it is told to, whole or broken, and remembers what it was asked and on which connection.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::{Clock, Tasks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Counts connections from 1.
    pub(crate) connection: usize,
    pub(crate) method: String,
    pub(crate) path: String,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key == name).then(|| value.trim())
        })
    }
}

/// What is done about a request.
pub(crate) enum Say {
    /// Status, further headers, body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// Nothing, for a minute.
    Hang,
    /// The answer, that much later.
    After(Duration, Box<Self>),
}

impl Say {
    pub(crate) fn json(status: u16, body: impl ToString) -> Self {
        Self::Answer(status, Vec::new(), body.to_string())
    }
}

type Script = dyn FnMut(&Seen) -> Say + Send;

#[derive(Clone)]
pub(crate) struct Double {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Double {
    /// Starts on a free port of loopback; ends with the test's runtime.
    pub(crate) async fn start(script: impl FnMut(&Seen) -> Say + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(script));
        let double = Self {
            url,
            seen: Arc::clone(&seen),
        };
        let tasks = Tasks::system();
        drop(tasks.clone().spawn("accept", async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                connection += 1;
                let serving = serve(stream, connection, Arc::clone(&seen), Arc::clone(&script));
                drop(tasks.spawn("serve", serving));
            }
        }));
        double
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// The requests of one method and beginning of the path.
    pub(crate) fn asked(&self, method: &str, path: &str) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| seen.method == method && seen.path.starts_with(path));
        seen
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Mutex<Script>>,
) {
    let clock = Clock::system();
    while let Some(request) = read(&mut stream, connection).await {
        seen.lock().expect("not poisoned").push(request.clone());
        let mut say = (script.lock().expect("not poisoned"))(&request);
        while let Say::After(wait, then) = say {
            clock.sleep(wait).await;
            say = *then;
        }
        let bytes = match say {
            Say::Answer(status, headers, body) => whole(status, &headers, &body),
            Say::Bytes(bytes) => {
                stream.write_all(&bytes).await.unwrap_or_default();
                return;
            }
            Say::Hang => {
                clock.sleep(Duration::from_secs(60)).await;
                return;
            }
            Say::After(..) => return,
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn whole(status: u16, headers: &[(&'static str, String)], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
    if status == 204 {
        text = format!("HTTP/1.1 {status} x\r\n");
    }
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").expect("a string takes it");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

async fn read(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let (first, rest) = text.split_once("\r\n")?;
    let mut words = first.split(' ');
    let mut seen = Seen {
        connection,
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        // Names only: values keep their case.
        head: rest
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| format!("{}:{value}\n", name.to_lowercase()))
            .collect(),
        body: String::new(),
    };
    let length = seen
        .header("content-length")
        .map_or(Ok(0), str::parse)
        .ok()?;
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}
