//! From a target as written to an endpoint that can be asked.

use super::Catalog;
use super::Endpoint;
use super::Problem;
use super::TargetSpec;

/// Fills in what `spec` leaves out from the catalogue.
///
/// # Errors
/// Every problem of the target, each with what would be right.
pub fn resolve(spec: &TargetSpec, catalog: &Catalog) -> Result<Endpoint, Vec<Problem>> {
    let _ = catalog;
    Err(vec![Problem::new("model", format!("{:?} cannot be resolved", spec.model))])
}
