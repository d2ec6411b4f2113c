//! Reads server-sent events (WHATWG HTML, section "Server-sent events") from chunks cut anywhere.

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Message {
    /// What to send as `Last-Event-ID` after a break.
    pub(super) id: Option<String>,
    /// Its kind.
    pub(super) event: String,
    /// Its text.
    pub(super) data: String,
}

/// Collects chunks into messages.
#[derive(Debug, Default)]
pub(super) struct Parser {
    rest: Vec<u8>,
    message: Message,
}

impl Parser {
    /// Takes a chunk, gives the messages it completes. Comments (heartbeats) give nothing.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Vec<Message> {
        self.rest.extend_from_slice(chunk);
        let mut messages = Vec::new();
        let mut begin = 0;
        while let Some(length) = self.rest.iter().skip(begin).position(|byte| *byte == b'\n') {
            let line = self.rest.get(begin..begin + length).unwrap_or_default();
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
            begin += length + 1;
            messages.extend(self.line(&line));
        }
        self.rest.drain(..begin);
        messages
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return (message != Message::default()).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.message.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.message.event),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_however_the_chunks_are_cut() {
        let stream =
            ": heartbeat\n\nid: 7\nevent: event\ndata: {\"a\":\"я\"}\r\n\r\nid: 9\nevent: gap\ndata: a\ndata: b\n\n";
        let expected = [
            Message { id: Some("7".into()), event: "event".into(), data: "{\"a\":\"я\"}".into() },
            Message { id: Some("9".into()), event: "gap".into(), data: "a\nb".into() },
        ];
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            let messages: Vec<Message> = stream.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(messages, expected, "chunks of {size}");
        }
    }
}
