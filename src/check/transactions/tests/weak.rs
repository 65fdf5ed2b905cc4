//! The two weakest levels, read aloud: every order of every object's versions is tried.

use std::collections::BTreeSet;

use super::oracle::precedes;
use super::*;

/// Who writes an object, in which order, and who has read whose version of it.
struct Choice {
    writers: Vec<usize>,
    /// Pairs of writer and reader.
    read: Vec<(usize, usize)>,
}

/// Whether each object's versions have an order that explains what was read at read committed (Adya 1999, section 3.2.2): all
/// reads are of final versions of transactions that take effect, and neither writes nor information go in a circle. What a
/// transaction sees of its own is its own affair.
pub(super) fn is_read_committed(history: &TransactionHistory, order: Order) -> bool {
    for_some_fates(history, |took_effect| {
        let choices = |key: Key| {
            let orders = permutations(&writers(history, key, took_effect));
            orders.into_iter().flat_map(|order| readings(history, key, order)).collect::<Vec<_>>()
        };
        let per_object: Vec<Vec<Choice>> = keys(history).into_iter().map(choices).collect();
        is_some_acyclic(history, order, took_effect, &per_object, &mut Vec::new())
    })
}

/// Whether the transactions that take effect have one order in which all of them wrote what was read: of each list the longest
/// reading shows it, as far as it names its writers. What was read must have been written, once.
pub(super) fn is_read_uncommitted(history: &TransactionHistory, order: Order) -> bool {
    let transactions = history.transactions();
    let written = |key: Key, wanted: i64| {
        let all = transactions.iter().flat_map(|transaction| &transaction.operations);
        all.filter(|operation| operation.key() == key && operation.written() == Some(wanted)).count()
    };
    let is_sound = |(_, key, elements): &(usize, Key, Vec<i64>)| {
        let distinct: BTreeSet<i64> = elements.iter().copied().collect();
        let once =
            |element: i64| elements.iter().filter(|&&other| other == element).count() <= written(*key, element);
        distinct.into_iter().all(|element| written(*key, element) > 0 && once(element))
    };
    reads(history).iter().all(is_sound)
        && for_some_fates(history, |took_effect| {
            let taking: Vec<usize> = (0..transactions.len()).filter(|&index| took_effect[index]).collect();
            permutations(&taking).iter().any(|serial| {
                let place = |index: usize| serial.iter().position(|&other| other == index);
                let in_time = serial.iter().enumerate().all(|(at, &later)| {
                    serial[at + 1..].iter().all(|&earlier| !precedes(history.transactions(), order, earlier, later))
                });
                let in_order = |key: Key| {
                    let mut seen =
                        longest(history, key).into_iter().filter_map(|element| writer(history, key, element));
                    let certain = |&index: &usize| transactions[index].fate != Fate::Aborted;
                    let mut shown: Vec<usize> = seen.by_ref().filter(certain).collect();
                    shown.dedup();
                    // Who was read took effect, and its writes are together. Who was not read wrote later.
                    let places: Option<Vec<usize>> = shown.iter().map(|&index| place(index)).collect();
                    let last = places.as_ref().and_then(|places| places.last().copied());
                    let unread =
                        writers(history, key, took_effect).into_iter().filter(|index| !shown.contains(index));
                    let mut unread =
                        unread.filter(|&index| writer(history, key, last_write(history, key, index)) == Some(index));
                    places.is_some_and(|places| places.is_sorted_by(|a, b| a < b))
                        && (!is_list(history, key) || unread.all(|index| place(index) > last))
                };
                in_time && keys(history).into_iter().all(in_order)
            })
        })
}

/// Whether some choice of which transactions of unknown fate take effect will do.
fn for_some_fates(history: &TransactionHistory, will_do: impl Fn(&[bool]) -> bool) -> bool {
    let fates: Vec<Fate> = history.transactions().iter().map(|transaction| transaction.fate).collect();
    let unknown: Vec<usize> = (0..fates.len()).filter(|&index| fates[index] == Fate::Unknown).collect();
    (0..1u32 << unknown.len()).any(|chosen| {
        let mut took_effect: Vec<bool> = fates.iter().map(|&fate| fate == Fate::Committed).collect();
        for (bit, &index) in unknown.iter().enumerate() {
            took_effect[index] = chosen >> bit & 1 == 1;
        }
        will_do(&took_effect)
    })
}

/// The ways in which all reads of an object can be explained by this order of its writers; none, if one cannot.
fn readings(history: &TransactionHistory, key: Key, writers: Vec<usize>) -> Vec<Choice> {
    let mut ways = vec![Vec::new()];
    for (reader, _, found) in reads(history).into_iter().filter(|&(_, read, _)| read == key) {
        let sources = if is_list(history, key) {
            list_sources(history, key, &writers, reader, &found)
        } else {
            register_sources(history, key, &writers, reader, found.first().copied())
        };
        ways = ways
            .into_iter()
            .flat_map(|way: Vec<(usize, usize)>| {
                sources
                    .iter()
                    .map(move |source| way.iter().copied().chain(source.map(|writer| (writer, reader))).collect())
            })
            .collect();
    }
    ways.into_iter().map(|read| Choice { writers: writers.clone(), read }).collect()
}

