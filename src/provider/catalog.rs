//! Models, endpoints and prices that are known by name.

/// The catalogue.
#[derive(Debug, Clone, Default)]
pub struct Catalog {}

impl Catalog {
    /// The catalogue that this program was built with.
    pub fn embedded() -> Self {
        Self::default()
    }
}
