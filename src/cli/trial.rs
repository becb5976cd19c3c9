//! One trial whole: what was asked, what came back and when, what graders said, and how to ask again by hand.

use std::fmt::Write as _;

use serde_json::Value;
use serde_json::json;

use super::exit::Failure;
use super::load;
use super::resume::stored_plan;
use super::resume::stored_suite;
use crate::domain::Message;
use crate::domain::Observation;
use crate::domain::Part;
use crate::load::Plan;
use crate::provider::Auth;
use crate::provider::Endpoint;
use crate::provider::endpoint::Ask;
use crate::report::Row;
use crate::store::RunFolder;
use crate::suite::Suite;
use crate::text::number::short;
use crate::text::plain::for_terminal;

/// The trial as text, or as JSON.
///
/// # Errors
/// The run's suite cannot be read any more.
pub fn text(folder: &RunFolder, seen: &[Observation], rows: &[&Row], as_json: bool) -> Result<String, Failure> {
    let catalog = load::catalog(None)?;
    let stored = stored_suite(folder, &catalog).and_then(|suite| stored_plan(folder, &suite).map(|plan| (suite, plan)));
    let asked = stored.as_ref().ok().and_then(|(suite, plan)| asked(suite, plan, &seen[0]));
    let messages = asked.as_ref().map(|asked| asked.messages.as_slice()).unwrap_or_default();
    if as_json {
        return Ok(whole_json(messages, seen, rows, asked.as_ref().map(|asked| asked.curl.as_str())).to_string());
    }
    let mut parts = vec![heading(seen, rows)];
    parts.extend(
        messages.iter().map(|message| section(&format!("{:?}", message.role).to_lowercase(), &content(message))),
    );
    for observation in seen {
        parts.extend(attempt(observation));
    }
    parts.extend(rows.iter().filter(|row| row.is_last).map(|row| verdicts(row)));
    match &asked {
        Some(asked) => parts.push(section("ask again", &asked.curl)),
        None => parts.push("the messages are not shown: this version plans the stored suite otherwise\n".into()),
    }
    Ok(parts.join("\n"))
}

struct Asked {
    messages: Vec<Message>,
    curl: String,
}

fn asked(suite: &Suite, plan: &Plan, seen: &Observation) -> Option<Asked> {
    let cell = plan.cells.get(seen.attempt.cell.0 as usize)?;
    let conversation = plan.conversations.get(&cell.prompt)?.get(seen.attempt.case as usize)?;
    let endpoint = suite.targets.iter().find(|endpoint| endpoint.id == cell.target)?;
    let messages = conversation.turns.first()?.clone();
    let members = endpoint.dialect.encode(&messages, conversation);
    let mode = endpoint.modes.iter().find(|mode| mode.name == cell.mode);
    let ask = Ask { members: &members, mode, params: &plan.params, salt: None, key: None, stream: true };
    Some(Asked { curl: curl(endpoint, &ask)?, messages })
}

/// A command that sends the same request; the key stays in its environment variable.
fn curl(endpoint: &Endpoint, ask: &Ask<'_>) -> Option<String> {
    let request = endpoint.request(ask).ok()?;
    let key = endpoint.key_env.first().map_or("KEY", String::as_str);
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut line = format!("curl -N {}", quoted(request.url.as_str()));
    for (name, value) in &request.headers {
        let header = format!("{name}: {}", value.to_str().ok()?);
        let _ = write!(line, " \\\n  -H {}", quoted(&header));
    }
    let key_header = match &endpoint.auth {
        Auth::None | Auth::Body(_) => String::new(),
        Auth::Bearer => format!(" \\\n  -H \"authorization: Bearer ${key}\""),
        Auth::XApiKey => format!(" \\\n  -H \"x-api-key: ${key}\""),
        Auth::Header(name) => format!(" \\\n  -H \"{name}: ${key}\""),
    };
    let body: Vec<u8> = request.body.concat();
    Some(format!("{line}{key_header} \\\n  -d {}", quoted(&String::from_utf8_lossy(&body))))
}

fn section(title: &str, body: &str) -> String {
    format!("--- {title}\n{}\n", for_terminal(body))
}

fn content(message: &Message) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.to_string(),
        Part::Image { media_type, data } => format!("[{media_type}, {} bytes]", data.len()),
        Part::ImageUrl(url) => format!("[image at {url}]"),
    };
    message.content.iter().map(part).collect::<Vec<_>>().join("\n")
}

fn heading(seen: &[Observation], rows: &[&Row]) -> String {
    let Some(row) = rows.last() else { return format!("trial {} (warm-up)\n", seen[0].attempt.trial) };
    let key = &row.cell;
    let names = format!("{} {} {} {}", key.target, key.mode, key.prompt, key.load);
    format!("trial {} · {names} · case {} · repeat {}\n", row.trial, row.case, row.repeat)
}

