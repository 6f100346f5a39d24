//! The cheapest honest HTTP/1.1 client.
//!
//! Bytes are prepared beforehand, one connection is kept open, and just enough of the answer is understood to know its status and where it
//! ends. A general client would cost more than the server under test.
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer larger than this is not one that a bench waits for.
const ANSWER_MAX: usize = 64 << 20;

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// What came back; the body lies in the connection's buffer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// Body.
    pub body: &'a [u8],
    /// Whether it says when to come again.
    pub retry_after: bool,
}

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 16 << 10],
            filled: 0,
        })
    }

    /// Sends one prepared request and reads its whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.filled = 0;
        loop {
            if self.filled == self.buffer.len() {
                if self.filled >= ANSWER_MAX {
                    bail!("an answer of more than {ANSWER_MAX} bytes");
                }
                self.buffer.resize(self.filled * 2, 0);
            }
            let count = self.stream.read(&mut self.buffer[self.filled..]).await?;
            if count == 0 {
                bail!("the connection was closed within an answer");
            }
            self.filled += count;
            if let Some(head) = Head::read(&self.buffer[..self.filled])?
                && self.filled >= head.end + head.length
            {
                let body = &self.buffer[head.end..head.end + head.length];
                return Ok(Answer {
                    status: head.status,
                    body,
                    retry_after: head.retry_after,
                });
            }
        }
    }
}

struct Head {
    status: u16,
    end: usize,
    length: usize,
    retry_after: bool,
}

impl Head {
    /// The head of an answer, once all of it is there.
    fn read(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&bytes[..end])?;
        let status = head.get(9..12).context("status line")?.parse()?;
        let lines = || head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let retry_after = lines().any(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
        let length = lines().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = match length {
            Some((_, value)) => value.trim().parse()?,
            None if status == 204 || status == 304 => 0,
            None => bail!("an answer without its length: {head}"),
        };
        Ok(Some(Self {
            status,
            end: end + 4,
            length,
            retry_after,
        }))
    }
}

/// A request with a JSON body (empty: none) and further header lines, each `name: value\r\n`.
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let content = if body.is_empty() {
        String::new()
    } else {
        format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        )
    };
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}{content}\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn a_head_is_read_only_when_it_is_whole() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\nabc";
        assert!(Head::read(&text[..30]).expect("no error").is_none());
        let head = Head::read(text).expect("no error").expect("whole");
        assert_eq!(
            (head.status, head.length, &text[head.end..]),
            (202, 3, &b"abc"[..])
        );
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
