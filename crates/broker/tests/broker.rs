//! The broker, as its clients see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::SocketAddr, time::Duration};

use guildhall_broker::{Broker, BrokerConfig, BrokerError, User};
use rumqttc::{
    AsyncClient, Broker as Address, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, Packet, PubAckReason, Publish, PublishOptions, QoS, SubscribeReasonCode,
};

/// Long enough for a slow machine, and only waited out by a failing test.
const PATIENCE: Duration = Duration::from_secs(20);

fn user(name: &str, publish: &[&str], subscribe: &[&str], retain: &[&str]) -> User {
    let owned = |filters: &[&str]| filters.iter().map(|filter| (*filter).to_owned()).collect();
    User {
        name: name.to_owned(),
        password: format!("{name}-secret").into(),
        may_publish: owned(publish),
        may_subscribe: owned(subscribe),
        may_retain: owned(retain),
    }
}

fn users() -> Vec<User> {
    let presence = |name: &str| format!("host/{name}/presence");
    vec![
        user("alpha", &["host/alpha/#"], &["host/alpha/request"], &[&presence("alpha")]),
        user("beta", &["host/beta/#"], &["host/beta/request"], &[&presence("beta")]),
        user("control", &["host/+/request"], &["host/+/event", "host/+/presence"], &[]),
    ]
}

async fn broker() -> Broker {
    Broker::start(BrokerConfig::new(([127, 0, 0, 1], 0).into(), users())).await.unwrap()
}

fn options(addr: SocketAddr, name: &str) -> MqttOptions {
    let mut options = MqttOptions::new(name, Address::tcp(addr.ip().to_string(), addr.port()));
    options.set_credentials(name.to_owned(), format!("{name}-secret"));
    options
}

struct Client {
    client: AsyncClient,
    events: EventLoop,
}

impl Client {
    async fn connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, events) = AsyncClient::builder(options).capacity(16).build();
        let mut this = Self { client, events };
        match tokio::time::timeout(PATIENCE, this.events.poll()).await.unwrap()? {
            Event::Incoming(Packet::ConnAck(_)) => Ok(this),
            other => panic!("expected CONNACK, got {other:?}"),
        }
    }

    async fn user(addr: SocketAddr, name: &str) -> Self {
        Self::connect(options(addr, name)).await.unwrap()
    }

    async fn next<T>(&mut self, mut pick: impl FnMut(Packet) -> Option<T>) -> T {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap()
                    && let Some(picked) = pick(packet)
                {
                    return picked;
                }
            }
        })
        .await
        .expect("a packet in time")
    }

    async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.client.try_subscribe(filter, QoS::AtLeastOnce).unwrap();
        self.next(|packet| match packet {
            Packet::SubAck(ack) => Some(ack.return_codes[0]),
            _ => None,
        })
        .await
    }

    async fn publish(&mut self, topic: &str, payload: &str, options: PublishOptions) -> PubAckReason {
        self.client.try_publish(topic, payload, options).unwrap();
        self.next(|packet| match packet {
            Packet::PubAck(ack) => Some(ack.reason),
            _ => None,
        })
        .await
    }

    async fn message(&mut self) -> Publish {
        self.next(|packet| match packet {
            Packet::Publish(message) => Some(message),
            _ => None,
        })
        .await
    }
}

fn granted(code: &SubscribeReasonCode) -> bool {
    matches!(code, SubscribeReasonCode::Success(_))
}

fn refusal(result: Result<Client, ConnectionError>) -> ConnectReturnCode {
    match result {
        Err(ConnectionError::ConnectionRefused(code)) => code,
        Err(other) => panic!("refused otherwise: {other}"),
        Ok(_) => panic!("it was let in"),
    }
}

#[tokio::test]
async fn only_known_users_with_their_password_get_in() {
    let broker = broker().await;
    let mut wrong = options(broker.addr(), "alpha");
    wrong.set_credentials("alpha".to_owned(), "beta-secret".to_owned());
    assert_eq!(refusal(Client::connect(wrong).await), ConnectReturnCode::BadUserNamePassword);

    let mut unknown = options(broker.addr(), "gamma");
    unknown.set_credentials("gamma".to_owned(), String::new());
    assert_eq!(refusal(Client::connect(unknown).await), ConnectReturnCode::BadUserNamePassword);

    let mut anonymous = options(broker.addr(), "alpha");
    anonymous.clear_auth();
    assert_eq!(refusal(Client::connect(anonymous).await), ConnectReturnCode::BadUserNamePassword);

    Client::user(broker.addr(), "alpha").await;
    broker.shutdown().await;
}

#[tokio::test]
async fn nobody_takes_over_the_session_of_another() {
    let broker = broker().await;
    let mut as_control = options(broker.addr(), "alpha");
    as_control.set_client_id("control".to_owned());
    assert_eq!(refusal(Client::connect(as_control).await), ConnectReturnCode::NotAuthorized);
}

