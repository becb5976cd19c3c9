//! Inspect's `.eval` logs: zip archives of JSON files, one per sample, packed by deflate or, of late, by Zstandard.

use std::io::Cursor;
use std::io::Read;

use serde_json::Value;
use zip::CompressionMethod;
use zip::ZipArchive;

/// Bytes that one file of an archive may unpack to.
const LARGEST: u64 = 1 << 30;

/// Zstandard's number in the list of compression methods of the zip format.
const ZSTD: CompressionMethod = CompressionMethod::ZSTD;

type Archive<'b> = ZipArchive<Cursor<&'b [u8]>>;

/// Whether bytes begin as an archive.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// A line per sample, ordered by the samples' file names. Samples are unpacked one at a time.
///
/// # Errors
/// What is not as Inspect writes it.
pub(super) fn samples(bytes: &[u8]) -> Result<Vec<Option<Value>>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("no archive: {error}"))?;
    let mut names: Vec<(String, usize)> = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(|error| format!("entry {at}: {error}"))?;
        names.push((entry.name().map_err(|error| format!("entry {at}: {error}"))?.into_owned(), at));
    }
    names.sort();
    // A log of an interrupted run has no header yet; its journal names the model.
    let find = |wanted: &str| names.iter().find(|(name, _)| name == wanted).map(|(_, at)| *at);
    let about = match find("header.json").or_else(|| find("_journal/start.json")) {
        Some(at) => document(&mut archive, at)?,
        None => return Err("the archive has no `header.json`, as Inspect's logs have".into()),
    };
    let model = about.pointer("/eval/model").cloned().unwrap_or(Value::Null);
    let mut samples = Vec::new();
    for (_, at) in names
        .iter()
        .filter(|(name, _)| name.strip_prefix("samples/").is_some_and(|rest| rest.strip_suffix(".json").is_some()))
    {
        samples.push(super::inspect_sample(&document(&mut archive, *at)?, &model));
    }
    Ok(samples)
}

fn document(archive: &mut Archive<'_>, at: usize) -> Result<Value, String> {
    let entry = archive.by_index_raw(at).map_err(|error| format!("entry {at}: {error}"))?;
    let name = entry.name().map_err(|error| format!("entry {at}: {error}"))?.into_owned();
    let broken = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    let mut unpacked = Vec::new();
    if entry.compression() == ZSTD {
        let reader = ruzstd::decoding::StreamingDecoder::new(entry).map_err(|error| broken(&error))?;
        reader.take(LARGEST).read_to_end(&mut unpacked).map_err(|error| broken(&error))?;
    } else {
        drop(entry);
        let entry = archive.by_index(at).map_err(|error| broken(&error))?;
        entry.take(LARGEST).read_to_end(&mut unpacked).map_err(|error| broken(&error))?;
    }
    serde_json::from_slice(&unpacked).map_err(|error| broken(&error))
}
