//! Price files: read from disk here, because only this room knows YAML; what they mean is for `provider` to say.

use std::path::Path;

use serde_json::Value;

use super::de;
use super::problem::Problems;
use super::problem::Sink;
use super::read;
use super::read::FILE_CAP;
use super::read::Files as _;
use super::yaml;
use crate::provider::PriceBook;

/// Reads the price file at `path`: ours in YAML or JSON, or a public map in JSON.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<PriceBook, Problems> {
    let shown = path.display().to_string();
    let cannot = |why: String| Problems::without_place(shown.clone(), why, None);
    let (folder, name) = read::split(path).map_err(cannot)?;
    let bytes = folder.bytes(&name, FILE_CAP).map_err(|why| cannot(format!("the price file cannot be read: {why}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| cannot("the price file is not UTF-8".into()))?;
    let text = text.trim_start_matches('\u{feff}');
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(_) => from_yaml(&shown, text)?,
    };
    PriceBook::read(&value).map_err(|all| cannot(all.join("\n")))
}

fn from_yaml(shown: &str, text: &str) -> Result<Value, Problems> {
    let sink = Sink::default();
    let source = sink.add_source(shown, text);
    let value = yaml::parse(&sink, source, text).and_then(|root| de::read::<Value>(&sink, &root).get().cloned());
    sink.finish(value)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_price_file_may_be_yaml_or_json() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            load(&path)
        };
        let yaml = read("a.yaml", "prices:\n  - {model: m, provider: p, input: 0.10, output: 0.40}\n").unwrap();
        let json = read("a.json", r#"{"m@p": {"input": 0.10, "output": 0.40}}"#).unwrap();
        assert_eq!((&yaml.entries, yaml.entries[0].price.input.to_string().as_str()), (&json.entries, "0.10"));
        let bare = read("b.yaml", "m@p: 0.25\n").unwrap_err();
        assert!(bare.to_string().contains("no unit"), "{bare}");
        assert!(load(&folder.path().join("none.yaml")).is_err());
    }
}
