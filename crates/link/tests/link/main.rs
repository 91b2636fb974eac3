//! The link over real brokers: the embedded one, and Mosquitto where it is installed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod brokers;
mod cable;
mod ends;
mod scenarios;
mod tls;

/// One test a scenario and broker.
macro_rules! with_every_broker {
    ($($scenario:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                crate::scenarios::$scenario(crate::brokers::TestBroker::embedded().await).await;
            })*
        }
        mod mosquitto {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                if let Some(broker) = crate::brokers::TestBroker::mosquitto().await {
                    crate::scenarios::$scenario(broker).await;
                }
            })*
        }
    };
}

with_every_broker!(
    a_request_is_answered,
    a_trace_goes_on_at_the_agent,
    two_hundred_requests_at_once_are_all_answered,
    a_silent_agent_times_out,
    an_unknown_host_is_offline,
    a_killed_agent_is_seen_as_gone,
    an_agent_that_says_goodbye_is_gone_and_may_come_back,
    both_ends_survive_a_restart_of_the_broker,
    a_cut_cable_loses_and_reorders_nothing,
    a_host_whose_cable_goes_dead_is_seen_as_gone,
    events_published_while_the_controller_is_away_are_caught_up,
    events_that_the_inbox_cannot_take_are_offered_again,
    events_that_do_not_fit_are_stepped_over,
    garbage_from_a_host_is_refused_and_nothing_stops,
    garbage_to_an_agent_is_answered_with_a_refusal,
    an_agent_of_another_version_is_not_used,
    a_late_will_does_not_hide_an_agent,
    consoles_arrive_and_gaps_are_told,
    a_long_answer_is_cut_to_what_fits,
    a_wrong_password_leaves_the_link_away,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_may_not_subscribe_says_so_and_connects_once_it_may() {
    let broker = brokers::TestBroker::embedded().await;
    broker.let_subscribe(false);
    let controller = ends::controller(&broker, &std::sync::Arc::default());
    let away =
        ends::until(&mut controller.away(), |why| why.as_ref().is_some_and(|why| why.contains("rules")))
            .await;
    assert!(away.unwrap().contains("check the broker's access rules"));
    broker.let_subscribe(true);
    ends::until(&mut controller.connected(), |connected| *connected).await;
}
