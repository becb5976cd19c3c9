//! Runs through bad networks: whatever the bytes meet on their way, the account stays right.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use llmark::domain::Event;
use llmark::domain::Observation;
use llmark::domain::Outcome;
use llmark::domain::Usd;
use llmark::store::Record;

use super::support::proxy::End;
use super::support::proxy::Proxy;
use super::support::proxy::Trouble;
use super::world::World;
use super::world::rounds;
use super::world::told;

/// A way through the network, and what a trial that takes it must end with; empty where the dice decide.
struct Way {
    name: &'static str,
    trouble: Trouble,
    outcomes: &'static [Outcome],
}

const WHOLE: &[Outcome] = &[Outcome::Ok];
const CUT: &[Outcome] = &[Outcome::Reset, Outcome::Truncated];
const UNHEARD: &[Outcome] = &[Outcome::Reset, Outcome::Truncated, Outcome::ConnectError, Outcome::ProtocolError];

fn ways() -> Vec<Way> {
    let ms = Duration::from_millis;
    let clear = Trouble { seed: 11, ..Trouble::default() };
    let ending = |after, end| Trouble { end: Some((after, end)), ..clear.clone() };
    let way = |name, trouble, outcomes| Way { name, trouble, outcomes };
    vec![
        way("clear", clear.clone(), WHOLE),
        way("sliced", Trouble { slice: 23, ..clear.clone() }, WHOLE),
        way("late", Trouble { latency: ms(2), jitter: ms(3), ..clear.clone() }, WHOLE),
        way("paused", Trouble { stall: Some((400, ms(50))), ..clear.clone() }, WHOLE),
        way("stalled", Trouble { stall: Some((1200, ms(3000))), ..clear.clone() }, &[Outcome::Timeout]),
        way("reset", ending(600, End::Reset), CUT),
        way("half-closed", ending(600, End::HalfClose), CUT),
        way("cut", Trouble { slice: 40, ..ending(600, End::Truncate) }, CUT),
        way("unheard", ending(1, End::Reset), UNHEARD),
    ]
}

/// A suite with a target behind every way, all asked at once.
fn suite(ways: &[(Way, Proxy)], cases: u64) -> String {
    let target = |(way, proxy): &(Way, Proxy)| {
        let (name, addr) = (way.name, proxy.addr());
        format!(
            "  - {{id: {name}, protocol: openai-chat, base_url: 'http://{addr}/v1', model: m, key_env: WORLD_KEY, price: {{input: 1, output: 2}}}}\n"
        )
    };
    let targets = ways.iter().map(target).collect::<Vec<_>>().concat();
    let cases = (0..cases).map(|n| format!("  - {{id: c{n}, vars: {{word: w{n}}}, expect: w{n}}}\n"));
    format!(
        "name: chaos\nseed: 7\ntargets:\n{targets}params: {{max_tokens: 16}}\n\
         prompts:\n  - {{id: p, user: \"[[sim:tokens=12]] Repeat this word: {{{{ word }}}}\"}}\n\
         cases:\n{}graders:\n  - word_count: {{min: 1, max: 1000}}\nloads:\n  - {{concurrency: 4}}\n\
         timeout: {{idle: 1s, first_token: 5s, total: 20s}}\nretry: {{max_attempts: 2}}\n",
        cases.collect::<Vec<_>>().concat()
    )
}

/// What the run folder says.
#[derive(Default)]
struct Account {
    finals: BTreeMap<u64, (u32, Outcome)>,
    graded: Vec<u64>,
    attempts: u64,
    costs: Vec<(String, Usd)>,
    descriptors: Vec<u32>,
}

impl Account {
    fn of(world: &World) -> Self {
        let mut account = Self::default();
        for stored in world.recorded().read().unwrap() {
            match stored.unwrap().record {
                Record::Event(Event::Observed(seen)) => account.take(&seen),
                Record::Event(Event::Graded { trial, .. }) => account.graded.push(trial.0),
                Record::Event(Event::Health(health)) => account.descriptors.push(health.fds),
                _ => {}
            }
        }
        account
    }

    fn take(&mut self, seen: &Observation) {
        assert!(seen.ended >= seen.sent && seen.sent >= seen.due, "time runs forward: {seen:?}");
        assert!(seen.events.windows(2).all(|pair| pair[0].at <= pair[1].at), "stamps ascend: {seen:?}");
        self.attempts += 1;
        if seen.attempt.is_last {
            let before = self.finals.insert(seen.attempt.trial.0, (seen.attempt.cell.0, seen.outcome));
            assert_eq!(before, None, "a trial ends once");
        }
        if seen.outcome == Outcome::Ok {
            let id = seen.request_id.clone().expect("the simulator names its replies");
            self.costs.push((id, seen.cost.usd.expect("the target has a price")));
        }
    }

    /// Trials of a cell by outcome.
    fn outcomes(&self, cell: u32) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for (_, outcome) in self.finals.values().filter(|(of, _)| *of == cell) {
            *counts.entry(outcome.name()).or_default() += 1;
        }
        counts
    }
}

#[test]
fn whatever_the_network_does_the_account_is_right() {
    let cases = rounds(12);
    let world = World::new(1);
    let through = |way: Way| {
        let proxy = Proxy::start(world.server().addr(), way.trouble.clone());
        (way, proxy)
    };
    let ways: Vec<_> = ways().into_iter().map(through).collect();
    fs::write(world.suite(), suite(&ways, cases)).unwrap();
    let output = world.run(&["run", "suite.yaml", "--out", "out", "--quiet"]);
    let text = told(&output);
    assert!(!text.contains("panicked"), "{text}");
    assert!(matches!(output.status.code(), Some(0 | 3 | 4 | 6)), "{:?}: {text}", output.status);
    let account = Account::of(&world);
    assert_eq!(account.finals.len() as u64, cases * ways.len() as u64, "every trial ended");
    for (cell, (way, _)) in ways.iter().enumerate() {
        let seen = account.outcomes(cell as u32);
        assert_eq!(seen.values().sum::<u64>(), cases, "{}: {seen:?}", way.name);
        let allowed: Vec<&str> = way.outcomes.iter().map(|outcome| outcome.name()).collect();
        assert!(seen.keys().all(|name| allowed.contains(name)), "{}: {seen:?}, not of {allowed:?}", way.name);
    }
    check_grades(&account);
    check_money(&world, &account);
    check_descriptors(&account);
}

/// What the network broke is no wrong answer.
fn check_grades(account: &Account) {
    for trial in &account.graded {
        assert_eq!(account.finals[trial].1, Outcome::Ok, "trial {trial} was graded");
    }
}

/// Each whole answer costs what the server charged for it, and the server knows of no request that is not on record.
fn check_money(world: &World, account: &Account) {
    let charged: BTreeMap<String, Usd> =
        world.server().ledger().entries().into_iter().map(|entry| (entry.id, entry.cost)).collect();
    for (id, cost) in &account.costs {
        assert_eq!(charged.get(id), Some(cost), "{id}");
    }
    assert!(world.server().ledger().totals().accepted <= account.attempts);
}

/// Hundreds of broken connections leave none behind.
fn check_descriptors(account: &Account) {
    let most = account.descriptors.iter().max().expect("every cell has its record");
    assert!(*most < 100, "{:?}", account.descriptors);
}
