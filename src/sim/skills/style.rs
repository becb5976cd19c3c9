//! The form in which a prompt wants its answer: bare, after `Answer:`, boxed, or in a sentence.

use super::Question;

/// Dresses `answer`; `sentence` is used where no form is asked for.
pub(super) fn dress(question: &Question, answer: &str, sentence: &str) -> String {
    let all = question.all.to_lowercase();
    if all.contains("\\boxed") {
        return format!("{sentence} \\boxed{{{answer}}}");
    }
    if all.contains("####") {
        return format!("{sentence}\n#### {answer}");
    }
    if all.contains("answer:")
        && ["`answer:", "'answer:", "\"answer:", "with answer:", "answer: <", "answer: x"]
            .iter()
            .any(|form| all.contains(form))
    {
        return format!("{sentence}\nAnswer: {answer}");
    }
    if wants_bare(&all) { answer.to_owned() } else { sentence.to_owned() }
}

/// The prompt, in lower case, wants nothing but the answer.
pub(super) fn wants_bare(all: &str) -> bool {
    [
        "only",
        "just the",
        "nothing else",
        "no explanation",
        "without explanation",
        "one word",
        "single word",
        "bare",
        "no other",
    ]
    .iter()
    .any(|word| all.contains(word))
}
