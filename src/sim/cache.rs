//! A simulated prefix cache: prompts that begin like an earlier one find that beginning, in blocks of 16 tokens.

use std::collections::HashSet;
use std::hash::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;

use super::tokens;

const BLOCK: usize = 16;
/// Blocks remembered before all are forgotten.
const LARGEST: usize = 1 << 20;

/// Hashes of all beginnings seen, a block long, two blocks long and so on.
#[derive(Debug, Default)]
pub(super) struct PrefixCache(HashSet<u64>);

impl PrefixCache {
    /// Tokens at the start of `prompt` that were seen before; remembers the prompt.
    pub(super) fn look_up(&mut self, prompt: &str) -> usize {
        if self.0.len() > LARGEST {
            self.0.clear();
        }
        let mut hasher = DefaultHasher::new();
        let mut found = 0;
        let mut known = true;
        for (n, token) in tokens::split(prompt).enumerate() {
            token.hash(&mut hasher);
            if (n + 1) % BLOCK == 0 {
                known &= !self.0.insert(hasher.finish());
                found = if known { n + 1 } else { found };
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_common_beginnings_are_found() {
        let mut cache = PrefixCache::default();
        let text = |last: &str| format!("{} {last}", "word ".repeat(40).trim());
        assert_eq!(cache.look_up(&text("one")), 0);
        assert_eq!(cache.look_up(&text("one")), 32);
        assert_eq!(cache.look_up(&text("two")), 32);
        assert_eq!(cache.look_up(&format!("salt {}", text("one"))), 0);
    }
}
