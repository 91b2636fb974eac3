//! A cable between an agent and its broker that a test can cut, or let go dead.

use std::{net::SocketAddr, sync::Arc};

use guildhall_link::MqttConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The number changes with every cut; connections of another number are closed.
    Whole(u32),
    /// Nothing passes, and nobody is told.
    Dead,
}

pub struct Cable {
    addr: SocketAddr,
    state: Arc<watch::Sender<State>>,
    task: JoinHandle<()>,
}

impl Cable {
    pub async fn to(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State::Whole(0)));
        let states = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(broker).await else { continue };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, states.subscribe()));
                tokio::spawn(pass(far_in, near_out, states.subscribe()));
            }
        });
        Self { addr, state, task }
    }

    /// The same way to the broker, through the cable.
    pub fn through(&self, mut config: MqttConfig) -> MqttConfig {
        config.url = format!("mqtt://{}", self.addr).parse().unwrap();
        config
    }

    /// Closes every connection; new ones pass.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            *state = match *state {
                State::Whole(cuts) => State::Whole(cuts.wrapping_add(1)),
                State::Dead => State::Whole(u32::MAX),
            }
        });
    }

    /// Lets nothing pass any more, without closing anything.
    pub fn die(&self) {
        self.state.send_replace(State::Dead);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let began = *state.borrow_and_update();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let now = *state.borrow_and_update();
        if now == State::Dead {
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        if now != began {
            return;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            read = from.read(&mut buffer) => match read {
                Ok(count) if count > 0 && to.write_all(&buffer[..count]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}
