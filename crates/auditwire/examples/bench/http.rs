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

    /// Asks for something long and counts the lines of the answer; they are not kept.
    pub(crate) fn count_lines(&mut self, path: &str) -> Result<u64> {
        self.out.clear();
        write!(self.out, "GET {path} HTTP/1.1\r\n{}0\r\n\r\n", self.head)?;
        self.stream.write_all(&self.out)?;
        let mut buffer = Vec::new();
        let mut chunk = vec![0_u8; 64 * 1024];
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            let n = self.stream.read(&mut chunk)?;
            if n == 0 {
                return Err("the service closed the connection".into());
            }
            buffer.extend_from_slice(&chunk[..n]);
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        if head.split(' ').nth(1) != Some("200") || header(&head, "transfer-encoding").is_none() {
            return Err(format!("no stream: {head}").into());
        }
        let mut lines = 0;
        let count = |piece: &[u8]| lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        Chunks::new(&mut self.stream, buffer.split_off(end + 4)).copy(count)?;
        Ok(lines)
    }

    fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        self.buffer.clear();
        let mut chunk = [0_u8; 16 * 1024];
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                if header(&head, "transfer-encoding").is_some_and(|v| v == "chunked") {
                    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no status")?;
                    let begun = self.buffer[end + 4..].to_vec();
                    let mut body = Vec::new();
                    Chunks::new(&mut self.stream, begun).copy(|piece| body.extend_from_slice(piece))?;
                    return Ok((status, body));
                }
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

/// A body in chunks (RFC 9112, section 7.1), without trailers.
struct Chunks<'s> {
    stream: &'s mut TcpStream,
    buffer: Vec<u8>,
    at: usize,
}

impl<'s> Chunks<'s> {
    fn new(stream: &'s mut TcpStream, buffer: Vec<u8>) -> Self {
        Self { stream, buffer, at: 0 }
    }

    /// Reads the whole body, piece by piece.
    fn copy(mut self, mut take: impl FnMut(&[u8])) -> Result<()> {
        loop {
            let size = self.line()?;
            let mut left = usize::from_str_radix(size.trim(), 16).map_err(|_| format!("no chunk size: {size:?}"))?;
            if left == 0 {
                self.line()?;
                return Ok(());
            }
            while left > 0 {
                if self.at == self.buffer.len() {
                    self.fill()?;
                }
                let piece = &self.buffer[self.at..(self.at + left).min(self.buffer.len())];
                take(piece);
                left -= piece.len();
                self.at += piece.len();
            }
            self.line()?;
        }
    }

    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.buffer[self.at..].windows(2).position(|w| w == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[self.at..self.at + end]).into_owned();
                self.at += end + 2;
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Reads more; what was used up is forgotten.
    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + 256 * 1024, 0);
        let n = self.stream.read(&mut self.buffer[before..])?;
        self.buffer.truncate(before + n);
        if n == 0 { Err("the service closed the connection inside an answer".into()) } else { Ok(()) }
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
