//! Transactions of clients: those that are drawn, and what those of a script consist of.

use crate::check::BILLION;
use crate::host::{Key, Request};
use crate::load::{Objects, Transactions};

use super::super::input::{Fields, Kind, count, kind, object, one_of, ratio};
use super::{element, value};

/// What transactions consist of that are drawn.
pub(super) fn transactions(fields: &mut Fields<'_>) -> Option<Transactions> {
    let default = Transactions::default();
    let least = fields.optional(
        "at_least",
        "How many operations a transaction has at least.",
        count(1..=Transactions::MOST),
        default.least,
    );
    let most = fields.optional(
        "at_most",
        "How many it has at most; all numbers between are equally likely.",
        count(1..=Transactions::MOST),
        default.most,
    );
    let reads = fields.optional("reads", "How many of them read.", ratio(), 0.5);
    let updates = fields.optional(
        "updates",
        "How many of them read an object and then write it; those that do neither only write.",
        ratio(),
        0,
    );
    let objects = fields.optional(
        "objects",
        "What they read and write: lists, to which writes append, or registers, which writes set.",
        one_of([("lists", Objects::Lists), ("registers", Objects::Registers)]),
        "lists",
    );
    let (least, most, reads, updates) = (least?, most?, reads?, updates?);
    if least > most {
        fields.refuse("at_most", format!("a transaction has at most {most} operations, and at least {least}"));
        return None;
    }
    if reads + updates > BILLION {
        fields.refuse("updates", "\"reads\" and \"updates\" are together more than all operations");
        return None;
    }
    Some(Transactions { least, most, reads_ppb: reads, updates_ppb: updates, objects: objects? })
}

/// The operations of a transaction in a script.
pub(super) fn parts() -> Vec<Kind<Request>> {
    let key = |fields: &mut Fields<'_>| Some(Key(fields.required("key", "The object.", count(0..=u64::MAX >> 1))?));
    vec![
        kind("read", "Read an object.", object(move |fields| Some(Request::Read { key: key(fields)? }))),
        kind(
            "write",
            "Write a register.",
            object(move |fields| {
                let key = key(fields);
                let value = fields.required("value", "What is written.", value());
                Some(Request::Write { key: key?, value: value? })
            }),
        ),
        kind(
            "append",
            "Put an element at the end of a list.",
            object(move |fields| {
                let (key, element) = (key(fields), element(fields));
                Some(Request::Append { key: key?, element: element? })
            }),
        ),
    ]
}
