//! The figures of docs/SPECIFICATION.md: `make bench`. They are printed and never asserted; a machine that is
//! busy is no fault of the program's.

mod agent;
mod broker;
mod cases;
mod gateway;
mod interactions;
mod latency;
mod load;
mod process;
mod program;
mod rivals;
mod settings;
mod stage;
mod start;
mod town;
mod whole;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // A test runner asks with `--list` or runs with `--test`; figures of a debug build would be of no use.
    if asked.iter().any(|argument| argument.starts_with("--")) {
        return;
    }
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|argument| argument == name);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if wanted("interactions") {
        runtime.block_on(interactions::measure());
    }
    if wanted("start") {
        runtime.block_on(start::measure());
    }
    if wanted("console") {
        runtime.block_on(agent::measure_console());
        runtime.block_on(broker::measure());
    }
    if wanted("memory") {
        agent::measure_memory();
    }
    if wanted("gateway") {
        runtime.block_on(gateway::measure());
    }
    if wanted("cases") {
        runtime.block_on(cases::measure());
    }
    if wanted("settings") {
        runtime.block_on(settings::measure());
    }
    if wanted("latency") {
        runtime.block_on(latency::measure());
    }
    if wanted("whole") {
        whole::measure();
    }
}
