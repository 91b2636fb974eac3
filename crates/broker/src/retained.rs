//! Retained messages, in memory.
//!
//! A retained message stays until it is replaced or removed, or until the expiry that its publisher gave it.
//! The number of topics is bounded; who may retain where is for [`crate::access`] to say.

use std::time::Duration;

use async_trait::async_trait;
use rmqtt::{
    retain::{DefaultRetainStorage, RetainStorage},
    types::{Retain, TopicFilter, TopicName},
};

/// Topics with a retained message, at most.
const MOST: isize = 10_000;

pub(crate) struct Retained {
    messages: DefaultRetainStorage,
}

impl Retained {
    pub(crate) fn new() -> Self {
        Self { messages: DefaultRetainStorage::new() }
    }
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, _: Option<Duration>) -> rmqtt::Result<()> {
        let expiry = retain.publish.properties.as_ref().and_then(|known| known.message_expiry_interval);
        let expiry = expiry.map(|seconds| Duration::from_secs(seconds.get().into()));
        if self.messages.count().await >= MOST {
            self.messages.remove_expired_messages().await;
            let known = !self.messages.get_message(topic).await?.is_empty();
            if !known && self.messages.count().await >= MOST {
                metrics::counter!("guildhall_broker_refused_total", "reason" => "retained_full").increment(1);
                tracing::warn!(%topic, "retained message dropped: {MOST} topics have one already");
                return Ok(());
            }
        }
        self.messages.set_with_timeout(topic, retain, expiry).await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.messages.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.messages.count().await
    }

    async fn max(&self) -> isize {
        self.messages.max().await
    }
}
