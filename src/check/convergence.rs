//! Convergence: when all is over, do the replicas hold the same?

use std::collections::{BTreeMap, BTreeSet};

use super::growing::elements;
use crate::host::{Key, Value};

/// What one live replica holds at the end, as it says itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replica {
    /// Its name.
    pub node: String,
    /// The objects that it knows, each with the version by which its store orders values. An object that is
    /// missing was never written there: it holds nil at version 0.
    pub entries: Vec<(Key, u64, Value)>,
    /// The objects that others are to hold and this one is not.
    pub elsewhere: BTreeSet<Key>,
}

/// An object of which the replicas hold different values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Divergence {
    /// The object.
    pub key: Key,
    /// Who holds what: node, version, value; in the order of the replicas.
    pub held: Vec<(String, u64, Value)>,
}

/// What each replica holds of each object that any of them knows.
pub(super) fn held(replicas: &[Replica]) -> BTreeMap<Key, Vec<(u64, Value)>> {
    let nothing = || vec![(0, Value::Nil); replicas.len()];
    let mut held: BTreeMap<Key, Vec<(u64, Value)>> = BTreeMap::new();
    for (index, replica) in replicas.iter().enumerate() {
        for (key, version, value) in &replica.entries {
            held.entry(*key).or_insert_with(nothing)[index] = (*version, value.clone());
        }
    }
    held
}

/// The objects of which the replicas of one service hold different values, those apart that are not to hold it. Versions are
/// shown, not compared: a store may number the same value differently in two places. An empty log or set is nil.
#[must_use]
pub fn diverged(replicas: &[Replica]) -> Vec<Divergence> {
    let is_same = |a: &Value, b: &Value| a == b || (elements(a) == Some(&[]) && elements(b) == Some(&[]));
    let differ = |held: &[(String, u64, Value)]| held.windows(2).any(|pair| !is_same(&pair[0].2, &pair[1].2));
    let divergence = |(key, held): (Key, Vec<(u64, Value)>)| {
        let holders = replicas.iter().zip(held).filter(|(replica, _)| !replica.elsewhere.contains(&key));
        let held: Vec<_> =
            holders.map(|(replica, (version, value))| (replica.node.clone(), version, value)).collect();
        differ(&held).then_some(Divergence { key, held })
    };
    held(replicas).into_iter().filter_map(divergence).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::value;
    use super::*;

    #[test]
    fn replicas_differ_where_their_values_do() {
        let replica = |node: &str, entries: &[(u64, u64, i64)]| Replica {
            node: node.into(),
            entries: entries.iter().map(|&(key, version, value)| (Key(key), version, Value::Int(value))).collect(),
            elsewhere: BTreeSet::new(),
        };
        let check = |replicas: &[Replica], expected: &[u64]| {
            let keys: Vec<u64> = diverged(replicas).iter().map(|divergence| divergence.key.0).collect();
            assert_eq!(keys, expected);
        };
        let (a, b, c) = (
            replica("a", &[(1, 1, 5), (2, 1, 6)]),
            replica("b", &[(2, 7, 6), (1, 1, 5)]),
            replica("c", &[(1, 1, 4)]),
        );
        check(&[], &[]);
        check(std::slice::from_ref(&a), &[]);
        check(&[a.clone(), b.clone()], &[]);
        check(&[a, b, c.clone()], &[1, 2]);
        let holding =
            |value: Value| Replica { node: "e".into(), entries: vec![(Key(1), 1, value)], ..Replica::default() };
        let list = |elements: &[i64]| holding(Value::List(elements.to_vec()));
        check(&[list(&[1, 2]), list(&[1, 2])], &[]);
        check(&[list(&[1, 2]), list(&[1])], &[1]);
        check(&[list(&[]), replica("d", &[])], &[]);
        check(&[holding(Value::Siblings(vec![value(1), value(2)])), replica("d", &[(1, 1, 1)])], &[1]);
        let elsewhere = |keys: &[u64]| keys.iter().copied().map(Key).collect();
        check(&[c.clone(), Replica { elsewhere: elsewhere(&[1]), ..replica("d", &[]) }], &[]);
        check(&[c.clone(), Replica { elsewhere: elsewhere(&[2]), ..replica("d", &[]) }], &[1]);
        let divergence = diverged(&[replica("d", &[]), c]).remove(0);
        let expected = vec![("d".into(), 0, Value::Nil), ("c".into(), 1, Value::Int(4))];
        assert_eq!(divergence.held, expected);
    }
}
