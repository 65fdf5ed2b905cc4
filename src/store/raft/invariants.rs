//! The five properties of Raft (figure 3.2), looked at after every event.
//!
//! Two logs are compared by fingerprints: that of an index covers all entries up to there. A look costs a few comparisons
//! unless the log, the commitment or the leadership of the replica has changed, and then as much as has changed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{Breach, NodeId, Watch};
use crate::kernel::stable_hash;

use super::{RaftNode, Role};

/// What was seen of all replicas so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Invariants {
    /// By the replica's number.
    seen: Vec<Seen>,
    /// Which replica has led which term.
    leaders: BTreeMap<u64, u32>,
    /// The fingerprint of every log that has had an entry of this index and term.
    prefixes: BTreeMap<(u64, u64), u64>,
    /// What is committed, from index 1 on.
    committed: Vec<Committed>,
    /// What was reported of whom.
    reported: BTreeSet<(&'static str, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Committed {
    /// Of the log up to there.
    fingerprint: u64,
    /// The term of the first replica that knew it to be committed.
    in_term: u64,
}

/// What was last seen of a replica.
#[derive(Clone, Debug, Default)]
struct Seen {
    incarnation: u64,
    truncations: u64,
    commit: u64,
    /// The term that it leads.
    leads: Option<u64>,
    /// The index before the first fingerprint, and the fingerprints of its log.
    base: u64,
    fingerprints: Vec<u64>,
}

impl Seen {
    fn end(&self) -> u64 {
        self.base + self.fingerprints.len() as u64
    }

    /// Whether its log is known to go on from another's.
    fn has(&self, index: u64, fingerprint: u64) -> bool {
        // What a snapshot stands for was compared when it was committed.
        index <= self.base || self.fingerprints.get((index - self.base - 1) as usize) == Some(&fingerprint)
    }

    fn fingerprint(&self, index: u64) -> Option<u64> {
        self.fingerprints.get(usize::try_from(index.checked_sub(self.base + 1)?).ok()?).copied()
    }
}

impl Watch<RaftNode> for Invariants {
    fn look(&mut self, _: NodeId, replica: &RaftNode) -> Vec<Breach> {
        let place = replica.birth.replica as usize;
        if self.seen.len() <= place {
            self.seen.resize_with(place + 1, Seen::default);
        }
        if self.is_unchanged(replica) {
            return Vec::new();
        }
        let mut found = Vec::new();
        found.extend(self.look_at_log(replica));
        found.extend(self.look_at_leadership(replica));
        found.extend(self.look_at_commitment(replica));
        found.retain(|breach| self.reported.insert((breach.invariant, replica.birth.replica)));
        found
    }

    fn boxed_clone(&self) -> Box<dyn Watch<RaftNode>> {
        Box::new(self.clone())
    }
}

/// The term that a replica leads, if it leads one.
fn leads(replica: &RaftNode) -> Option<u64> {
    matches!(replica.role, Role::Leader(_)).then_some(replica.term)
}

impl Invariants {
    fn is_unchanged(&self, replica: &RaftNode) -> bool {
        let seen = &self.seen[replica.birth.replica as usize];
        let (truncations, _) = replica.log.truncations();
        matches!(replica.role, Role::Recovering)
            || seen.incarnation == replica.birth.incarnation
                && seen.truncations == truncations
                && seen.end() == replica.log.last_index()
                && seen.commit == replica.commit
                && seen.leads == leads(replica)
    }

