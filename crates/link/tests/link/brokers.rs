//! Brokers to test with, with the same users and rules.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use guildhall_broker::{Broker, BrokerConfig, User};
use guildhall_core::HostId;
use guildhall_link::{
    MqttConfig,
    topic::{self, Access, ControlId},
};
use tempfile::TempDir;
use tokio::net::TcpStream;

const MOSQUITTO: &str = "/usr/sbin/mosquitto";

pub struct TestBroker {
    addr: SocketAddr,
    kind: Kind,
}

enum Kind {
    Embedded(Option<Broker>),
    Mosquitto { folder: TempDir, child: Option<Child> },
}

pub fn host() -> HostId {
    "alpha".parse().unwrap()
}

pub fn other_host() -> HostId {
    "beta".parse().unwrap()
}

fn accesses() -> Vec<Access> {
    vec![
        topic::host_access(&host()),
        topic::host_access(&other_host()),
        topic::control_access(&ControlId::default()),
    ]
}

fn password(user: &str) -> String {
    format!("{user}-secret")
}

impl TestBroker {
    pub async fn embedded() -> Self {
        let broker = start_embedded(([127, 0, 0, 1], 0).into()).await;
        Self { addr: broker.addr(), kind: Kind::Embedded(Some(broker)) }
    }

    pub async fn mosquitto() -> Option<Self> {
        Self::mosquitto_with(|_| String::new()).await
    }

    /// With more lines in its configuration, which may name files in its folder.
    pub async fn mosquitto_with(more: impl FnOnce(&Path) -> String) -> Option<Self> {
        if !Path::new(MOSQUITTO).exists() {
            assert!(std::env::var("CI").is_err(), "{MOSQUITTO} is missing: install the package mosquitto");
            println!("skipped, because {MOSQUITTO} is missing: install the package mosquitto");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let passwords = folder.path().join("passwords");
        for access in accesses() {
            let made = Command::new("mosquitto_passwd")
                .args(if passwords.exists() { &["-b"][..] } else { &["-c", "-b"][..] })
                .args([passwords.as_os_str(), access.user.as_ref(), password(&access.user).as_ref()])
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(made.success());
        }
        std::fs::write(folder.path().join("more"), more(folder.path())).unwrap();
        std::fs::write(folder.path().join("acl"), topic::mosquitto_acl(&accesses())).unwrap();
        // Another program may take the port between here and Mosquitto's start: then another one is tried.
        for _ in 0..10 {
            let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            if let Some(child) = start_mosquitto(&folder, addr).await {
                return Some(Self { addr, kind: Kind::Mosquitto { folder, child: Some(child) } });
            }
        }
        panic!("mosquitto did not start on ten ports");
    }

    /// Mosquitto's folder.
    pub fn folder(&self) -> &Path {
        match &self.kind {
            Kind::Mosquitto { folder, .. } => folder.path(),
            Kind::Embedded(_) => panic!("the embedded broker has no folder"),
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a control plane process connects with.
    pub fn control(&self) -> MqttConfig {
        self.config(topic::control_user(&ControlId::default()))
    }

    /// What a host connects with.
    pub fn agent(&self, host: &HostId) -> MqttConfig {
        self.config(topic::host_user(host))
    }

    pub fn config(&self, user: String) -> MqttConfig {
        let url = format!("mqtt://{}", self.addr).parse().unwrap();
        let secret = password(&user).into();
        MqttConfig::new(url, user, secret)
    }

    /// Lets nobody subscribe to anything, or everybody to what is theirs again.
    pub fn let_subscribe(&self, may: bool) {
        let Kind::Embedded(Some(broker)) = &self.kind else {
            panic!("only the embedded broker's rules change")
        };
        let mut users = users();
        users.iter_mut().filter(|_| !may).for_each(|user| user.may_subscribe.clear());
        broker.set_users(users).unwrap();
    }

    /// Ends it as a power cut would: every connection is gone, and so is what it kept.
    pub async fn kill(&mut self) {
        match &mut self.kind {
            Kind::Embedded(broker) => broker.take().unwrap().shutdown().await,
            Kind::Mosquitto { child, .. } => {
                let mut child = child.take().unwrap();
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }

    /// Starts it again on the same port.
    pub async fn start_again(&mut self) {
        let addr = self.addr;
        match &mut self.kind {
            Kind::Embedded(broker) => *broker = Some(start_embedded(addr).await),
            Kind::Mosquitto { folder, child } => *child = Some(start_mosquitto(folder, addr).await.unwrap()),
        }
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if let Kind::Mosquitto { child: Some(child), .. } = &mut self.kind {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn start_embedded(listen: SocketAddr) -> Broker {
    Broker::start(BrokerConfig::new(listen, users())).await.unwrap()
}

fn users() -> Vec<User> {
    let user = |access: Access| User {
        password: password(&access.user).into(),
        name: access.user,
        may_publish: access.publish,
        may_subscribe: access.subscribe,
        may_retain: access.retain,
    };
    accesses().into_iter().map(user).collect()
}

#[expect(clippy::disallowed_methods, reason = "a program of another's tells nobody when its port opens")]
async fn start_mosquitto(folder: &TempDir, addr: SocketAddr) -> Option<Child> {
    let at = |name: &str| folder.path().join(name).display().to_string();
    let user = if runs_as_root() { "user root\n" } else { "" };
    let more = std::fs::read_to_string(folder.path().join("more")).unwrap();
    let config = format!(
        "listener {} 127.0.0.1\nallow_anonymous false\nuse_username_as_clientid true\npassword_file {}\nacl_file {}\n\
         max_packet_size 524288\nmax_queued_messages 1000\npersistence false\nlog_dest none\n{user}{more}",
        addr.port(),
        at("passwords"),
        at("acl"),
    );
    std::fs::write(folder.path().join("config"), config).unwrap();
    let mut child = Command::new(MOSQUITTO)
        .args(["-c", &at("config")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        if TcpStream::connect(addr).await.is_ok() {
            return Some(child);
        }
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn runs_as_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|entry| std::os::unix::fs::MetadataExt::uid(&entry) == 0)
}
