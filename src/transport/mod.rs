//! HTTP over our own connections: stamps, event framing, cassettes, secret headers. Nothing retries here.
