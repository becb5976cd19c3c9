//! The suite that `llmark init` writes: it runs as it is, on the embedded simulator.

/// Name of the file.
pub const INIT_NAME: &str = "suite.yaml";

/// Text of the file.
pub const INIT_TEXT: &str = r#"# A first suite: six support tickets, two modes, two loads, on the embedded simulator. Takes about 15 s.
#   llmark check suite.yaml      every mistake at once, with its place
#   llmark plan suite.yaml       what would be sent, and what it may cost
#   llmark run suite.yaml        run, grade, report
name: first
description: Which team gets the ticket?
seed: 7

targets:
  - id: simulated
    sim: {profile: seed-2.0-mini}
  # - model: seed-2.0-mini            # a real one: set OPENROUTER_API_KEY
  #   provider: openrouter

modes: [minimal, low]
params: {temperature: 0, max_tokens: 300}

prompts:
  - id: terse
    system: You route support tickets.
    user: |
      Classify this ticket as billing, technical or account. Answer with one word.

      {{ ticket }}

cases:
  - id: refund
    vars: {ticket: "I was charged twice and want my money back."}
    expect: billing
  - id: crash
    vars: {ticket: "The app crashes when I open the settings."}
    expect: technical
  - id: password
    vars: {ticket: "I cannot sign in since I changed my password."}
    expect: account
  - id: invoice
    vars: {ticket: "Please send the invoice for my last payment."}
    expect: billing
  - id: freeze
    vars: {ticket: "After the update the window freezes with an error."}
    expect: technical
  - id: username
    vars: {ticket: "Can I change the username of my profile?"}
    expect: account
repeats: 10   # 60 trials in each cell: enough to decide the objectives below

graders:
  - exact: {ignore_case: true, trim: true}

loads:
  - {concurrency: 1}
  - {concurrency: 4}

slos:
  - p95(ttft) <= 5s
  - error_rate <= 5%
"#;