    /// Leader append-only: a leader never removes or replaces an entry of its log. Log matching: two logs with an entry of the
    /// same index and term are the same up to there.
    fn look_at_log(&mut self, replica: &RaftNode) -> Vec<Breach> {
        let mut found = Vec::new();
        let number = replica.birth.replica;
        let seen = &mut self.seen[number as usize];
        let (truncations, truncated_at) = replica.log.truncations();
        if seen.incarnation != replica.birth.incarnation {
            *seen = Seen { incarnation: replica.birth.incarnation, truncations, ..Seen::default() };
        } else if seen.truncations != truncations {
            if seen.leads.is_some() && seen.leads == leads(replica) {
                let explanation = format!(
                    "replica {number} leads term {} and has removed entries of its log from {truncated_at} on",
                    replica.term
                );
                found.push(Breach { invariant: "leader_append_only", explanation });
            }
            let is_one = seen.truncations + 1 == truncations;
            let left = if is_one { truncated_at.saturating_sub(seen.base + 1) } else { 0 };
            seen.fingerprints.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            seen.truncations = truncations;
        }
        let before = replica.log.before();
        if seen.end() < before.index {
            seen.base = before.index;
            seen.fingerprints.clear();
        }
        let known = seen.fingerprints.last().copied();
        let standing = || self.committed.get((before.index as usize).wrapping_sub(1)).map(|entry| entry.fingerprint);
        let mut fingerprint = known.or_else(standing).unwrap_or(0);
        for (index, entry) in replica.log.from(seen.end() + 1) {
            fingerprint = stable_hash(&(fingerprint, entry));
            seen.fingerprints.push(fingerprint);
            if *self.prefixes.entry((index, entry.term)).or_insert(fingerprint) != fingerprint {
                let explanation = format!(
                    "replica {number} and another both have an entry {index} of term {}, and their logs differ before it",
                    entry.term
                );
                found.push(Breach { invariant: "log_matching", explanation });
                break;
            }
        }
        found
    }

    /// Election safety: at most one replica leads a term. Leader completeness: whoever leads a term has every entry that was
    /// committed in an earlier one.
    fn look_at_leadership(&mut self, replica: &RaftNode) -> Vec<Breach> {
        let mut found = Vec::new();
        let number = replica.birth.replica;
        let leads = leads(replica);
        let seen = &mut self.seen[number as usize];
        if std::mem::replace(&mut seen.leads, leads) == leads {
            return found;
        }
        let Some(term) = leads else { return found };
        let other = *self.leaders.entry(term).or_insert(number);
        if other != number {
            let explanation = format!("replicas {other} and {number} both lead term {term}");
            found.push(Breach { invariant: "election_safety", explanation });
        }
        let earlier = self.committed.iter().rposition(|entry| entry.in_term < term);
        if let Some(place) = earlier {
            let index = place as u64 + 1;
            if !self.seen[number as usize].has(index, self.committed[place].fingerprint) {
                found.push(incomplete(number, term, index, self.committed[place].in_term));
            }
        }
        found
    }

    /// State machine safety: no two replicas apply different entries at one index. Leader completeness, where a term is
    /// committed in late.
    fn look_at_commitment(&mut self, replica: &RaftNode) -> Vec<Breach> {
        let mut found = Vec::new();
        let number = replica.birth.replica;
        let known = self.seen[number as usize].commit;
        self.seen[number as usize].commit = replica.commit;
        for index in known + 1..=replica.commit {
            let Some(fingerprint) = self.seen[number as usize].fingerprint(index) else { continue };
            match self.committed.get(index as usize - 1) {
                Some(entry) if entry.fingerprint == fingerprint => {}
                Some(_) => {
                    let explanation =
                        format!("replica {number} applies another entry {index} than was applied before elsewhere");
                    found.push(Breach { invariant: "state_machine_safety", explanation });
                    break;
                }
                None if index as usize == self.committed.len() + 1 => {
                    self.committed.push(Committed { fingerprint, in_term: replica.term });
                    found.extend(self.lacking(index, fingerprint, replica.term));
                }
                None => break,
            }
        }
        found
    }

    /// A leader of a later term that lacks an entry that is committed now.
    fn lacking(&self, index: u64, fingerprint: u64, in_term: u64) -> Option<Breach> {
        let leads = |(number, seen): (u32, &Seen)| Some((number, seen.leads.filter(|&term| term > in_term)?));
        let mut later = (0..).zip(&self.seen).filter_map(leads);
        let lacks = |&(number, _): &(u32, u64)| !self.seen[number as usize].has(index, fingerprint);
        later.find(lacks).map(|(number, term)| incomplete(number, term, index, in_term))
    }
}

fn incomplete(number: u32, term: u64, index: u64, in_term: u64) -> Breach {
    let explanation =
        format!("replica {number} leads term {term} and lacks entry {index}, which was committed in term {in_term}");
    Breach { invariant: "leader_completeness", explanation }
}
