//! Transactions as clients saw them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Outcome};

/// One read or write within a transaction (Elle's micro-operation). An object is either a list, which is read and
/// appended to, or a register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MicroOperation {
    /// Puts an element at the end of a list.
    Append {
        /// The list.
        key: Key,
        /// The element; unique per list, or nothing can be inferred from it.
        element: i64,
    },
    /// Reads a list. A list that was never written is empty.
    ReadList {
        /// The list.
        key: Key,
        /// What it held.
        found: Vec<i64>,
    },
    /// Sets a register.
    Write {
        /// The register.
        key: Key,
        /// Its new value; unique per register, or nothing can be inferred from it.
        value: i64,
    },
    /// Reads a register. A register that was never written is nil (`None`).
    ReadRegister {
        /// The register.
        key: Key,
        /// What it held.
        found: Option<i64>,
    },
}

impl MicroOperation {
    /// The object that it concerns.
    #[must_use]
    pub const fn key(&self) -> Key {
        match self {
            Self::Append { key, .. }
            | Self::ReadList { key, .. }
            | Self::Write { key, .. }
            | Self::ReadRegister { key, .. } => *key,
        }
    }

    /// What it puts into its object, if it changes it.
    #[must_use]
    pub const fn written(&self) -> Option<i64> {
        match self {
            Self::Append { element, .. } => Some(*element),
            Self::Write { value, .. } => Some(*value),
            _ => None,
        }
    }

    pub(super) const fn is_on_list(&self) -> bool {
        matches!(self, Self::Append { .. } | Self::ReadList { .. })
    }
}

/// How a transaction ended (Jepsen's ok, fail, info).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It took effect.
    Committed,
    /// It certainly had no effect.
    Aborted,
    /// It may have taken effect, or may at any later time, or never.
    Unknown,
}

/// One transaction of one session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// What explanations call it.
    pub name: String,
    /// The session (Jepsen: process) that ran it.
    pub session: u64,
    /// When it was first sent.
    pub invoked: Time,
    /// When its answer was received. For [`Fate::Unknown`] its effect is not bounded by it.
    pub completed: Time,
    /// How it ended.
    pub fate: Fate,
    /// What it did, in this order. What a read found is known of committed transactions only.
    pub operations: Vec<MicroOperation>,
}

/// All transactions in the order of invocation, each object of one type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransactionHistory {
    transactions: Vec<Transaction>,
}

/// Why transactions are no [`TransactionHistory`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionError {
    /// An object is used as a list and as a register.
    MixedTypes(Key),
    /// An operation that is no read, write or append: its id, and what it asks.
    Unsupported(String, Request),
    /// A transaction whose answer has another number of values than it has reads: its id, its reads, the values.
    Answers(String, usize, usize),
    /// An operation (its id) that reads or writes a value that its object cannot hold.
    WrongValue(String, Key, Value),
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MixedTypes(key) => {
                write!(f, "{key} is used as a list and as a register; give each type of object keys of its own")
            }
            Self::Unsupported(id, request) => write!(
                f,
                "{id} ({request}) is no transaction; transactions consist of reads, writes of registers and appends to lists"
            ),
            Self::Answers(id, reads, values) => {
                write!(f, "{id} has reads: {reads}, answers: {values}; there must be one for each read")
            }
            Self::WrongValue(id, key, value) => write!(
                f,
                "{id} has {value} for {key}; a list holds a list, a register one number, and nil is only its initial value"
            ),
        }
    }
}

impl std::error::Error for TransactionError {}

impl TransactionHistory {
    /// A history of these transactions. What reads of transactions that did not commit are said to have found is
    /// dropped: their clients never heard it.
    ///
    /// # Errors
    ///
    /// [`TransactionError::MixedTypes`].
    pub fn new(mut transactions: Vec<Transaction>) -> Result<Self, TransactionError> {
        let mut is_list = BTreeMap::new();
        for operation in transactions.iter().flat_map(|transaction| &transaction.operations) {
            let key = operation.key();
            if *is_list.entry(key).or_insert(operation.is_on_list()) != operation.is_on_list() {
                return Err(TransactionError::MixedTypes(key));
            }
        }
        for transaction in &mut transactions {
            transaction.completed = transaction.completed.max(transaction.invoked);
            if transaction.fate != Fate::Committed {
                transaction.operations.retain(|operation| operation.written().is_some());
            }
        }
        transactions.sort_by_key(|transaction| transaction.invoked);
        Ok(Self { transactions })
    }