fn attempt(seen: &Observation) -> Vec<String> {
    let ms = |value: Option<f64>| value.map_or("-".into(), |ms| format!("{} ms", short(ms)));
    let usage = seen.reply.usage.clone().unwrap_or_default();
    let count = |n: Option<u64>| n.map_or("unknown".into(), |n| n.to_string());
    let status = seen.status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    let line = format!(
        "--- attempt {}, turn {}: {}{status} {} {}\nttft {} · ttfa {} · e2e {} · {}\n\
         tokens: {} in, {} cached, {} reasoning, {} out · cost {} ({}) · finish {}\n",
        seen.attempt.number,
        seen.attempt.turn,
        seen.outcome,
        for_terminal(&seen.detail),
        for_terminal(&seen.message),
        ms(seen.ttft_ms()),
        ms(seen.ttfa_ms()),
        ms(seen.e2e_ms()),
        if seen.conn.reused { "warm connection" } else { "new connection" },
        count(usage.input),
        count(usage.cached),
        count(usage.reasoning),
        count(usage.output),
        seen.cost.usd.map_or("unknown".into(), |usd| format!("{usd} USD")),
        seen.cost.basis.name(),
        for_terminal(seen.reply.finish_reason.as_deref().unwrap_or("-")),
    );
    let answer = seen.answer();
    let mut parts = vec![line];
    if !answer.reasoning.is_empty() {
        parts.push(section("reasoning", &answer.reasoning));
    }
    for call in &answer.tool_calls {
        parts.push(section("tool call", &format!("{}({})", call.name, call.arguments)));
    }
    parts.push(section("answer", &answer.text));
    parts.push(time_line(seen));
    parts
}

/// The most events that a time line lists one by one.
const LISTED: usize = 12;

fn time_line(seen: &Observation) -> String {
    let mut lines = vec!["--- time line (ms after due)".to_owned()];
    let mut at = |name: &str, offset: Option<crate::domain::Offset>| {
        if let Some(ms) = offset.and_then(|at| at.ms_since(seen.due)) {
            lines.push(format!("{ms:10.3}  {name}"));
        }
    };
    at("sent", Some(seen.sent));
    at("name resolved", seen.conn.dns);
    at("connected", seen.conn.tcp);
    at("TLS done", seen.conn.tls);
    at("request written", seen.written);
    at("headers", seen.headers);
    for event in seen.events.iter().take(LISTED) {
        at(&format!("{:?}, {} bytes", event.channel, event.bytes).to_lowercase(), Some(event.at));
    }
    if seen.events.len() > LISTED {
        at(&format!("... {} more events; last", seen.events.len() - LISTED), seen.events.last().map(|e| e.at));
    }
    at("ended", Some(seen.ended));
    lines.join("\n") + "\n"
}

fn verdicts(row: &Row) -> String {
    let line = |v: &crate::analyze::summary::VerdictLine| {
        let value = v.value.map(|value| format!(" {}", short(value))).unwrap_or_default();
        format!("{:<12} {}{value}: {}", v.grader, v.verdict, v.why)
    };
    section("verdicts", &row.verdicts.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn whole_json(messages: &[Message], seen: &[Observation], rows: &[&Row], curl: Option<&str>) -> Value {
    let message = |m: &Message| json!({ "role": format!("{:?}", m.role).to_lowercase(), "content": content(m) });
    let attempt = |o: &Observation| {
        let answer = o.answer();
        json!({
            "attempt": o.attempt.number, "turn": o.attempt.turn, "outcome": o.outcome.name(), "status": o.status,
            "detail": o.detail, "message": o.message, "answer": answer.text, "reasoning": answer.reasoning,
            "ttft_ms": o.ttft_ms(), "ttfa_ms": o.ttfa_ms(), "e2e_ms": o.e2e_ms(),
            "cost_usd": o.cost.usd.map(crate::domain::Usd::as_f64), "cost_basis": o.cost.basis.name(),
            "events": o.events.iter().map(|e| json!([e.at.ms_since(o.due), format!("{:?}", e.channel).to_lowercase(), e.bytes])).collect::<Vec<_>>(),
        })
    };
    let verdict = |v: &crate::analyze::summary::VerdictLine| json!({ "grader": v.grader.as_str(), "verdict": v.verdict, "value": v.value, "why": v.why });
    let last = rows.iter().find(|row| row.is_last);
    json!({
        "trial": seen[0].attempt.trial.0,
        "case": last.map(|row| row.case.as_str()),
        "messages": messages.iter().map(message).collect::<Vec<_>>(),
        "attempts": seen.iter().map(attempt).collect::<Vec<_>>(),
        "verdicts": last.map(|row| row.verdicts.iter().map(verdict).collect::<Vec<_>>()),
        "curl": curl,
    })
}