#[tokio::test]
async fn a_host_stays_on_its_own_topics() {
    let broker = broker().await;
    let mut control = Client::user(broker.addr(), "control").await;
    assert!(granted(&control.subscribe("host/+/event").await));
    let mut alpha = Client::user(broker.addr(), "alpha").await;

    for filter in ["host/beta/request", "host/+/request", "host/#", "#", "$share/g/host/beta/request"] {
        assert!(!granted(&alpha.subscribe(filter).await), "{filter}");
    }
    assert!(granted(&alpha.subscribe("host/alpha/request").await));

    let once = PublishOptions::at_least_once;
    assert_eq!(alpha.publish("host/beta/event", "forged", once()).await, PubAckReason::NotAuthorized);
    assert_eq!(
        alpha.publish("host/alpha/event", "kept", once().retained()).await,
        PubAckReason::NotAuthorized
    );
    assert_eq!(alpha.publish("host/alpha/event", "own", once()).await, PubAckReason::Success);
    let first = control.message().await;
    assert_eq!((&first.topic[..], &first.payload[..]), (&b"host/alpha/event"[..], &b"own"[..]));
}

#[tokio::test]
async fn a_will_needs_the_same_permission_as_a_message() {
    let broker = broker().await;
    let mut forged = options(broker.addr(), "alpha");
    forged.set_last_will(LastWill::new("host/beta/presence", "gone", QoS::AtLeastOnce, true, None));
    assert_eq!(refusal(Client::connect(forged).await), ConnectReturnCode::NotAuthorized);
}

#[tokio::test]
async fn presence_is_retained_and_the_will_replaces_it_when_a_connection_dies() {
    let broker = broker().await;
    let mut with_will = options(broker.addr(), "alpha");
    with_will.set_last_will(LastWill::new("host/alpha/presence", "gone", QoS::AtLeastOnce, true, None));
    let mut alpha = Client::connect(with_will).await.unwrap();
    let here = PublishOptions::at_least_once().retained();
    assert_eq!(alpha.publish("host/alpha/presence", "here", here).await, PubAckReason::Success);

    let mut control = Client::user(broker.addr(), "control").await;
    assert!(granted(&control.subscribe("host/+/presence").await));
    let kept = control.message().await;
    assert_eq!((&kept.payload[..], kept.retain), (&b"here"[..], true));

    // The socket closes without a goodbye.
    drop(alpha);
    assert_eq!(&control.message().await.payload[..], b"gone");

    drop(control);
    let mut later = Client::user(broker.addr(), "control").await;
    later.subscribe("host/+/presence").await;
    assert_eq!(&later.message().await.payload[..], b"gone");
}

#[tokio::test]
async fn a_packet_over_the_limit_ends_its_senders_connection() {
    let config = BrokerConfig { max_packet: 4096, ..BrokerConfig::new(([127, 0, 0, 1], 0).into(), users()) };
    let broker = Broker::start(config).await.unwrap();
    let mut control = Client::user(broker.addr(), "control").await;
    control.subscribe("host/+/event").await;
    let mut alpha = Client::user(broker.addr(), "alpha").await;
    let _ = alpha.client.try_publish("host/alpha/event", vec![b'x'; 8192], PublishOptions::at_least_once());
    let ended = tokio::time::timeout(PATIENCE, async {
        loop {
            match alpha.events.poll().await {
                Ok(Event::Incoming(Packet::PubAck(ack))) => assert_ne!(ack.reason, PubAckReason::Success),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    ended.await.expect("the connection ends");

    let mut beta = Client::user(broker.addr(), "beta").await;
    beta.publish("host/beta/event", "small", PublishOptions::at_least_once()).await;
    assert_eq!(&control.message().await.payload[..], b"small");
}

#[tokio::test]
async fn new_users_count_from_now_on() {
    let broker = broker().await;
    let mut alpha = Client::user(broker.addr(), "alpha").await;
    broker.set_users(vec![user("gamma", &["host/gamma/#"], &[], &[])]).unwrap();
    let once = PublishOptions::at_least_once;
    assert_eq!(alpha.publish("host/alpha/event", "late", once()).await, PubAckReason::NotAuthorized);
    Client::user(broker.addr(), "gamma").await;
}

#[tokio::test]
async fn shutdown_closes_everything_and_frees_the_port() {
    let first = broker().await;
    let addr = first.addr();
    let taken = Broker::start(BrokerConfig::new(addr, users())).await;
    assert!(matches!(taken, Err(BrokerError::Listen { .. })), "{taken:?}");

    let mut alpha = Client::user(addr, "alpha").await;
    first.shutdown().await;
    let gone = tokio::time::timeout(PATIENCE, async { while alpha.events.poll().await.is_ok() {} });
    gone.await.expect("the connection ends");

    let second = Broker::start(BrokerConfig::new(addr, users())).await.unwrap();
    assert_eq!(second.addr(), addr);
    Client::user(addr, "alpha").await;
}

#[tokio::test]
async fn mistakes_in_the_list_of_users_are_named() {
    let start = |users| Broker::start(BrokerConfig::new(([127, 0, 0, 1], 0).into(), users));
    let twice = start(vec![user("a", &[], &[], &[]), user("a", &[], &[], &[])]).await;
    assert!(matches!(twice, Err(BrokerError::DuplicateUser(name)) if name == "a"));
    let bad = start(vec![user("a", &["x/#/y"], &[], &[])]).await;
    assert!(matches!(bad, Err(BrokerError::BadFilter { filter, .. }) if filter == "x/#/y"));
}