    /// The transactions of a recorded history; a single read, write or append is a transaction of its own. What the
    /// reads of a committed [`Request::Transaction`] found is in its answer ([`Value::Answers`]); where there is none,
    /// nobody knows, and they are dropped.
    ///
    /// # Errors
    ///
    /// Whatever is no transaction on lists and registers, see [`TransactionError`].
    pub fn from_history(history: &History) -> Result<Self, TransactionError> {
        let lists = Lists::of(history);
        let mut transactions = Vec::new();
        for operation in &history.operations {
            let (fate, found) = match (&operation.outcome, &operation.request) {
                (Outcome::Ok(Value::Answers(found)), Request::Transaction(_)) => {
                    (Fate::Committed, Some(found.clone()))
                }
                (Outcome::Ok(found), Request::Read { .. }) => (Fate::Committed, Some(vec![found.clone()])),
                (Outcome::Ok(_), _) => (Fate::Committed, None),
                (Outcome::No(_) | Outcome::Fail(_), _) => (Fate::Aborted, None),
                (Outcome::Info(_), _) => (Fate::Unknown, None),
            };
            let name = history.id(operation);
            let parts = match &operation.request {
                Request::Transaction(parts) => parts.as_slice(),
                request => std::slice::from_ref(request),
            };
            transactions.push(Transaction {
                operations: lists.operations(&name, parts, found)?,
                name,
                session: operation.session,
                invoked: operation.invoked,
                completed: operation.completed,
                fate,
            });
        }
        Self::new(transactions)
    }

    /// The transactions, in the order of invocation; results name them by their place here.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    pub(super) fn name(&self, transaction: usize) -> &str {
        &self.transactions[transaction].name
    }
}

/// Which objects are lists, as far as requests tell: those that something is appended to.
struct Lists(BTreeSet<Key>);

impl Lists {
    fn of(history: &History) -> Self {
        let mut lists = BTreeSet::new();
        for operation in &history.operations {
            let parts = match &operation.request {
                Request::Transaction(parts) => parts.as_slice(),
                request => std::slice::from_ref(request),
            };
            for part in parts {
                if let Request::Append { key, .. } = part {
                    lists.insert(*key);
                }
            }
        }
        Self(lists)
    }

    fn operations(
        &self,
        name: &str,
        parts: &[Request],
        found: Option<Vec<Value>>,
    ) -> Result<Vec<MicroOperation>, TransactionError> {
        let reads = parts.iter().filter(|part| matches!(part, Request::Read { .. })).count();
        if let Some(values) = found.as_ref().filter(|values| values.len() != reads) {
            return Err(TransactionError::Answers(name.to_owned(), reads, values.len()));
        }
        let mut found = found.map(Vec::into_iter);
        let mut operations = Vec::new();
        for part in parts {
            let wrong = |key, value| TransactionError::WrongValue(name.to_owned(), key, value);
            operations.push(match *part {
                Request::Append { key, element } => MicroOperation::Append { key, element },
                Request::Write { key, value: Value::Int(value) } => MicroOperation::Write { key, value },
                Request::Write { key, ref value } => return Err(wrong(key, value.clone())),
                Request::Read { key } => match (found.as_mut().and_then(Iterator::next), self.0.contains(&key)) {
                    (None, _) => continue,
                    (Some(Value::Nil), true) => MicroOperation::ReadList { key, found: Vec::new() },
                    (Some(Value::List(found)), _) => MicroOperation::ReadList { key, found },
                    (Some(Value::Nil), false) => MicroOperation::ReadRegister { key, found: None },
                    (Some(Value::Int(found)), false) => MicroOperation::ReadRegister { key, found: Some(found) },
                    (Some(value), _) => return Err(wrong(key, value)),
                },
                ref other => return Err(TransactionError::Unsupported(name.to_owned(), other.clone())),
            });
        }
        Ok(operations)
    }
}
