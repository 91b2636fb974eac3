//! Many clients at once, each on a connection of its own, sending requests that were made beforehand.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What a run gave.
pub struct Run {
    /// Answers a second.
    pub per_second: f64,
    /// Half of the answers took at most this long.
    pub p50: Duration,
    /// All but one in a hundred took at most this long.
    pub p99: Duration,
    /// Answers that were not 200.
    pub bad: usize,
}

/// Sends all requests over `clients` connections.
pub async fn send(address: SocketAddr, requests: Vec<Vec<u8>>, clients: usize) -> Run {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (requests, next) = (requests.clone(), next.clone());
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("nodelay");
            let mut took = Vec::new();
            let mut bad = 0;
            let mut buffer = Vec::with_capacity(16 * 1024);
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                stream.write_all(request).await.expect("sent");
                if !read_answer(&mut stream, &mut buffer).await {
                    bad += 1;
                }
                took.push(sent.elapsed());
            }
            (took, bad)
        }));
    }
    let (mut took, mut bad) = (Vec::new(), 0);
    for task in tasks {
        let (more, worse) = task.await.expect("a client");
        took.extend(more);
        bad += worse;
    }
    let all = began.elapsed();
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    Run { per_second: took.len() as f64 / all.as_secs_f64(), p50: at(0.5), p99: at(0.99), bad }
}

/// Reads one answer with a `content-length`; whether it was a 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("an answer");
        assert!(read > 0, "the connection was closed: {}", String::from_utf8_lossy(buffer));
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |length| length.trim().parse().unwrap_or(0));
        while buffer.len() < head + 4 + length {
            let read = stream.read_buf(buffer).await.expect("an answer");
            assert!(read > 0, "the connection was closed in the middle of an answer");
        }
        return text.starts_with("http/1.1 200");
    }
}
