//! `mqtts`, with certificates of a test's own authority.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use guildhall_core::SystemClock;
use guildhall_link::{HostLink, mqtt::ConfigError};

use crate::{
    brokers::{TestBroker, host},
    ends::{Journal, Recorder, agent_with, controller_with, until, until_online},
};

const OPENSSL: &str = "/usr/bin/openssl";

fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new(OPENSSL)
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "openssl {arguments}");
}

fn authority(folder: &Path, name: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"));
}

fn certificates(folder: &Path) -> String {
    authority(folder, "authority");
    authority(folder, "stranger");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(folder, &format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
    let at = |name: &str| folder.join(name).display().to_string();
    format!("certfile {}\nkeyfile {}\n", at("server.pem"), at("server.key"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_given_authority_is_trusted_and_no_other() {
    if !Path::new(OPENSSL).exists() {
        assert!(std::env::var("CI").is_err(), "{OPENSSL} is missing: install the package openssl");
        println!("skipped, because {OPENSSL} is missing: install the package openssl");
        return;
    }
    let Some(broker) = TestBroker::mosquitto_with(certificates).await else { return };
    let secured = |mut config: guildhall_link::MqttConfig, authority: &str| {
        config.url = format!("mqtts://{}", broker.addr()).parse().unwrap();
        config.ca_file = Some(broker.folder().join(authority));
        config
    };
    let (inbox, journal) = (Arc::new(Recorder::default()), Arc::new(Journal::default()));
    let controller = controller_with(&broker, &inbox, |config| {
        config.mqtt = secured(config.mqtt.clone(), "authority.pem");
    });
    let trusting = agent_with(secured(broker.agent(&host()), "authority.pem"), &journal);
    until_online(&controller, true).await;
    trusting.shutdown().await;
    until_online(&controller, false).await;

    let mistrusting = agent_with(secured(broker.agent(&host()), "stranger.pem"), &journal);
    let mut why = mistrusting.away();
    let why = until(&mut why, |why| why.as_ref().is_some_and(|why| why.contains("TLS"))).await;
    assert!(why.is_some_and(|why| why.contains("certificate")));

    let missing = secured(broker.agent(&host()), "missing.pem");
    let refused = HostLink::connect(missing, host(), "1", journal, Arc::new(SystemClock));
    assert!(matches!(refused, Err(ConfigError::Authorities { .. })));
}
