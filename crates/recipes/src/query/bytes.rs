//! Reads an answer byte by byte and never beyond its end.

use super::QueryError;

pub(super) struct Bytes<'a>(&'a [u8]);

const SHORT: QueryError = QueryError::Malformed("it ends too early");

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], QueryError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn expect(&mut self, bytes: &[u8], otherwise: &'static str) -> Result<(), QueryError> {
        if self.take(bytes.len())? == bytes { Ok(()) } else { Err(QueryError::Malformed(otherwise)) }
    }

    pub(super) fn u8(&mut self) -> Result<u8, QueryError> {
        self.take(1)?.first().copied().ok_or(SHORT)
    }

    /// Big-endian.
    pub(super) fn u16(&mut self) -> Result<u16, QueryError> {
        Ok(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    /// Bytes up to a zero, which is taken too.
    pub(super) fn until_zero(&mut self) -> Result<&'a [u8], QueryError> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A fixed field that is filled up with zeros.
pub(super) fn padded(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}
