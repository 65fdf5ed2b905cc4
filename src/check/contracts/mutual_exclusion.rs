//! Mutual exclusion: nobody holds a lock while somebody else does, and fencing tokens grow (Kleppmann 2016, "How to do
//! distributed locking").
//!
//! A client certainly holds a lock from when it is told so until it asks to give it back. That is less than linearizability
//! asks for: a lock may be refused although it is free.

use std::collections::BTreeMap;

use crate::check::precedence::{objects, precedes};
use crate::check::sentence::clause;
use crate::host::{Request, Value};
use crate::kernel::Time;
use crate::load::{History, Outcome};

/// What was found of the locks of a history. Operations are indices into it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MutualExclusion {
    /// How often a lock was taken.
    pub acquisitions: u64,
    /// Whether two sessions took one lock.
    pub is_shared: bool,
    /// Who took a lock that another one certainly held, and that other one.
    pub together: Vec<(usize, usize)>,
    /// Who was given a token no greater than that of one who had the lock before, or than that of anybody whose token it is
    /// too, and that other one.
    pub tokens: Vec<(usize, usize)>,
}

/// Somebody who took a lock.
struct Hold {
    acquire: usize,
    token: Option<i64>,
    from: Time,
    /// When it was asked to be given back; the end of time if it was not.
    until: Time,
}

/// Looks at every lock. Who does not give a lock back holds it for ever; what was taken with unknown outcome nobody holds
/// for certain.
#[must_use]
pub fn mutual_exclusion(history: &History) -> MutualExclusion {
    let mut found = MutualExclusion::default();
    for operations in objects(history).values() {
        let mut holds = holds(history, operations);
        let session = |hold: &Hold| history.operations[hold.acquire].session;
        found.acquisitions += holds.len() as u64;
        found.is_shared |= holds.windows(2).any(|pair| session(&pair[0]) != session(&pair[1]));
        // Tokens: of all that were told before, the greatest.
        let mut told: Vec<&Hold> = holds.iter().filter(|hold| hold.token.is_some()).collect();
        told.sort_by_key(|hold| (hold.from, hold.acquire));
        let mut greatest: Vec<&Hold> = Vec::with_capacity(told.len());
        for &hold in &told {
            let last = greatest.last().copied().filter(|last| last.token >= hold.token);
            greatest.push(last.unwrap_or(hold));
        }
        let mut owners: BTreeMap<i64, usize> = BTreeMap::new();
        for hold in &holds {
            let Some(token) = hold.token else { continue };
            let invoked = history.operations[hold.acquire].invoked;
            let over = told.partition_point(|other| other.from < invoked);
            let before = over.checked_sub(1).map(|last| greatest[last]).filter(|other| other.token >= Some(token));
            let owner = *owners.entry(token).or_insert(hold.acquire);
            let other = before.map(|other| other.acquire).or((owner != hold.acquire).then_some(owner));
            found.tokens.extend(other.map(|other| (hold.acquire, other)));
        }
        // Holds: of all that began before, the one that lasts longest.
        holds.retain(|hold| hold.from < hold.until);
        holds.sort_by_key(|hold| (hold.from, hold.acquire));
        let mut longest: Option<&Hold> = None;
        for hold in &holds {
            match longest {
                Some(other) if hold.from < other.until => found.together.push((hold.acquire, other.acquire)),
                _ => {}
            }
            longest = longest.filter(|other| other.until >= hold.until).or(Some(hold));
        }
    }
    found.together.sort_unstable();
    found.tokens.sort_unstable();
    found
}

/// Those who took a lock, in the order of invocation.
fn holds(history: &History, operations: &[usize]) -> Vec<Hold> {
    // When a token was first asked to be given back; without tokens, when a session asked for that.
    let (mut of_token, mut of_session) = (BTreeMap::new(), BTreeMap::new());
    for &index in operations {
        let operation = &history.operations[index];
        if let (Request::Release { token, .. }, Outcome::Ok(_) | Outcome::Info(_)) =
            (&operation.request, &operation.outcome)
        {
            of_token.entry(*token).or_insert(operation.invoked);
            let releases: &mut Vec<usize> = of_session.entry(operation.session).or_default();
            releases.push(index);
        }
    }
    let hold = |&index: &usize| {
        let operation = &history.operations[index];
        let (Request::Acquire { .. }, Outcome::Ok(told)) = (&operation.request, &operation.outcome) else {
            return None;
        };
        let (token, until) = match told {
            Value::Int(token) => (Some(*token), of_token.get(token).copied()),
            _ => {
                let mut own = of_session.get(&operation.session).into_iter().flatten();
                let own = own.find(|&&release| precedes(operation, &history.operations[release]));
                (None, own.map(|&release| history.operations[release].invoked))
            }
        };
        Some(Hold { acquire: index, token, from: operation.completed, until: until.unwrap_or(Time::MAX) })
    };
    operations.iter().filter_map(hold).collect()
}

impl MutualExclusion {
    /// What is worst, in a sentence, with its kind and its operations.
    #[must_use]
    pub fn worst(&self, history: &History) -> Option<(&'static str, String, [usize; 2])> {
        let told = |operation: usize| clause(history, operation);
        if let Some(&(late, early)) = self.together.first() {
            let story =
                format!("Two held it at once: {}, and had not asked to give it back: {}.", told(early), told(late));
            return Some(("two holders", story, [early, late]));
        }
        let &(late, early) = self.tokens.first()?;
        let story = format!("The token did not grow: {}; {}.", told(early), told(late));
        Some(("token that does not grow", story, [early, late]))
    }
}
