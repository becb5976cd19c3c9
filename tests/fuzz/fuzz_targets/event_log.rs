//! Event logs: any bytes are read to their end, to a torn tail or to an error that names a line.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use llmark::store::Progress;
use llmark::store::Reader;

fuzz_target!(|bytes: &[u8]| {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| std::env::temp_dir().join(format!("llmark-fuzz-{}.jsonl", process::id())));
    fs::write(path, bytes).expect("the temporary folder can be written");
    let reader = Reader::open(path).expect("it was written just now");
    drop(Progress::of(reader));
    let mut reader = Reader::open(path).expect("it was written just now");
    let lines = reader.by_ref().filter(Result::is_ok).count() as u64;
    assert!(reader.good_bytes() <= bytes.len() as u64 && lines <= bytes.len() as u64);
});
