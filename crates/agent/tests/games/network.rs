//! The host's way to the network is the way of its install steps.

use guildhall_agent::Settings;
use guildhall_link::message::FailureCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    common::{ECHO, LONG, TestHost, game, settings},
    stage::has,
};

#[tokio::test]
async fn npm_is_told_of_the_hosts_own_registry() {
    if !has("npm", "npm") {
        return;
    }
    let registry = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", registry.local_addr().unwrap());
    let install_environment = vec![("npm_config_registry".to_owned(), address)];
    let mut host = TestHost::with(Settings { install_environment, ..settings() }).await;
    let step = "[[install]]\nstep = \"npm\"\npackage = \"a-game-of-ours\"\nversion = \"1.0.0\"\n";
    host.apply(&game(ECHO, step)).await;
    let asked = async {
        let (mut connection, _) = registry.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = connection.read(&mut request).await.unwrap();
        let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        connection.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    };
    let asked = tokio::time::timeout(LONG, asked).await.unwrap();
    assert!(asked.starts_with("GET /a-game-of-ours "), "{asked}");
    let failure = host.failed().await;
    assert_eq!(failure.code, FailureCode::InstallFailed);
    assert!(failure.output.iter().any(|line| line.contains("404")), "{failure:?}");
}
