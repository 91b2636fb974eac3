//! The figures of docs/SPECIFICATION.md: `make bench`. They are printed and never asserted; a machine that is
//! busy is no fault of the program's.

mod interactions;
mod load;

fn main() {
    // `cargo test --benches` runs this with `--test`; figures of a debug build would be of no use.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(interactions::measure());
}
