//! What renderers return.

/// A finished file. `cli` decides where it goes; nothing here writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Path below the run folder, such as `report.md` or `charts/ttft.svg`.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Artifact {
    /// A text file.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), bytes: text.into().into_bytes() }
    }
}
