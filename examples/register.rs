//! A replicated register of one's own, with the whole command line: `docs/your-own-protocol.md` explains it line by line.
//!
//! Replica 0 is the primary: it orders the writes, and acknowledges one when a majority holds it in memory.
//! `cargo run --example register -- run examples/register.json` holds: a backup that forgets does no harm.
//! `cargo run --example register -- run examples/primary-forgets.json` is refuted: a primary that forgets does.

use std::collections::BTreeMap;

use partita::prelude::*;
use partita::scenario::input::{list, one_of};

/// What the primary and its backups say to each other.
#[derive(Clone, Debug, Hash)]
enum Word {
    /// "Hold this, unless you hold a later write of this key."
    Store { write: u64, key: Key, value: Value },
    /// "I hold this write or a later one."
    Stored { write: u64 },
}

impl Message for Word {
    fn kind(&self) -> &'static str {
        if matches!(self, Self::Store { .. }) { "store" } else { "stored" }
    }
}

/// The primary or a backup.
#[derive(Clone, Default)]
struct Replica {
    /// Whether a write that arrives late is held back by the later one that is here.
    keeps_order: bool,
    /// The last write of every key: its number, and what it wrote.
    held: BTreeMap<Key, (u64, Value)>,
    /// The primary's writes that are not acknowledged: who waits for each, and who has stored it.
    pending: BTreeMap<u64, (RequestId, NodeSet)>,
    last_write: u64,
}

impl Node for Replica {
    type Message = Word;
    type Timer = ();

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        let primary = cx.replicas().next();
        match request {
            _ if primary != Some(cx.me()) => cx.reply(id, Reply::NotDone(NotDone::Redirect(primary))),
            Request::Read { key } => {
                let (_, value) = self.held.get(key).cloned().unwrap_or_default();
                cx.reply(id, Reply::Ok(value));
            }
            Request::Write { key, value } => {
                self.last_write += 1;
                self.pending.insert(self.last_write, (id, NodeSet::default()));
                for replica in cx.replicas() {
                    cx.send(replica, Word::Store { write: self.last_write, key: *key, value: value.clone() });
                }
            }
            _ => cx.reply(id, Reply::NotDone(NotDone::Unsupported)),
        }
    }

    fn receive(&mut self, from: NodeId, word: &Word, cx: &mut Context<'_, Self>) {
        match word {
            Word::Store { write, key, value } => {
                let held = self.held.entry(*key).or_default();
                if *write > held.0 || !self.keeps_order {
                    *held = (*write, value.clone());
                }
                cx.send(from, Word::Stored { write: *write });
            }
            Word::Stored { write } => {
                let Some((id, stored)) = self.pending.get_mut(write) else { return };
                stored.insert(from);
                if stored.len() >= cx.majority() {
                    cx.reply(*id, Reply::Ok(Value::Nil));
                    self.pending.remove(write);
                }
            }
        }
    }

    fn observe(&self, view: &mut View) {
        for (key, (write, value)) in &self.held {
            view.entry(*key, *write, value.clone());
        }
    }
}

/// The kind of service, with its settings.
struct MyRegister {
    keeps_order: bool,
}

impl Protocol for MyRegister {
    type Node = Replica;

    fn node(&self, _: Birth) -> Replica {
        Replica { keeps_order: self.keeps_order, ..Replica::default() }
    }
}

/// The built-in kinds, and this one.
pub fn registry() -> Registry {
    let doc = "Registers at a primary with backups, in memory.";
    Registry::standard().with("my_register", doc, 3..=9, |fields| {
        let safeguards = list(one_of([("order", ())]));
        let without = fields.optional("without", "Safeguards that are left out.", safeguards, Vec::<&str>::new());
        Some(MyRegister { keeps_order: without?.is_empty() })
    })
}

fn main() -> std::process::ExitCode {
    partita::cli::main(registry())
}
