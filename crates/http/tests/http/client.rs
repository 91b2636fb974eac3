//! The typed client against the face it was made for.

use std::{net::SocketAddr, sync::Arc};

use futures::StreamExt;
use guildhall_core::{Effect, Face, Kind, RunId, Subject, input::Raw, language::Language};
use guildhall_http::client::{Client, ClientError, ClientReply, EventFilter};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
use uuid::Uuid;

use crate::harness::{ADMIN, Harness, MEMBER, PATIENCE, SCOPED, STARTER, ring};

fn client(harness: &Harness, token: &str) -> Client {
    Client::new(&harness.url(""), token).unwrap()
}

fn words(pairs: &[(&str, &str)]) -> Raw {
    Raw::Words(pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect())
}

#[tokio::test]
async fn words_and_json_are_understood_and_the_label_is_the_command_line() {
    let harness = Harness::start().await;
    let client = client(&harness, ADMIN).as_command_line();
    let input = words(&[
        ("name", "lobby"),
        ("recipe", "bzflag"),
        ("max_players", "20"),
        ("settings", "motd=\"Hello you\""),
    ]);
    let ClientReply::Done { data, document, follow, call } =
        client.call("server create", input, false).await.unwrap()
    else {
        panic!("nothing to confirm");
    };
    assert_eq!((data, follow), (json!({"server": "lobby", "lines": 20}), None));
    assert_eq!(document.title.as_deref(), Some("Created lobby"));
    let record = harness.records.last();
    assert_eq!((record.face, record.call), (Face::Cli, call));
    let reply = client.call("server status", Raw::Json(json!({"server": "lobby"})), false).await.unwrap();
    assert!(matches!(reply, ClientReply::Done { .. }));
}

#[tokio::test]
async fn a_question_is_asked_and_answered() {
    let harness = Harness::start().await;
    let client = client(&harness, ADMIN);
    let input = || words(&[("server", "survival")]);
    let ClientReply::Confirm { question, document } =
        client.call("server delete", input(), false).await.unwrap()
    else {
        panic!("it should ask");
    };
    assert_eq!(question, "Delete it for good?");
    assert!(document.actions().next().unwrap().confirmed);
    assert!(matches!(client.call("server delete", input(), true).await.unwrap(), ClientReply::Done { .. }));
}

#[tokio::test]
async fn refused_failed_and_unreachable_are_told_apart() {
    let harness = Harness::start().await;
    let client = client(&harness, MEMBER);
    let refused = client.call("server status", words(&[("server", "nowhere")]), false).await.unwrap_err();
    let ClientError::Refused(refusal) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (refusal.kind, refusal.code.as_str(), refusal.status),
        (Kind::NotFound, "server_not_found", 404)
    );
    assert_eq!(refusal.to_string(), "There is no server 'nowhere'. Look at the list.");

    let refused =
        client.call("server console", words(&[("server", "survival"), ("lines", "0")]), false).await;
    let Err(ClientError::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!(refusal.fields[0].field, "lines");

    client.call("server poke", Raw::Json(json!({})), false).await.unwrap();
    let limited = client.call("server poke", Raw::Json(json!({})), false).await;
    let Err(ClientError::Refused(refusal)) = limited else { panic!("{limited:?}") };
    assert_eq!(refusal.retry_after.unwrap().as_secs(), 30);

    let failed = client.call("server break", words(&[("how", "bug")]), false).await.unwrap_err();
    let ClientError::Failed(refusal) = failed else { panic!("{failed:?}") };
    assert!(refusal.reference.unwrap().starts_with("E-"));

    let closed = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let nobody = Client::new(&format!("http://{closed}"), MEMBER).unwrap();
    let error = nobody.call("server list", Raw::Json(json!({})), false).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?} {nobody:?}").contains(MEMBER));
}

#[tokio::test]
async fn people_read_errors_in_the_language_that_is_asked_for() {
    let harness = Harness::start().await;
    for (language, words) in [(Language::German, "Meintest du: "), (Language::English, "Did you mean: ")] {
        let client = client(&harness, MEMBER).speaking(language);
        let refused = client.call("server stauts", Raw::Json(json!({})), false).await.unwrap_err();
        let ClientError::Refused(refusal) = refused else { panic!("{refused:?}") };
        let told = serde_json::to_string(&refusal.document).unwrap();
        assert!(told.contains(words), "{told}");
        assert_eq!(refusal.message, "There is no operation 'server stauts'.", "for programs");
    }
}