/// From whom a reader can have what it found in a register; `None`: from nobody else.
fn register_sources(
    history: &TransactionHistory,
    key: Key,
    writers: &[usize],
    reader: usize,
    found: Option<i64>,
) -> Vec<Option<usize>> {
    let Some(found) = found else { return vec![None] };
    let own = written(history, key, reader).contains(&found).then_some(None);
    let final_writers =
        writers.iter().filter(|&&writer| writer != reader && last_write(history, key, writer) == found);
    own.into_iter().chain(final_writers.copied().map(Some)).collect()
}

/// The same of a list: the appends of the first writers, all of each; of the reader's own as many as it likes.
fn list_sources(
    history: &TransactionHistory,
    key: Key,
    writers: &[usize],
    reader: usize,
    found: &[i64],
) -> Vec<Option<usize>> {
    let (mut content, mut sources) = (Vec::new(), Vec::new());
    if found.is_empty() {
        sources.push(None);
    }
    for &writer in writers {
        let appended = written(history, key, writer);
        let own = if writer == reader { 1 } else { appended.len() };
        for length in own..=appended.len() {
            if found == [&content[..], &appended[..length]].concat() {
                sources.push((writer != reader).then_some(writer));
            }
        }
        content.extend(appended);
    }
    sources
}

fn is_some_acyclic(
    history: &TransactionHistory,
    order: Order,
    took_effect: &[bool],
    left: &[Vec<Choice>],
    edges: &mut Vec<(usize, usize)>,
) -> bool {
    let Some((choices, left)) = left.split_first() else { return is_acyclic(history, order, took_effect, edges) };
    choices.iter().any(|Choice { writers, read }| {
        let before = edges.len();
        edges.extend(writers.windows(2).map(|pair| (pair[0], pair[1])));
        edges.extend(read);
        let is_found = is_some_acyclic(history, order, took_effect, left, edges);
        edges.truncate(before);
        is_found
    })
}

/// Whether somebody is always left whom nothing precedes.
fn is_acyclic(history: &TransactionHistory, order: Order, took_effect: &[bool], edges: &[(usize, usize)]) -> bool {
    let mut left: Vec<usize> = (0..took_effect.len()).filter(|&index| took_effect[index]).collect();
    while !left.is_empty() {
        let is_first = |&&index: &&usize| {
            !left.iter().any(|&other| {
                edges.contains(&(other, index)) || precedes(history.transactions(), order, other, index)
            })
        };
        let Some(&first) = left.iter().find(is_first) else { return false };
        left.retain(|&index| index != first);
    }
    true
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let led_by = |(place, &first): (usize, &usize)| {
        let rest = [&of[..place], &of[place + 1..]].concat();
        permutations(&rest).into_iter().map(move |rest| [vec![first], rest].concat()).collect::<Vec<_>>()
    };
    of.iter().enumerate().flat_map(led_by).collect()
}

fn keys(history: &TransactionHistory) -> BTreeSet<Key> {
    history.transactions().iter().flat_map(|transaction| &transaction.operations).map(MicroOperation::key).collect()
}

fn is_list(history: &TransactionHistory, key: Key) -> bool {
    let mut all = history.transactions().iter().flat_map(|transaction| &transaction.operations);
    all.any(|operation| operation.key() == key && operation.is_on_list())
}

fn written(history: &TransactionHistory, key: Key, index: usize) -> Vec<i64> {
    let operations = history.transactions()[index].operations.iter();
    operations.filter(|operation| operation.key() == key).filter_map(MicroOperation::written).collect()
}

fn last_write(history: &TransactionHistory, key: Key, index: usize) -> i64 {
    *written(history, key, index).last().expect("a writer")
}

fn writers(history: &TransactionHistory, key: Key, took_effect: &[bool]) -> Vec<usize> {
    (0..took_effect.len()).filter(|&index| took_effect[index] && !written(history, key, index).is_empty()).collect()
}

/// The only transaction that wrote this, if there is only one.
fn writer(history: &TransactionHistory, key: Key, value: i64) -> Option<usize> {
    let times = |index: usize| written(history, key, index).iter().filter(|&&other| other == value).count();
    let all: Vec<usize> = (0..history.transactions().len()).flat_map(|index| vec![index; times(index)]).collect();
    if let [one] = all[..] { Some(one) } else { None }
}

/// What committed transactions have read, of which object.
fn reads(history: &TransactionHistory) -> Vec<(usize, Key, Vec<i64>)> {
    let found = |operation: &MicroOperation| match operation {
        MicroOperation::ReadList { key, found } => Some((*key, found.clone())),
        MicroOperation::ReadRegister { key, found } => Some((*key, found.iter().copied().collect())),
        _ => None,
    };
    let of_each = |(index, transaction): (usize, &Transaction)| {
        let found = transaction.operations.iter().filter_map(found);
        found.map(|(key, found)| (index, key, found)).collect::<Vec<_>>()
    };
    let transactions = history.transactions().iter().enumerate();
    transactions.filter(|(_, transaction)| transaction.fate == Fate::Committed).flat_map(of_each).collect()
}

/// The first of the longest readings of an object.
fn longest(history: &TransactionHistory, key: Key) -> Vec<i64> {
    let of_key = reads(history)
        .into_iter()
        .filter(|&(_, read, _)| read == key && is_list(history, key))
        .map(|(.., found)| found);
    of_key.fold(Vec::new(), |longest, found| if found.len() > longest.len() { found } else { longest })
}
