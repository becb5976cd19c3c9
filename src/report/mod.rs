//! A report model and its renderers. Returns bytes; writes nothing.
