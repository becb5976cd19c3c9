//! `llmark` measures quality, latency and cost of language models on the same requests.
//!
//! # The way through
//!
//! ```text
//! suites/x.yaml --suite--> Suite --expand--> load::Plan --engine--> domain::Event*
//!                                                                  |  \
//!                                                                  |   cli progress (one more consumer)
//!                                                                store --> reports/<run>/{manifest.json, events.jsonl}
//!                                                                              |
//!                                                                  store reader --analyze--> Summary --report--> files
//! ```
//!
//! A fresh run is analyzed through the same reader as an old one: nothing reaches a report from memory. `regrade`
//! re-reads observations and appends verdicts, `recost` recomputes costs, `compare` reads two folders, `plan` stops
//! before the engine.
//!
//! # The rooms, bottom first
//!
//! | room | purpose | may use |
//! |---|---|---|
//! | `text` | durations, numbers, suggestions, secrets and redaction, harmless text | - |
//! | `domain` | nouns: ids, conversation, case, observation, outcome, verdict, event; random streams | text |
//! | `stats` | quantiles, intervals, tests, bootstrap, e-processes; has never heard of an LLM | - |
//! | `provider` | wire dialects: request to bytes, event to reply; the catalogue | domain, text |
//! | `transport` | connections, stamps, event framing, cassettes | provider, domain, text |
//! | `load` | load specs, arrival processes, the plan | domain, text |
//! | `grade` | graders, one file each; what needs a model or a process is asked for, not done | domain, text |
//! | `analyze` | observations and verdicts to cells, estimates, SLO verdicts, comparisons | stats, domain, text |
//! | `suite` | YAML to a checked suite to a plan; spans, templates | provider, grade, load, analyze, domain, text |
//! | `engine` | runs a plan; the only room with tasks and threads | transport, provider, grade, load, domain, text |
//! | `store` | run folder: event log, manifest, lock, reader | domain, text |
//! | `report` | a model and its renderers | analyze, domain, text |
//! | `sim` | a scripted LLM server with its own ledger | provider, domain, text |
//! | `cli` | commands, progress, exit codes, wiring | everything |
//!
//! `tests/it/layering.rs` holds this table against the code.
//!
//! # Invariants
//!
//! 1. `text`, `domain`, `stats`, `provider`, `load`, `grade`, `analyze`, `report` do no I/O, spawn nothing, read no clock and no environment.
//! 2. Only `transport` and `sim` open sockets. Only `store`, `suite::read` and `cli` touch files; the engine's sandbox writes into a folder of its own. Only `cli` prints and reads the environment.
//! 3. One clock: `engine` makes it and hands it to `transport`; everything else holds an [`domain::Offset`].
//! 4. Observations are raw. Every derived number can be recomputed from the run folder.
//! 5. A retry is an attempt and has an observation of its own. No layer below `engine` repeats a request.
//! 6. Nothing is sent before its intent is durable; nothing is counted before its observation is durable.
//! 7. `report` and `compare` start from the run folder, never from memory.
//! 8. A verdict about the model is data, never `Err`. A failed recorder stops the run.
//! 9. A number never travels without its unit, its n and, if it is an estimate, its interval and method.
//! 10. Serialised types live at the borders (`suite::file`, `store::format`, `provider::catalog`, `report::json`) and are converted there.
//! 11. A secret is a [`text::Secret`]; all bytes leaving the process pass the redactor.
//! 12. Model output is hostile bytes everywhere.
//! 13. Same suite, catalogue and seed: the same plan, byte for byte. Same run folder: the same artifacts.
//! 14. Randomness comes from the seed through named streams, so a new draw in one place moves no other.
//! 15. An unknown key, an unsupported mode, a case without a grader: an error with a position before the first request.

pub mod analyze;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod grade;
pub mod load;
pub mod provider;
pub mod report;
pub mod sim;
pub mod stats;
pub mod store;
pub mod suite;
pub mod text;
pub mod transport;
