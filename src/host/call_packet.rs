//! The parts of a call that travel: what they weigh, and what a forger makes of them.

use std::sync::Arc;

use super::{CallError, CallId, CausalContext, Reply, Request, Terms, Value};

/// A part of a call between services.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallPacket {
    Request { call: CallId, request: Arc<(Request, Terms)> },
    Answer { call: CallId, result: Result<Reply, CallError>, seen: Option<CausalContext> },
}

/// What everything weighs, with one number in it: headers and names, roughly.
const LEAST_BYTES: u32 = 64;

/// How much of that are the headers.
const HEADER_BYTES: u32 = 55;

impl CallPacket {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Request { .. } => "request",
            Self::Answer { result: Ok(_), .. } => "reply",
            Self::Answer { result: Err(error), .. } => error.name(),
        }
    }

    /// What the trace calls it if it dies: then only this says of which call it was.
    pub(crate) fn label(&self) -> String {
        let (call, said) = match self {
            Self::Request { call, request } => (call, request.0.to_string()),
            Self::Answer { call, result, .. } => (call, said(result)),
        };
        format!("{}\tcall {}: {said}", self.kind(), call.0)
    }

    /// Its size on the wire.
    pub(crate) fn size_bytes(&self) -> u32 {
        let content = match self {
            Self::Request { request, .. } => weight(&request.0),
            Self::Answer { result: Ok(Reply::Ok(value) | Reply::No(value)), .. } => value.size_bytes(),
            Self::Answer { .. } => 0,
        };
        HEADER_BYTES.saturating_add(content).max(LEAST_BYTES)
    }

    /// Changes what it says, as somebody on the way does who knows the protocol. Answers whether it says anything that is
    /// worth it: a value, or an element.
    pub(crate) fn forge(&mut self, draw: u64) -> bool {
        // Never a number that a client writes.
        let number = -1 - i64::try_from(draw >> 1).unwrap_or(i64::MAX - 1);
        match self {
            Self::Request { request, .. } => match &mut Arc::make_mut(request).0 {
                Request::Write { value, .. } | Request::CompareAndSet { new: value, .. } => {
                    *value = Value::Int(number)
                }
                Request::Insert { element, .. }
                | Request::Append { element, .. }
                | Request::Enqueue { element, .. } => {
                    *element = number;
                }
                _ => return false,
            },
            Self::Answer { result: Ok(Reply::Ok(value)), .. } => return forge_value(value, number),
            Self::Answer { .. } => return false,
        }
        true
    }
}

/// Whether there is anything in a value that another number can stand for; it does then.
fn forge_value(value: &mut Value, number: i64) -> bool {
    match value {
        Value::Nil => return false,
        Value::Int(_) | Value::Siblings(_) => *value = Value::Int(number),
        Value::List(elements) => elements.push(number),
        Value::Answers(answers) => return answers.iter_mut().any(|answer| forge_value(answer, number)),
    }
    true
}

/// What an answer says, in the trace.
pub(crate) fn said(result: &Result<Reply, CallError>) -> String {
    match result {
        Ok(reply) => format!("{reply:?}"),
        Err(error) => error.to_string(),
    }
}

/// What the content of a request weighs.
fn weight(request: &Request) -> u32 {
    let bytes = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX);
    match request {
        Request::Write { value, .. } => value.size_bytes(),
        Request::CompareAndSet { expected, new, .. } => expected.size_bytes().saturating_add(new.size_bytes()),
        Request::Transaction(parts) => parts.iter().fold(0, |sum: u32, part| sum.saturating_add(weight(part))),
        Request::Custom { name, body } => bytes(name).saturating_add(bytes(body)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Key;

    fn request(request: Request) -> CallPacket {
        CallPacket::Request { call: CallId(1), request: Arc::new((request, Terms::NONE)) }
    }

    fn reply(value: Value) -> CallPacket {
        CallPacket::Answer { call: CallId(1), result: Ok(Reply::Ok(value)), seen: None }
    }

    #[test]
    fn what_says_more_weighs_more() {
        let check = |packet: CallPacket, bytes: u32| assert_eq!(packet.size_bytes(), bytes, "{packet:?}");
        let write = |value| Request::Write { key: Key(1), value };
        check(request(Request::Read { key: Key(1) }), 64);
        check(request(write(Value::Int(7))), 64);
        check(request(write(Value::List(vec![0; 100]))), 864);
        check(request(Request::Transaction(vec![write(Value::Int(1)), write(Value::Int(2))])), 73);
        check(request(Request::Custom { name: "ask".to_owned(), body: "x".repeat(97) }), 155);
        check(reply(Value::Nil), 64);
        check(reply(Value::List(vec![0; 1_000])), 8_064);
        check(CallPacket::Answer { call: CallId(1), result: Err(CallError::Reset), seen: None }, 64);
    }

    #[test]
    fn a_forger_changes_values_and_nothing_else() {
        let check = |mut packet: CallPacket, expected: Option<CallPacket>| {
            let original = packet.clone();
            assert_eq!(packet.forge(12), expected.is_some(), "{original:?}");
            assert_eq!(packet, expected.unwrap_or(original));
        };
        let write = |value| request(Request::Write { key: Key(1), value });
        check(write(Value::Int(7)), Some(write(Value::Int(-7))));
        check(request(Request::Read { key: Key(1) }), None);
        check(reply(Value::Int(3)), Some(reply(Value::Int(-7))));
        check(reply(Value::Nil), None);
        check(reply(Value::List(vec![1])), Some(reply(Value::List(vec![1, -7]))));
        check(CallPacket::Answer { call: CallId(1), result: Err(CallError::Reset), seen: None }, None);
    }
}
