//! A very small HTTP/1.1 client: it must cost less than what it measures.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Result;

/// One kept connection.
pub(crate) struct Client {
    stream: TcpStream,
    head: String,
    out: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(port: u16, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let head = format!(
            "host: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: "
        );
        Ok(Self { stream, head, out: Vec::new(), buffer: Vec::new() })
    }

    /// Sends one request and waits for its answer: status and body.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.out.clear();
        write!(self.out, "{method} {path} HTTP/1.1\r\n{}{}\r\n\r\n", self.head, body.len())?;
        self.out.extend_from_slice(body);
        self.stream.write_all(&self.out)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        self.buffer.clear();
        let mut chunk = [0_u8; 16 * 1024];
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                let length = header(&head, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0_usize);
                while self.buffer.len() < end + 4 + length {
                    let n = self.stream.read(&mut chunk)?;
                    if n == 0 {
                        return Err("the service closed the connection inside an answer".into());
                    }
                    self.buffer.extend_from_slice(&chunk[..n]);
                }
                let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no status")?;
                return Ok((status, self.buffer[end + 4..end + 4 + length].to_vec()));
            }
            let n = self.stream.read(&mut chunk)?;
            if n == 0 {
                return Err("the service closed the connection".into());
            }
            self.buffer.extend_from_slice(&chunk[..n]);
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The number behind `"key":` in a JSON answer.
pub(crate) fn number(body: &[u8], key: &str) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let rest = &text[text.find(&format!("\"{key}\":"))? + key.len() + 3..];
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The text behind `"key":"` in a JSON answer.
pub(crate) fn text(body: &[u8], key: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let rest = &text[text.find(&format!("\"{key}\":\""))? + key.len() + 4..];
    rest.split('"').next().map(str::to_owned)
}
