//! What a replica's log records.

use crate::host::{CausalContext, Key, NodeId};
use crate::store::log::{Fields, Record, put_number, put_value};

use super::version::{Clock, Dot, Past, Version, Versions};

/// One change of what a replica holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// These versions are held as well, or instead of what they supersede.
    Merge { key: Key, versions: Versions },
    /// The tombstones of this object are forgotten.
    Bury { key: Key },
    /// These versions are kept for this node.
    Keep { key: Key, owner: NodeId, versions: Versions },
    /// This node has taken these versions.
    Release { key: Key, owner: NodeId, versions: Versions },
}

const MERGE: u64 = 0;
const BURY: u64 = 1;
const KEEP: u64 = 2;
const RELEASE: u64 = 3;

impl Record for Change {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let (kind, key, owner, versions) = match self {
            Self::Merge { key, versions } => (MERGE, key, None, Some(versions)),
            Self::Bury { key } => (BURY, key, None, None),
            Self::Keep { key, owner, versions } => (KEEP, key, Some(owner), Some(versions)),
            Self::Release { key, owner, versions } => (RELEASE, key, Some(owner), Some(versions)),
        };
        let owner = owner.map(|owner| u64::from(owner.0));
        [kind, key.0].into_iter().chain(owner).for_each(|number| put_number(number, bytes));
        if let Some(versions) = versions {
            put_versions(versions, bytes);
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.number()?;
        let key = Key(fields.number()?);
        match kind {
            MERGE => Some(Self::Merge { key, versions: versions(fields)? }),
            BURY => Some(Self::Bury { key }),
            KEEP => Some(Self::Keep { key, owner: node(fields)?, versions: versions(fields)? }),
            RELEASE => Some(Self::Release { key, owner: node(fields)?, versions: versions(fields)? }),
            _ => None,
        }
    }
}

fn node(fields: &mut Fields<'_>) -> Option<NodeId> {
    u32::try_from(fields.number()?).ok().map(NodeId)
}

const WALL: u64 = 0;
const PAST: u64 = 1;
/// For an instant that never comes: no clock shows it.
const NEVER: u64 = u64::MAX;

fn put_versions(versions: &Versions, bytes: &mut Vec<u8>) {
    put_number(versions.iter().len() as u64, bytes);
    for Version { dot, clock, value, forgotten_at } in versions.iter() {
        put_number(dot.actor, bytes);
        put_number(dot.counter, bytes);
        match clock {
            Clock::Wall(wall) => {
                put_number(WALL, bytes);
                put_number(*wall, bytes);
            }
            Clock::Past(past) => {
                let CausalContext(pairs) = past.to_context();
                put_number(PAST, bytes);
                put_number(pairs.len() as u64, bytes);
                pairs.iter().for_each(|&(actor, counter)| {
                    put_number(actor, bytes);
                    put_number(counter, bytes);
                });
            }
        }
        put_value(value, bytes);
        put_number(forgotten_at.map_or(NEVER, |at| at.min(NEVER - 1)), bytes);
    }
}

fn versions(fields: &mut Fields<'_>) -> Option<Versions> {
    let count = fields.number()?;
    (0..count).map(|_| version(fields)).collect()
}

fn version(fields: &mut Fields<'_>) -> Option<Version> {
    let dot = Dot { actor: fields.number()?, counter: fields.number()? };
    let clock = match fields.number()? {
        WALL => Clock::Wall(fields.number()?),
        PAST => {
            let count = fields.number()?;
            let pairs = (0..count).map(|_| Some((fields.number()?, fields.number()?)));
            Clock::Past(Past::from_context(&CausalContext(pairs.collect::<Option<_>>()?)))
        }
        _ => return None,
    };
    let value = fields.value()?;
    let forgotten_at = Some(fields.number()?).filter(|&at| at != NEVER);
    Some(Version { dot, clock, value, forgotten_at })
}
