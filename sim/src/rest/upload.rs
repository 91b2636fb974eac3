//! Requests with files: `payload_json` and the parts `files[n]`.

use bytes::Bytes;
use serde_json::Value;

use super::error::ApiError;
use crate::id::AttachmentId;
use crate::world::World;
use crate::world::message::Attachment;
use crate::world::writing::Uploads;

/// Parts read from one request.
const MOST_PARTS: usize = 12;

/// One uploaded file.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) filename: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Bytes,
}

pub(crate) async fn read(kind: &str, body: Bytes) -> Result<(Option<Value>, Vec<Upload>), ApiError> {
    let boundary = multer::parse_boundary(kind).map_err(|_| ApiError::invalid_json())?;
    let stream = futures::stream::once(std::future::ready(Ok::<_, std::io::Error>(body)));
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut json = None;
    let mut files = Vec::new();
    for _ in 0..MOST_PARTS {
        let Some(part) = parts.next_field().await.map_err(|_| ApiError::invalid_json())? else { break };
        let name = part.name().unwrap_or_default().to_owned();
        let filename = part.file_name().map(ToOwned::to_owned);
        let content_type = part.content_type().map(ToString::to_string);
        let bytes = part.bytes().await.map_err(|_| ApiError::invalid_json())?;
        if name == "payload_json" {
            json = Some(serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_json())?);
        } else if let Some(filename) = filename {
            files.push(Upload { filename, content_type, bytes });
        }
    }
    Ok((json, files))
}

impl World {
    /// Gives uploaded files their ids and addresses.
    pub(crate) fn receive(&mut self, files: &[Upload]) -> Uploads {
        let mut uploads = Uploads::default();
        for file in files {
            let id = AttachmentId(self.next_id());
            let attachment = Attachment {
                id,
                filename: file.filename.clone(),
                size: file.bytes.len(),
                content_type: file.content_type.clone(),
                description: None,
                url: format!("{}/attachments/{id}/{}", self.base, urlencode(&file.filename)),
            };
            uploads.by_name.insert(file.filename.clone(), attachment);
            uploads.bytes.push((id, file.bytes.clone()));
        }
        uploads
    }
}

fn urlencode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
