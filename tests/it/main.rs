//! The only integration binary: a module per capability.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]

mod arms;
mod bad_network;
mod cache;
mod canary;
mod cassettes;
mod chaos;
mod compare;
mod crash;
mod desk;
mod disk;
mod early;
mod frozen;
mod hostile_server;
mod judged;
mod judges;
mod layering;
mod leaks;
mod live;
mod preflight;
mod proxies;
mod recompute;
mod recorded;
mod sim_server;
mod suites;
mod support;
mod tidy;
mod wire_http2;
mod wire_socket;
mod wire_tls;
mod wire_vectors;
mod world;
