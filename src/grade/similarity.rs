//! `similarity`: cosine of the embeddings of the answer and of the expected text.
//!
//! The vectors come from an embeddings endpoint that the suite names as a target. Of several references the nearest
//! counts; a negative cosine scores 0. A failed or malformed reply is ungradable.

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::overlap;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use super::subject::no_expectation;
use crate::domain::Case;
use crate::domain::Verdict;

params! {
    /// Parameters of `similarity`.
    pub struct Similarity {
        /// The target that makes embeddings.
        target: String,
        /// The expected text; the case's `expect` by default.
        value: Option<Text> = None,
        /// The cosine from which on the answer passes; without it the cosine is the score.
        min: Option<f64> = None,
    }
}

struct Cosine(Similarity);

impl Spec for Similarity {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        overlap::check_min(self.min)?;
        Ok(Box::new(Cosine(self.clone())))
    }

    fn targets(&self) -> Vec<String> {
        vec![self.target.clone()]
    }
}

impl Rule for Cosine {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        let references = subject.acceptable(self.0.value.as_ref().map(|text| text.0.as_str()));
        if references.is_empty() {
            return Step::Done(no_expectation());
        }
        if subject.text.trim().is_empty() {
            return Step::Done(overlap::settle("cosine", 0.0, self.0.min));
        }
        let texts: Vec<String> = std::iter::once(subject.text.clone().into_owned()).chain(references).collect();
        let (wanted, min) = (texts.len(), self.0.min);
        Step::Embed {
            target: self.0.target.as_str().into(),
            texts,
            read: Box::new(move |reply| Step::Done(read(reply, wanted, min))),
        }
    }

    fn objection(&self, case: &Case) -> Option<String> {
        let stated = self.0.value.is_some() || case.expect.is_some();
        (!stated).then(|| "it compares with `expect`, which this case does not state".to_owned())
    }
}

fn read(reply: Result<Vec<Vec<f64>>, String>, wanted: usize, min: Option<f64>) -> Verdict {
    match reply {
        Err(reason) => Verdict::ungradable(format!("no embeddings: {reason}")),
        Ok(vectors) if vectors.len() != wanted => {
            Verdict::ungradable(format!("{} vectors came for {wanted} texts", vectors.len()))
        }
        Ok(vectors) => match vectors.split_first() {
            None => Verdict::ungradable("no vectors came"),
            Some((answer, references)) => {
                let nearest = references.iter().filter_map(|reference| cosine(answer, reference)).reduce(f64::max);
                nearest.map_or_else(
                    || Verdict::ungradable("the vectors have no angle"),
                    |cosine| overlap::settle("cosine", cosine, min),
                )
            }
        },
    }
}

fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let norm = (dot(a, a) * dot(b, b)).sqrt();
    let cosine = dot(a, b) / norm;
    (a.len() == b.len() && norm > 0.0 && cosine.is_finite()).then_some(cosine)
}

#[cfg(test)]
mod tests {
    use crate::domain::Verdict;
    use crate::grade::Grader;
    use crate::grade::Step;
    use crate::grade::testing::answer;
    use crate::grade::testing::case;
    use crate::grade::testing::done;
    use crate::grade::testing::grader;
    use serde_json::json;

    fn judge(reply: Result<Vec<Vec<f64>>, String>) -> Verdict {
        let spec = json!({"similarity": {"target": "embedder"}});
        match grader(spec).grade(&case(&json!(["a", "b"])), &answer("x")) {
            Step::Embed { target, texts, read } => {
                assert_eq!((target.as_str(), texts.len()), ("embedder", 3));
                done(read(reply))
            }
            _ => panic!("no embeddings asked for"),
        }
    }

    #[test]
    fn the_nearest_reference_counts() {
        let near = judge(Ok(vec![vec![1.0, 0.0], vec![0.0, 2.0], vec![3.0, 4.0]]));
        assert!((near.bounds().0 - 0.6).abs() < 1e-12);
        assert_eq!(judge(Ok(vec![vec![1.0], vec![-1.0], vec![-2.0]])).bounds(), (0.0, 0.0));
    }

    #[test]
    fn a_broken_reply_is_no_verdict_on_the_model() {
        let replies = [
            Err("timeout".to_owned()),
            Ok(vec![vec![1.0]]),
            Ok(vec![vec![0.0], vec![1.0], vec![1.0]]),
            Ok(vec![vec![f64::NAN], vec![1.0], vec![1.0]]),
            Ok(vec![vec![1.0], vec![1.0, 2.0], vec![]]),
        ];
        for reply in replies {
            assert!(matches!(judge(reply), Verdict::Ungradable { .. }));
        }
    }
}
