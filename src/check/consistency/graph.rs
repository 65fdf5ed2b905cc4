//! Graphs of "must come before", and their cycles.

use std::collections::{BTreeMap, VecDeque};

/// A graph over numbered nodes.
pub(super) struct Graph {
    next: Vec<Vec<usize>>,
}

impl Graph {
    pub(super) fn new(nodes: usize) -> Self {
        Self { next: vec![Vec::new(); nodes] }
    }

    pub(super) fn add(&mut self, from: usize, to: usize) {
        self.next[from].push(to);
    }

    /// The nodes in an order that every edge agrees with (Kahn 1962), as far as there is one: the nodes on cycles, and
    /// those behind them, are missing.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut before = vec![0usize; self.next.len()];
        self.next.iter().flatten().for_each(|&to| before[to] += 1);
        let mut order: Vec<usize> = (0..before.len()).filter(|&node| before[node] == 0).collect();
        let mut at = 0;
        while at < order.len() {
            for &to in &self.next[order[at]] {
                before[to] -= 1;
                if before[to] == 0 {
                    order.push(to);
                }
            }
            at += 1;
        }
        order
    }

    /// A shortest way between two nodes, both included.
    pub(super) fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut came: BTreeMap<usize, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            if node == to {
                let mut way = vec![to];
                while let Some(&before) = way.last().filter(|&&node| node != from).and_then(|node| came.get(node)) {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            for &next in &self.next[node] {
                if next != from && !came.contains_key(&next) {
                    came.insert(next, node);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// The shortest of the cycles through one of these edges, without its first node a second time. At most `tries`
    /// edges are looked at.
    pub(super) fn cycle(&self, edges: impl Iterator<Item = (usize, usize)>, tries: usize) -> Option<Vec<usize>> {
        let cycles = edges.filter_map(|(from, to)| self.way(to, from));
        cycles.take(tries).min_by_key(Vec::len)
    }
}
