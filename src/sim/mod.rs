//! A scripted LLM server: honest small skills, byte-level control, its own ledger. Never an oracle of expectations.
