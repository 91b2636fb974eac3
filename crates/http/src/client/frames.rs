//! The format of server-sent events, read as it comes in (WHATWG HTML, section 9.2.6).

/// The largest event taken, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// What one blank line ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The last id seen, also in earlier frames of this connection.
    pub(super) id: Option<String>,
    /// What the event is called.
    pub(super) event: String,
    /// What it says; nothing when the frame only carried an id.
    pub(super) data: Option<String>,
}

/// An event is larger than is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Reads frames from chunks, wherever they are cut.
#[derive(Default)]
pub(super) struct Frames {
    line: Vec<u8>,
    after_return: bool,
    held: usize,
    frame: Frame,
}

impl Frames {
    /// Takes in a chunk and gives the frames it completes.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<Vec<Frame>, TooLarge> {
        let mut complete = Vec::new();
        for &byte in chunk {
            // `\r\n` is one end of a line, also when a chunk ends between the two.
            let ends = match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.after_return = byte == b'\r';
            if ends {
                let line = std::mem::take(&mut self.line);
                complete.extend(self.end_line(&String::from_utf8_lossy(&line)));
            } else {
                self.held += 1;
                if self.held > LARGEST {
                    return Err(TooLarge);
                }
                self.line.push(byte);
            }
        }
        Ok(complete)
    }

    fn end_line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            self.held = 0;
            let next = Frame { id: self.frame.id.clone(), ..Frame::default() };
            return Some(std::mem::replace(&mut self.frame, next));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" if !value.contains('\0') => self.frame.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.frame.event),
            "data" => match &mut self.frame.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.frame.data = Some(value.to_owned()),
            },
            // Comments, which have no name, and what this version does not know.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<Frame> {
        let mut frames = Frames::default();
        chunks.iter().flat_map(|chunk| frames.push(chunk).unwrap()).collect()
    }

    #[test]
    fn events_ids_and_comments_are_told_apart() {
        let text = b"retry: 1000\nid: 4\n\n: here\n\nid: 5\r\nevent: server.ready\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata\n\n";
        let frames = read(&[text]);
        let frame = |id: &str, event: &str, data: Option<&str>| Frame {
            id: Some(id.to_owned()),
            event: event.to_owned(),
            data: data.map(str::to_owned),
        };
        assert_eq!(
            frames,
            [
                frame("4", "", None),
                frame("4", "", None),
                frame("5", "server.ready", Some("{\"a\":\n1}")),
                frame("5", "", Some("")),
            ]
        );
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut frames = Frames::default();
        let chunk = vec![b'x'; LARGEST];
        assert_eq!(frames.push(&chunk), Ok(Vec::new()));
        assert_eq!(frames.push(b"x"), Err(TooLarge));
    }

    proptest! {
        /// The network cuts where it likes; what is read does not depend on it.
        #[test]
        fn cuts_make_no_difference(
            text in "(id|data|event|:|[a-z]|[0-9]|\\r|\\n| |\u{e9}){0,60}",
            cuts in prop::collection::vec(0_usize..200, 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[bytes]));
        }
    }
}
