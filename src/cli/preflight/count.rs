//! Exact prompt tokens, asked of providers that count without answering.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Asking;
use super::ask;
use crate::cli::exit::Failure;
use crate::domain::Conversation;
use crate::domain::Message;
use crate::domain::PromptId;
use crate::domain::TargetId;
use crate::engine::aside;
use crate::engine::aside::Aside;
use crate::provider::Endpoint;
use crate::provider::aside::counted;

/// At most this many prompts are counted per target; the others are taken to be like them.
pub const MOST: usize = 64;

/// Tokens of the prompts that were counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    /// Tokens by position of the case, for each prompt.
    pub tokens: BTreeMap<PromptId, BTreeMap<u32, u64>>,
    /// Requests that gave no count.
    pub failed: u32,
}

impl Counted {
    /// Mean tokens of a prompt over its counted cases, with how many there are; `None` when none was counted.
    pub fn mean(&self, prompt: &PromptId) -> Option<(f64, usize)> {
        let counts = self.tokens.get(prompt).filter(|counts| !counts.is_empty())?;
        Some((counts.values().sum::<u64>() as f64 / counts.len() as f64, counts.len()))
    }
}

/// Counts the first turns of the plan's conversations at every endpoint whose protocol can count (Anthropic messages);
/// costs nothing. Endpoints that cannot are absent.
///
/// # Errors
/// No thread could be started.
pub fn count(asking: &Asking<'_>) -> Result<BTreeMap<TargetId, Counted>, Failure> {
    let lines = Aside::open(asking.clock, asking.network.clone()).map_err(Failure::store)?;
    let mut found = BTreeMap::new();
    for endpoint in asking.endpoints.iter().filter(|endpoint| endpoint.dialect.count_path().is_some()) {
        let counts: &mut Counted = found.entry(endpoint.id.clone()).or_default();
        for (prompt, case, conversation) in chosen(asking, endpoint) {
            let first: &[Message] = conversation.turns.first().map(Vec::as_slice).unwrap_or_default();
            let members = endpoint.dialect.encode(first, conversation);
            let Some(Ok(request)) = endpoint.counting(&members, asking.keys.get(&endpoint.id)) else { continue };
            let answers = lines.ask(vec![aside::verbatim(request, ask::timers(asking), ())]);
            match answers.first().and_then(|answer| counted(&answer.decoded.reply.text)) {
                Some(tokens) => {
                    counts.tokens.entry(prompt).or_default().insert(case, tokens);
                }
                None => counts.failed += 1,
            }
            // An endpoint that does not count its first prompts will not count the others.
            if counts.failed >= 2 && counts.tokens.is_empty() {
                break;
            }
        }
    }
    lines.close();
    Ok(found)
}

/// Prompts and cases to count, spread evenly over the plan's.
fn chosen<'a>(asking: &'a Asking<'_>, endpoint: &Endpoint) -> Vec<(PromptId, u32, &'a Arc<Conversation>)> {
    let used =
        |prompt: &&PromptId| asking.plan.cells.iter().any(|cell| cell.prompt == **prompt && cell.target == endpoint.id);
    let prompts: Vec<&PromptId> = asking.plan.conversations.keys().filter(used).collect();
    let each = (MOST / prompts.len().max(1)).max(1);
    let pick = |prompt: &PromptId| {
        let all = &asking.plan.conversations[prompt];
        let step = all.len().div_ceil(each).max(1);
        let prompt = prompt.clone();
        all.iter()
            .enumerate()
            .step_by(step)
            .map(move |(case, conversation)| (prompt.clone(), case as u32, conversation))
    };
    prompts.into_iter().flat_map(pick).collect()
}
