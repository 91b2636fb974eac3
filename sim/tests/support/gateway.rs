//! A gateway client spoken by hand.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Community;

/// Intents by their bits.
pub mod intent {
    pub const GUILDS: u64 = 1;
    pub const MEMBERS: u64 = 1 << 1;
    pub const MODERATION: u64 = 1 << 2;
    pub const INVITES: u64 = 1 << 6;
    pub const VOICE: u64 = 1 << 7;
    pub const PRESENCES: u64 = 1 << 8;
    pub const MESSAGES: u64 = 1 << 9;
    pub const DIRECT: u64 = 1 << 12;
    pub const CONTENT: u64 = 1 << 15;
}

pub const SOON: Duration = Duration::from_secs(20);

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub sequence: u64,
    inflater: Option<flate2::write::ZlibDecoder<Vec<u8>>>,
}

/// What the gateway said: a payload, or a close code.
#[derive(Debug)]
pub enum Said {
    Payload(Value),
    Closed(Option<u16>),
}

impl Client {
    pub async fn connect(community: &Community, query: &str) -> Self {
        let url = format!("{}/?v=10&encoding=json{query}", community.sim.gateway_url());
        let (socket, _) = connect_async(url).await.expect("a connection");
        let inflater = query.contains("zlib-stream").then(|| flate2::write::ZlibDecoder::new(Vec::new()));
        let mut client = Self { socket, sequence: 0, inflater };
        let hello = client.payload().await;
        assert_eq!(hello["op"], 10);
        assert!(hello["d"]["heartbeat_interval"].is_u64());
        client
    }

    pub async fn ready(community: &Community, intents: u64) -> (Self, Value) {
        let mut client = Self::connect(community, "").await;
        client.identify(&community.app.token(), intents).await;
        let ready = client.event("READY").await;
        (client, ready)
    }

    pub async fn send(&mut self, payload: Value) {
        self.socket.send(Message::text(payload.to_string())).await.expect("sent");
    }

    pub async fn identify(&mut self, token: &str, intents: u64) {
        self.send(json!({"op": 2, "d": {"token": token, "intents": intents, "properties": {}}})).await;
    }

    /// Identifies as one of several shards, and gives what `READY` carries.
    pub async fn shard(community: &Community, intents: u64, shard: [u64; 2]) -> (Self, Value) {
        let mut client = Self::connect(community, "").await;
        let token = community.app.token();
        client
            .send(
                json!({"op": 2, "d": {"token": token, "intents": intents, "properties": {}, "shard": shard}}),
            )
            .await;
        let ready = client.event("READY").await;
        (client, ready)
    }

    pub async fn resume(&mut self, token: &str, session: &str, sequence: u64) {
        self.send(json!({"op": 6, "d": {"token": token, "session_id": session, "seq": sequence}})).await;
    }

    pub async fn said(&mut self) -> Said {
        use std::io::Write;
        loop {
            let message = tokio::time::timeout(SOON, self.socket.next()).await.expect("something in time");
            let text = match message {
                Some(Ok(Message::Text(text))) => text.to_string(),
                Some(Ok(Message::Binary(bytes))) => {
                    let inflater = self.inflater.as_mut().expect("binary only when asked for");
                    inflater.get_mut().clear();
                    inflater.write_all(&bytes).expect("zlib");
                    inflater.flush().expect("zlib");
                    String::from_utf8(inflater.get_ref().clone()).expect("text")
                }
                Some(Ok(Message::Close(frame))) => return Said::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Said::Closed(None),
            };
            let payload: Value = serde_json::from_str(&text).expect("JSON");
            if let Some(sequence) = payload["s"].as_u64() {
                self.sequence = sequence;
            }
            return Said::Payload(payload);
        }
    }

    pub async fn payload(&mut self) -> Value {
        match self.said().await {
            Said::Payload(payload) => payload,
            Said::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// The next event of that name; others are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let payload = self.payload().await;
            if payload["t"] == name {
                return payload["d"].clone();
            }
        }
    }

    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Said::Closed(code) = self.said().await {
                return code;
            }
        }
    }
}