#[tokio::test]
async fn the_catalogue_can_be_read() {
    let harness = Harness::start().await;
    let listed = client(&harness, MEMBER).operations().await.unwrap();
    let delete = listed.iter().find(|operation| operation.name == "server delete").unwrap();
    assert_eq!(
        (delete.effect, delete.rank.level(), delete.path.as_str()),
        (Effect::Destroy, 5, "/api/v1/operations/server.delete")
    );
}

#[test]
fn an_address_or_token_that_cannot_be_one_is_said_to_be_so() {
    ring();
    for address in ["", "localhost", "ftp://a", "http://"] {
        assert!(matches!(Client::new(address, "a"), Err(ClientError::Setup(_))), "{address}");
    }
    assert!(matches!(Client::new("http://localhost", "a\nb"), Err(ClientError::Setup(_))));
}

/// Passes connections on and cuts each after so many bytes of the answer.
async fn cutting(to: SocketAddr, cuts: Vec<usize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let cuts = Arc::new(Mutex::new(cuts.into_iter()));
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let cuts = cuts.clone();
            tokio::spawn(async move {
                let mut left = cuts.lock().await.next().unwrap_or(usize::MAX);
                let mut far = TcpStream::connect(to).await.unwrap();
                let (mut up, mut down) = ([0; 4096], [0; 4096]);
                while left > 0 {
                    tokio::select! {
                        read = near.read(&mut up) => match read {
                            Ok(count @ 1..) => far.write_all(&up[..count]).await.unwrap(),
                            _ => return,
                        },
                        read = far.read(&mut down) => match read {
                            Ok(count @ 1..) => {
                                let count = count.min(left);
                                left -= count;
                                if near.write_all(&down[..count]).await.is_err() {
                                    return;
                                }
                            }
                            _ => return,
                        },
                    }
                }
            });
        }
    });
    address
}

/// Wherever the connection breaks, in the head, between events or within one, nothing is lost and nothing
/// comes twice.
#[tokio::test]
async fn events_survive_broken_connections() {
    let harness = Harness::start().await;
    for number in 0..40 {
        harness.events.tell("guild", Subject::Host("alpha".to_owned()), json!(number)).await;
    }
    let cuts = vec![10, 700, 300, 1_111, 2_500, 450, 900, 5_000];
    let proxy = cutting(harness.address, cuts).await;
    let client = Client::new(&format!("http://{proxy}"), MEMBER).unwrap();
    let events = client.events(EventFilter::default(), Some(0)).take(60);
    tokio::pin!(events);
    let mut got = Vec::new();
    while let Some(event) = tokio::time::timeout(PATIENCE, events.next()).await.unwrap() {
        got.push(event.unwrap().cursor);
        if got.len() >= 40 && got.len() < 60 {
            harness.events.tell("guild", Subject::Host("alpha".to_owned()), json!("live")).await;
        }
    }
    assert_eq!(got, (1..=60).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_job_is_followed_to_its_outcome() {
    let harness = Harness::start().await;
    let client = client(&harness, MEMBER);
    let reply = client.call("server start", words(&[("server", "survival")]), false).await.unwrap();
    let ClientReply::Done { follow: Some(follow), .. } = reply else { panic!("{reply:?}") };
    let filter = EventFilter { run: Some(follow.run), subject: None };
    let events = client.events(filter, Some(follow.cursor)).take_while(|event| {
        let goes_on = event.as_ref().unwrap().outcome.is_none();
        async move { goes_on }
    });
    let told: Vec<_> = tokio::time::timeout(PATIENCE, events.collect()).await.unwrap();
    assert_eq!(told.len(), 1, "one event came before the outcome");
}

#[tokio::test]
async fn a_stream_that_is_refused_ends_with_the_reason() {
    let harness = Harness::start().await;
    let filter = EventFilter { subject: None, run: Some(RunId(Uuid::nil())) };
    for token in [STARTER, "gh_wrong"] {
        let all: Vec<_> = client(&harness, token).events(filter.clone(), None).collect().await;
        assert!(matches!(all.as_slice(), [Err(ClientError::Refused(_))]), "{all:?}");
    }
    let filter = EventFilter { subject: Some(Subject::Host("alpha".to_owned())), run: None };
    harness.events.tell("guild", Subject::Host("alpha".to_owned()), json!(1)).await;
    let events = client(&harness, SCOPED).events(filter, Some(0));
    tokio::pin!(events);
    assert_eq!(events.next().await.unwrap().unwrap().cursor, 1);
}
