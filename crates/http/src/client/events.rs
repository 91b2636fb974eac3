//! Reading events over connections that break.

use std::{collections::VecDeque, time::Duration};

use futures::{Stream, StreamExt, stream::BoxStream};
use guildhall_core::{Clock, Event, SystemClock};
use reqwest::{StatusCode, header::ACCEPT};

use super::{
    Client, ClientError, EventFilter, answer,
    frames::{Frame, Frames},
};

/// Connections that fail in a row before the stream gives up.
const ATTEMPTS: u32 = 10;
/// The first wait after a failure; it doubles up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// Longest silence on a connection. The server says something every fifteen seconds.
const SILENCE: Duration = Duration::from_secs(60);

type Chunks = BoxStream<'static, Result<bytes::Bytes, reqwest::Error>>;

struct Reading {
    client: Client,
    filter: EventFilter,
    after: Option<i64>,
    connection: Option<(Chunks, Frames)>,
    ready: VecDeque<Event>,
    failures: u32,
    ended: bool,
}

pub(super) fn read(
    client: Client,
    filter: EventFilter,
    after: Option<i64>,
) -> impl Stream<Item = Result<Event, ClientError>> + Send + use<> {
    let (connection, ready) = (None, VecDeque::new());
    let reading = Reading { client, filter, after, connection, ready, failures: 0, ended: false };
    futures::stream::unfold(reading, |mut reading| async move {
        let item = reading.next().await?;
        Some((item, reading))
    })
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Event, ClientError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.connection = None;
                self.failures += 1;
                if is_final(&error) || self.failures >= ATTEMPTS {
                    self.ended = true;
                    return Some(Err(error));
                }
                let wait = SHORTEST * 2_u32.saturating_pow(self.failures - 1);
                SystemClock.sleep(wait_after(&error).unwrap_or(wait).min(LONGEST)).await;
            }
        }
    }

    /// Connects, or reads on.
    async fn advance(&mut self) -> Result<(), ClientError> {
        let Some((chunks, frames)) = &mut self.connection else {
            self.connection = Some((self.connect().await?, Frames::default()));
            return Ok(());
        };
        let lost = |why: &str| ClientError::Unreadable(format!("the event stream broke: {why}"));
        let chunk = match tokio::time::timeout(SILENCE, chunks.next()).await {
            Err(_) => return Err(lost("it fell silent")),
            Ok(None) => return Err(lost("it ended")),
            Ok(Some(Err(error))) => return Err(self.client.unreachable(error)),
            Ok(Some(Ok(chunk))) => chunk,
        };
        let frames = frames.push(&chunk).map_err(|_| lost("an event is too large"))?;
        for frame in frames {
            self.take(frame)?;
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<Chunks, ClientError> {
        let mut url = self.client.url("/api/v1/events");
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(self.filter.query());
            if let Some(after) = self.after {
                query.append_pair("after", &after.to_string());
            }
        }
        let request = self.client.signed(self.client.http.get(url)).header(ACCEPT, "text/event-stream");
        let connected = tokio::time::timeout(SILENCE, request.send()).await;
        let silent = |_| ClientError::Unreadable("the event stream did not begin in time".to_owned());
        let response = connected.map_err(silent)?.map_err(|error| self.client.unreachable(error))?;
        if response.status() == StatusCode::OK {
            return Ok(response.bytes_stream().boxed());
        }
        let (status, retry_after) = (response.status(), answer::retry_after(response.headers()));
        let body = response.bytes().await.map_err(|error| self.client.unreachable(error))?;
        Err(answer::refusal(status, retry_after, &body))
    }

    fn take(&mut self, frame: Frame) -> Result<(), ClientError> {
        self.failures = 0;
        let Some(data) = frame.data else {
            // The first frame says where the stream begins, so that a connection which breaks before the
            // first event resumes there too.
            let place = frame.id.and_then(|id| id.parse::<i64>().ok());
            self.after = self.after.max(place);
            return Ok(());
        };
        let event: Event = serde_json::from_str(&data).map_err(|error| {
            ClientError::Unreadable(format!("an event is not one this version knows: {error}"))
        })?;
        if self.after.is_none_or(|after| event.cursor > after) {
            self.after = Some(event.cursor);
            self.ready.push_back(event);
        }
        Ok(())
    }
}

/// Whether trying again cannot help.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => refusal.status != StatusCode::TOO_MANY_REQUESTS.as_u16(),
        ClientError::Setup(_) => true,
        ClientError::Failed(_) | ClientError::Unreachable { .. } | ClientError::Unreadable(_) => false,
    }
}

fn wait_after(error: &ClientError) -> Option<Duration> {
    match error {
        ClientError::Refused(refusal) | ClientError::Failed(refusal) => refusal.retry_after,
        _ => None,
    }
}
