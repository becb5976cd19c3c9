//! Nonces that a model under test cannot know: derived from the seed, the case and the answer itself.

use sha2::Digest;
use sha2::Sha256;

use super::subject::Subject;

/// Sixteen hexadecimal digits, the same for the same seed, case, answer and use.
pub(super) fn nonce(seed: u64, subject: &Subject<'_>, use_: &str) -> String {
    let mut hash = Sha256::new();
    for part in [&seed.to_le_bytes()[..], subject.case.id.as_str().as_bytes(), use_.as_bytes(), subject.text.as_bytes()]
    {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let short = digest.iter().take(8).fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    format!("{short:016x}")
}
