//! Each server has a Unix user of its own when the agent is root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::os::unix::fs::MetadataExt as _;

use common::*;
use guildhall_link::message::{EventKind, Want};

#[tokio::test]
async fn a_game_runs_as_its_own_user_and_cannot_read_another_server() {
    if !is_root() {
        println!("skipped, because only root can make users");
        return;
    }
    let mut host = TestHost::new().await;
    let mut first = game(
        "id -un; umask; echo precious > secret; grep NoNewPrivs /proc/self/status; ulimit -n; echo ready; read -r x",
        "[limits]\nopen_files = 777\n",
    );
    host.apply(&first).await;
    host.ready().await;
    let files = host.folder.path().join("data/files");
    let folder = files.join(first.server.to_string());
    let owner = std::fs::metadata(&folder).unwrap();
    assert!(owner.uid() != 0 && owner.mode() & 0o777 == 0o750, "{:o}", owner.mode());
    let lines = texts(&host.console(first.server, None).await);
    let id = first.server.0.simple().to_string();
    assert_eq!(lines, [format!("gh-{}", &id[24..]).as_str(), "0027", "NoNewPrivs:\t1", "777", "ready"]);

    let script = format!(
        "cat {0}/secret && echo read; echo x > {0}/planted && echo written; ls {1} && echo listed; \
         cat {1}/../servers/*/desired.json && echo leaked; kill -9 {2} && echo killed; echo ready; read -r x",
        folder.display(),
        files.display(),
        host.observe(first.server).await.pid.unwrap()
    );
    let mut second = game(&script, "");
    host.apply(&second).await;
    host.until("the second to be ready", |event| {
        (event.server == second.server && matches!(event.kind, EventKind::Ready { .. })).then_some(())
    })
    .await;
    let lines = texts(&host.console(second.server, None).await);
    for forbidden in ["read", "written", "listed", "leaked", "killed"] {
        assert!(!lines.iter().any(|line| line == forbidden), "{lines:?}");
    }

    let user = format!("gh-{}", &id[24..]);
    for desired in [&mut first, &mut second] {
        host.want(desired, Want::Absent).await;
        let server = desired.server;
        host.until("removed", |event| {
            (event.server == server && event.kind == EventKind::Removed).then_some(())
        })
        .await;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    assert!(!users.contains(&user), "the user is removed with its server");
}
