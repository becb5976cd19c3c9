//! Suites: YAML to a checked suite to a plan, with positions in every error.
