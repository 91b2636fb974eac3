//! A flood of errors: every one is counted, and memory stays as it is. It is alone in its process, whose memory and
//! work are measured.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../incidents/house.rs"]
#[expect(dead_code, reason = "others need more of it")]
mod house;

use std::{sync::Arc, time::Duration};

use guildhall_core::{Clock, Kind, Rank, incident::Observer};
use serde_json::json;
use tokio::sync::oneshot;

use crate::house::{Plan, actor, house, occurrence};

const THREADS: u64 = 4;
const EACH: u64 = 15_000;
/// Bytes that memory may grow by: 60,000 errors of 2 KiB would be 120 MiB if they were kept.
const GROWTH: u64 = 28 * 1024 * 1024;
/// The flood comes in so many waves, and the last of them may take this much: 20,000 errors would be 40 MiB.
const WAVES: u64 = 3;
const LAST: u64 = 6 * 1024 * 1024;
/// Errors that two processors have to take in a second.
const RATE: u64 = 10_000;

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// Milliseconds that processors have worked for this process. Unlike the time on the wall it does not depend on
/// what else the machine does.
fn worked() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program may hold anything, and ends with the last bracket.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // utime and stime, fields 14 and 15 of proc(5), in hundredths of a second.
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_thousand_errors_lose_no_count_and_memory_stays_flat() {
    let house = house(Plan::default()).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(house.incidents.clone().run(async move {
        let _ = stopped.await;
    }));
    // What is needed once is not growth.
    flood(&house.incidents, &house.clock, 500).await;
    let before = resident();
    let (began, worked_before) = (std::time::Instant::now(), worked());
    let mut after = vec![before];
    for _ in 0..WAVES {
        flood(&house.incidents, &house.clock, EACH / WAVES).await;
        after.push(resident());
    }
    let (took, worked) = (began.elapsed().as_millis().max(1), (worked() - worked_before).max(1));
    let grown = after.iter().max().unwrap().saturating_sub(before);
    let last = after[after.len() - 1].saturating_sub(after[after.len() - 2]);
    stop.send(()).unwrap();
    running.await.unwrap();

    let total = THREADS * (EACH + 500);
    assert_eq!(house.incidents.counts().taken, total);
    let stats = house.data(&actor("ops", Rank::OPERATOR), "errors stats", json!({ "by": "kind" })).await;
    assert_eq!(stats["total"], total, "{stats}");
    let list = house.data(&actor("ops", Rank::OPERATOR), "errors list", json!({ "which": "all" })).await;
    // 500 of failures and of refusals in each of two communities, and the groups of all others.
    assert!(list["total"].as_u64().unwrap() <= 2_010, "{} groups", list["total"]);
    assert!(grown < GROWTH, "{} MiB more than before", grown / 1024 / 1024);
    assert!(last < LAST, "{} KiB more in the last wave: {after:?}", last / 1024);
    let flooded = THREADS * EACH;
    let on_two = flooded * 2 * 1_000 / worked;
    println!(
        "{} errors a second here, {on_two} on two processors of its own, {} KiB more than before, {} in the last wave",
        u128::from(flooded) * 1_000 / took,
        grown / 1024,
        last / 1024
    );
    assert!(on_two >= RATE, "{on_two} errors a second");
}

/// Errors from several threads at once: many of a kind, and many that are each a kind of their own.
async fn flood(
    incidents: &Arc<guildhall_incidents::Incidents>,
    clock: &Arc<guildhall_core::ManualClock>,
    each: u64,
) {
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (incidents, clock) = (incidents.clone(), clock.clone());
            tokio::task::spawn_blocking(move || {
                let long = "x ".repeat(1_000);
                for number in 0..each {
                    let tenant = if number % 2 == 0 { "a" } else { "b" };
                    let word: String = (thread * each + number)
                        .to_string()
                        .bytes()
                        .map(|digit| char::from(digit - b'0' + b'a'))
                        .collect();
                    let (code, kind, operation, detail) = match number % 4 {
                        0 => (
                            "internal",
                            Kind::Bug,
                            "server start".to_owned(),
                            format!("{word} broke: {long}"),
                        ),
                        1 => ("out_of_stock", Kind::NotFound, word, long.clone()),
                        _ => ("supplier_away", Kind::Upstream, "shop buy".to_owned(), "no answer".to_owned()),
                    };
                    let mut occurrence = occurrence(tenant, code, kind, &operation, &detail);
                    occurrence.at = clock.now();
                    incidents.notice(occurrence);
                    if number % 500 == 0 {
                        // The clock of the house stands still otherwise, and nothing would be written meanwhile.
                        clock.advance(Duration::from_secs(1));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.await.unwrap();
    }
}
