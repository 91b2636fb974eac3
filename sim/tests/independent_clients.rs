//! discord.js and discord.py, two clients that know nothing of Guildhall, work with the stand-in as with Discord.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use guildhall_sim::{ActError, Answer, InteractionHandle, Message, TimedOut};
use serde_json::json;
use support::{Community, check_conformance};

/// Long enough for a client to start on a busy machine; nothing waits this long when all goes well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running client, ended with the test.
struct Client {
    process: Child,
    output: PathBuf,
}

impl Client {
    fn start(mut command: Command, name: &str) -> Self {
        let output = folder(name).join(format!("{}.log", std::process::id()));
        let file = std::fs::File::create(&output).expect("the log can be written");
        let copy = file.try_clone().expect("a second handle");
        let process =
            command.stdin(Stdio::null()).stdout(file).stderr(copy).spawn().expect("the client starts");
        Self { process, output }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }
}

impl Client {
    /// What came, or the end of the test with what the client wrote about it.
    fn expect<T>(&self, result: Result<T, TimedOut>) -> T {
        result.unwrap_or_else(|error| panic!("{error}\nthe client wrote:\n{}", self.said()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.output);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sim-clients").join(name);
    std::fs::create_dir_all(&folder).expect("a folder below the target folder");
    folder
}

fn sources(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn available(program: &str) -> bool {
    let run = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

/// Runs a step of the installation, once: a stamp that holds the lock file's text says that it is done.
fn install_once(folder: &Path, lock: &Path, steps: &mut [Command]) {
    let wanted = std::fs::read_to_string(lock).expect("the pinned versions are in the repository");
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return;
    }
    for step in steps {
        let output = step.current_dir(folder).output().expect("the installer runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{step:?} failed: {error}");
    }
    std::fs::write(stamp, wanted).expect("the stamp can be written");
}

fn command(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discord_js_works_with_the_stand_in() {
    if !available("node") || !available("npm") {
        println!("skipped, because node and npm are not installed");
        return;
    }
    let place = folder("discordjs");
    for file in ["package.json", "package-lock.json", "bot.mjs"] {
        std::fs::copy(sources("discordjs").join(file), place.join(file)).expect("a copied file");
    }
    let mut steps = [command("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts"])];
    install_once(&place, &place.join("package-lock.json"), &mut steps);
    let community = Community::new().await;
    let mut run = command("node", &["bot.mjs"]);
    run.current_dir(&place).env("SIM_API", community.api()).env("SIM_TOKEN", community.app.token());
    let client = Client::start(run, "discordjs");
    a_conversation(&community, &client).await;
    community.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discord_py_works_with_the_stand_in() {
    if !available("python3") {
        println!("skipped, because python3 is not installed");
        return;
    }
    let place = folder("discordpy");
    for file in ["requirements.txt", "bot.py"] {
        std::fs::copy(sources("discordpy").join(file), place.join(file)).expect("a copied file");
    }
    let mut steps = [
        command("python3", &["-m", "venv", "--clear", "venv"]),
        command(
            "venv/bin/pip",
            &["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
        ),
    ];
    install_once(&place, &place.join("requirements.txt"), &mut steps);
    let community = Community::new().await;
    let mut run = command(place.join("venv/bin/python"), &["bot.py"]);
    run.current_dir(&place).env("SIM_API", community.api()).env("SIM_TOKEN", community.app.token());
    let client = Client::start(run, "discordpy");
    a_conversation(&community, &client).await;
    community.sim.shutdown().await;
}

/// The answer to a press, a choice or a form. A client knows its own buttons only once it has read Discord's answer to
/// the message that carries them, and this program may press before that; as a person would, it tries again.
async fn answered(act: impl Fn() -> Result<InteractionHandle, ActError>) -> Result<Message, TimedOut> {
    const TRIES: u32 = 15;
    for _ in 1..TRIES {
        if let Ok(message) = act().expect("an act").message(PATIENCE / TRIES).await {
            return Ok(message);
        }
    }
    act().expect("an act").message(PATIENCE / TRIES).await
}

/// What both bots do, step by step, as a user sees it.
async fn a_conversation(community: &Community, client: &Client) {
    for name in ["greet", "slow", "ask", "pick", "menu", "Inspect", "Report", "too-much"] {
        client.expect(community.app.wait_for_command(name, PATIENCE).await);
    }
    client.expect(community.app.wait_connected(PATIENCE).await);
    let here = community.anna.in_channel(community.general);

    let greeting = here.run("greet", json!({"name": "Bo"})).expect("a command").message(PATIENCE).await;
    let greeting = client.expect(greeting);
    assert_eq!(greeting.text(), "Hello Bo");
    assert_eq!(greeting.buttons()[0].label, "Wave");
    assert!(community.bo_sees(&greeting), "a public answer is seen by everybody");

    let waved = client.expect(answered(|| here.press(greeting.id, "Wave")).await);
    assert_eq!(waved.id, greeting.id);
    assert_eq!(waved.text(), "anna waved");
    assert!(waved.buttons().is_empty());

    let slow = here.run("slow", json!({})).expect("a command");
    let done = client.expect(slow.message(PATIENCE).await);
    assert_eq!(done.text(), "# Done");
    assert!(done.is_ephemeral() && !community.bo_sees(&done));
    let more = client.expect(here.wait_for_text(PATIENCE, "and more").await);
    assert!(more.is_ephemeral());

    let form = client.expect(here.run("ask", json!({})).expect("a command").modal(PATIENCE).await);
    assert_eq!((form.title.as_str(), form.fields[0].label.as_str()), ("A form", "Why?"));
    let sent = client.expect(answered(|| here.submit_modal(&form, json!({"why": "I can"}))).await);
    assert_eq!(sent.text(), "Because I can");

    let typing = here.autocomplete("pick", json!({"fruit": "ap"}), "fruit").expect("typing");
    let names: Vec<String> =
        client.expect(typing.choices(PATIENCE).await).into_iter().map(|choice| choice.name).collect();
    assert_eq!(names, ["apple", "apricot"]);

    let refused = here.run("too-much", json!({})).expect("a command");
    let Answer::Message(refused) = refused.answer().await else { panic!("no answer\n{}", client.said()) };
    assert!(refused.text().starts_with("refused: 50035"), "{}", refused.text());
    assert!(refused.text().contains("2000 or fewer in length"), "{}", refused.text());

    here.send_message("ping").expect("a message");
    client.expect(here.wait_for_text(PATIENCE, "pong").await);
    let thread = community.anna.wait_for_channel(PATIENCE, |all| {
        all.iter().find(|channel| channel.name == "talk").map(|channel| channel.id)
    });
    let thread = community.anna.in_channel(client.expect(thread.await));
    client.expect(thread.wait_for_text(PATIENCE, "in the thread").await);
    menus_and_moderation(community, client).await;
    let wrong = check_conformance(&community.sim);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Menus, context menus, and moderating by messages with a prefix.
async fn menus_and_moderation(community: &Community, client: &Client) {
    let here = community.anna.in_channel(community.general);
    let shown = client.expect(here.run("menu", json!({})).expect("a command").message(PATIENCE).await);
    let chosen = client.expect(answered(|| here.select(shown.id, "level", &["High"])).await);
    assert_eq!(chosen.text(), "level 2");
    let bo = community.bo.id();
    let about = client.expect(answered(|| here.select(shown.id, "who", &[&bo.to_string()])).await);
    assert_eq!(about.text(), "about bo");

    community.anna.set_locale("de").expect("a language");
    let inspected = here.run_on_user("Inspect", bo).expect("a command").message(PATIENCE).await;
    assert_eq!(client.expect(inspected).text(), "bo reads de");
    let spam = community.bo.in_channel(community.general).send_message("buy this").expect("a message");
    let noted = here.run_on_message("Report", spam).expect("a command").message(PATIENCE).await;
    let noted = client.expect(noted);
    assert_eq!((noted.text().as_str(), noted.is_ephemeral()), ("noted: buy this", true));

    here.send_message(&format!("!role <@{bo}>")).expect("a message");
    client.expect(here.wait_for_text(PATIENCE, "bo has helper").await);
    assert_eq!(community.guild.roles_of(bo).map(|roles| roles.len()), Some(1));
    here.send_message(&format!("!ban <@{bo}> spam and 50% more")).expect("a message");
    client.expect(here.wait_for_text(PATIENCE, "banned for spam and 50% more").await);
    assert_eq!(community.guild.bans(), [(bo, Some("spam and 50% more".into()))]);
    assert!(here.message(spam).is_none(), "what was written in the last minute went with the ban");
}
