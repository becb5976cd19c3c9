//! Grading threads: pure graders, and programs in the sandbox, away from everything that is timed.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::thread::JoinHandle;

use crate::domain::Answer;
use crate::domain::Attempt;
use crate::domain::Case;
use crate::domain::Conversation;
use crate::domain::GraderId;
use crate::domain::TargetId;
use crate::domain::Verdict;
use crate::grade::Finished;
use crate::grade::Grader;
use crate::grade::Program;
use crate::grade::Read;
use crate::grade::Step;

/// One grader's work on one trial.
#[derive(Clone)]
pub struct Sheet {
    /// The attempt whose answer is judged.
    pub attempt: Attempt,
    /// The grader.
    pub grader: GraderId,
    /// Its version.
    pub version: String,
    /// Attempts that this grader made so far, over all its questions.
    pub asked: u16,
}

/// Runs a program; `Err` says why it could not be run.
pub type RunProgram = dyn Fn(&Program) -> Result<Finished, String> + Send + Sync;

/// Work for a grading thread.
pub enum Work {
    /// Judge an answer.
    Grade(Sheet, Arc<dyn Grader>, Arc<Case>, Arc<Answer>),
    /// A judge's reply arrived.
    Reply(Sheet, Read<Result<String, String>>, Result<String, String>),
    /// Vectors arrived.
    Vectors(Sheet, Read<Result<Vec<Vec<f64>>, String>>, Result<Vec<Vec<f64>>, String>),
}

/// What a grading thread found.
pub enum Found {
    /// A verdict.
    Verdict(Sheet, Verdict),
    /// A model must be asked.
    Ask(Sheet, TargetId, Box<Conversation>, Read<Result<String, String>>),
    /// Vectors are needed.
    Embed(Sheet, TargetId, Vec<String>, Read<Result<Vec<Vec<f64>>, String>>),
}

/// The grading threads.
pub struct Pool {
    sender: Sender<Work>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `n` threads that report to `found`.
    ///
    /// # Errors
    /// What the system said when a thread could not be made.
    pub fn start(
        n: usize,
        programs: &Arc<RunProgram>,
        found: &(impl Fn(Found) + Clone + Send + 'static),
    ) -> std::io::Result<Self> {
        let (sender, inbox) = channel();
        let inbox = Arc::new(Mutex::new(inbox));
        let spawn = |i| {
            let (inbox, programs, found) = (Arc::clone(&inbox), Arc::clone(programs), found.clone());
            thread::Builder::new().name(format!("grade-{i}")).spawn(move || serve(&inbox, &*programs, found))
        };
        let threads = (0..n).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { sender, threads })
    }

    /// Queues work.
    pub fn send(&self, work: Work) {
        let _ = self.sender.send(work);
    }

    /// Waits for all work and ends the threads.
    pub fn join(self) {
        drop(self.sender);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn serve(inbox: &Mutex<Receiver<Work>>, programs: &RunProgram, found: impl Fn(Found)) {
    super::decode::give_way();
    loop {
        let work = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        let sheet = match &work {
            Work::Grade(sheet, ..) | Work::Reply(sheet, ..) | Work::Vectors(sheet, ..) => sheet.clone(),
        };
        // A grader that falls over must not take the run with it, nor count against the model.
        let graded = catch_unwind(AssertUnwindSafe(|| follow(work, programs)));
        found(graded.unwrap_or_else(|_| {
            Found::Verdict(sheet, Verdict::ungradable("the grader failed on this answer; please report it"))
        }));
    }
}

/// Programs run here and now; everything else is for the engine.
fn follow(work: Work, programs: &RunProgram) -> Found {
    let (sheet, mut step) = match work {
        Work::Grade(sheet, grader, case, answer) => (sheet, grader.grade(&case, &answer)),
        Work::Reply(sheet, read, reply) => (sheet, read(reply)),
        Work::Vectors(sheet, read, vectors) => (sheet, read(vectors)),
    };
    loop {
        step = match step {
            Step::Done(verdict) => return Found::Verdict(sheet, verdict),
            Step::Ask { target, question, read } => return Found::Ask(sheet, target, question, read),
            Step::Embed { target, texts, read } => return Found::Embed(sheet, target, texts, read),
            Step::Run { program, read } => read(programs(&program)),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Asker;
    use crate::domain::CellId;
    use crate::domain::Phase;
    use crate::domain::TrialId;

    struct Broken;

    impl Grader for Broken {
        fn grade(&self, case: &Case, _: &Answer) -> Step {
            assert!(case.id.as_str() != "bad", "a grader with a fault");
            Step::Done(Verdict::decide(true, "fine"))
        }
    }

    fn work(case: &str) -> Work {
        let attempt = Attempt {
            trial: TrialId(1),
            number: 1,
            turn: 1,
            is_last: true,
            cell: CellId(0),
            case: 0,
            repeat: 0,
            phase: Phase::Measure,
            asker: Asker::Subject,
        };
        let sheet = Sheet { attempt, grader: "broken".into(), version: "1".into(), asked: 0 };
        let case = Case {
            id: case.into(),
            vars: crate::domain::Vars::default(),
            expect: None,
            tags: Vec::new(),
            cluster: None,
            canary: false,
        };
        Work::Grade(sheet, Arc::new(Broken), Arc::new(case), Arc::new(Answer::default()))
    }

    #[test]
    fn a_grader_that_panics_is_ungradable_and_the_next_one_runs() {
        let (sender, verdicts) = channel();
        let programs: Arc<RunProgram> = Arc::new(|_| Err("none".into()));
        let pool = Pool::start(1, &programs, &move |found| {
            let _ = sender.send(found);
        })
        .unwrap();
        for case in ["bad", "good"] {
            pool.send(work(case));
            let Ok(Found::Verdict(_, verdict)) = verdicts.recv_timeout(Duration::from_secs(10)) else {
                panic!("no verdict on {case}");
            };
            assert_eq!(matches!(verdict, Verdict::Ungradable { .. }), case == "bad");
        }
        pool.join();
    }
}
