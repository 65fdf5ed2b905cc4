//! What a replica's log records.

use crate::host::{CausalContext, Key};
use crate::store::log::{Fields, Record, put_number, put_value};

use super::version::{Clock, Dot, Past, Version, Versions};

/// One change of what a replica holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// These versions are held as well, or instead of what they supersede.
    Merge { key: Key, versions: Versions },
    /// The tombstones of this object are forgotten.
    Bury { key: Key },
}

const MERGE: u64 = 0;
const BURY: u64 = 1;

impl Record for Change {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Merge { key, versions } => {
                put_number(MERGE, bytes);
                put_number(key.0, bytes);
                put_versions(versions, bytes);
            }
            Self::Bury { key } => {
                put_number(BURY, bytes);
                put_number(key.0, bytes);
            }
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.number()?;
        let key = Key(fields.number()?);
        match kind {
            MERGE => Some(Self::Merge { key, versions: versions(fields)? }),
            BURY => Some(Self::Bury { key }),
            _ => None,
        }
    }
}

const WALL: u64 = 0;
const PAST: u64 = 1;

fn put_versions(versions: &Versions, bytes: &mut Vec<u8>) {
    put_number(versions.iter().len() as u64, bytes);
    for Version { dot, clock, value } in versions.iter() {
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
    Some(Version { dot, clock, value: fields.value()? })
}
