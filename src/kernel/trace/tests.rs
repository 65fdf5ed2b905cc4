use super::*;
use proptest::prelude::*;

fn fact(time: u64, tag: u8, a: u32, b: u32, c: u64, payload: u64) -> Fact {
    Fact { time: Time::from_nanos(time), tag, a, b, c, payload }
}

/// Three records: a timer, a message that it led to, and one with the largest numbers.
fn example(mut trace: Trace) -> Trace {
    let timer = trace.enter(fact(5, 1, 2, 0, 3, 4), None, "timer");
    trace.enter(fact(7, 2, 2, 1, 9, 0xdead_beef), Some(timer), "vote");
    trace.enter(fact(u64::MAX, u8::MAX, u32::MAX, u32::MAX, u64::MAX, u64::MAX), None, "");
    trace
}

fn encoded() -> Vec<u8> {
    example(Trace::keeping()).encode(b"who wrote it").unwrap()
}

fn decode(bytes: &[u8]) -> Result<DecodedTrace, TraceError> {
    DecodedTrace::decode(bytes)
}

/// Puts a true checksum under changed content.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    use std::hash::Hasher;
    bytes.truncate(bytes.len() - 8);
    let mut hasher = crate::kernel::StableHasher::new();
    hasher.write(&bytes);
    bytes.extend(hasher.finish().to_le_bytes());
    bytes
}

#[test]
fn the_digest_is_of_facts_alone_and_the_same_when_only_counting() {
    let (kept, counted) = (example(Trace::keeping()), example(Trace::counting()));
    assert_eq!(kept.digest().value(), counted.digest().value());
    assert_eq!((kept.digest().count(), kept.records().len(), counted.records().len()), (3, 3, 0));
    assert!(kept.is_keeping() && !counted.is_keeping() && counted.encode(b"").is_none());

    let mut same_facts = Trace::keeping();
    for record in kept.records() {
        same_facts.enter(record.fact, None, "other");
    }
    assert_eq!(same_facts.digest().value(), kept.digest().value());

    let mut other_fact = Trace::counting();
    for record in kept.records() {
        other_fact.enter(Fact { tag: 0, ..record.fact }, None, "");
    }
    assert_ne!(other_fact.digest().value(), kept.digest().value());
}

#[test]
fn golden_bytes() {
    let bytes = encoded();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN.concat());
}

#[test]
fn what_was_written_is_read() {
    let trace = example(Trace::keeping());
    let decoded = decode(&encoded()).unwrap();
    assert_eq!(decoded.header, b"who wrote it");
    assert_eq!(decoded.records, trace.records());
    assert_eq!(decoded.digest, trace.digest().value());
    assert_eq!(decoded.records[1].cause, Some(0));
    for record in trace.records() {
        assert_eq!(decoded.label(record.label), trace.label(record.label));
    }
    assert_eq!(decoded.label(decoded.records[1].label), "vote");
    assert_eq!(decoded.label(LabelId(9)), "");
}

#[test]
fn only_an_earlier_record_is_a_cause() {
    let mut trace = Trace::keeping();
    for cause in [0, 0, 2, u64::MAX] {
        trace.enter(fact(0, 0, 0, 0, 0, 0), Some(cause), "");
    }
    let causes: Vec<_> = trace.records().iter().map(|record| record.cause).collect();
    assert_eq!(causes, [None, Some(0), None, None]);
    assert_eq!(decode(&trace.encode(b"").unwrap()).unwrap().records, trace.records());
}

#[test]
fn a_reset_trace_writes_the_bytes_of_a_new_one() {
    let mut used = Trace::keeping();
    for n in 0..3000 {
        used.enter(fact(n, 0, 0, 0, 0, 0), None, "noise");
    }
    used.reset();
    assert_eq!(example(used).encode(b"who wrote it").unwrap(), encoded());
}

#[test]
fn wrong_bytes_are_named() {
    let check = |bytes: &[u8], expected: TraceError| assert_eq!(decode(bytes), Err(expected));
    let changed = |at: usize, to: u8| {
        let mut bytes = encoded();
        bytes[at] = to;
        bytes
    };
    let good = encoded();
    check(b"", TraceError::Truncated);
    check(b"part", TraceError::Truncated);
    check(b"party", TraceError::NotATrace);
    check(b"{\"version\": 1}", TraceError::NotATrace);
    check(&changed(8, 7), TraceError::Version(7));
    (8..good.len()).for_each(|length| check(&good[..length], TraceError::Truncated));
    check(&[&good[..], b"x"].concat(), TraceError::Corrupted("something follows its end"));
    check(&changed(20, b'W'), TraceError::Corrupted("its checksum differs from its content"));

    // Sealed again with a true checksum: magic 8, version 4, header 8 + 12, labels 8 + 8 + 13 + 12, count 8.
    let first = 81;
    check(&resealed(changed(first, 6)), TraceError::Corrupted("its digest differs from its records"));
    check(&resealed(changed(first + 40, 0)), TraceError::Corrupted("a record is not caused by an earlier one"));
    check(&resealed(changed(first + 45 + 33, 1)), TraceError::Corrupted("a record is not caused by an earlier one"));
    check(&resealed(changed(first + 41, 3)), TraceError::Corrupted("a record has no label"));
    check(&resealed(changed(56, 0xff)), TraceError::Corrupted("a label is not UTF-8"));
    check(&resealed(changed(first - 1, 0xff)), TraceError::Truncated);
}

#[test]
fn errors_speak() {
    let check = |error: TraceError, expected: &str| assert_eq!(error.to_string(), expected);
    check(TraceError::NotATrace, "this is not a trace: it does not start with `partita`");
    check(TraceError::Version(7), "this trace has format version 7; this program reads version 1");
    check(TraceError::Truncated, "the trace is truncated");
    check(TraceError::Corrupted("why"), "the trace is corrupted: why");
}

#[test]
fn the_first_different_fact_is_found() {
    let check = |times: [&[u64]; 2], expected: Option<usize>| {
        let [ours, theirs] =
            [(times[0], None, "ours"), (times[1], Some(0), "theirs")].map(|(times, cause, label)| {
                let mut trace = Trace::keeping();
                for (n, time) in times.iter().enumerate() {
                    trace.enter(fact(*time, 0, 0, 0, 0, 0), cause.filter(|_| n > 0), label);
                }
                decode(&trace.encode(b"").unwrap()).unwrap()
            });
        assert_eq!(ours.first_difference(&theirs), expected);
        assert_eq!(theirs.first_difference(&ours), expected);
    };
    check([&[], &[]], None);
    check([&[1, 2, 3], &[1, 2, 3]], None);
    check([&[1, 2, 3], &[1, 4, 3]], Some(1));
    check([&[1, 2, 3], &[1, 2]], Some(2));
    check([&[], &[1]], Some(0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_trace_survives_the_way_through_bytes(
        lines in prop::collection::vec((any::<(u64, u8, u32, u32, u64, u64)>(), any::<Option<u8>>(), ".{0,3}"), 0..40),
        header: Vec<u8>,
    ) {
        let mut trace = Trace::keeping();
        for (n, ((time, tag, a, b, c, payload), cause, label)) in lines.iter().enumerate() {
            let cause = cause.map(u64::from).filter(|cause| *cause < n as u64);
            let sequence = trace.enter(fact(*time, *tag, *a, *b, *c, *payload), cause, label);
            prop_assert_eq!(sequence, n as u64);
        }
        let decoded = decode(&trace.encode(&header).unwrap()).unwrap();
        prop_assert_eq!(&decoded.records[..], trace.records());
        prop_assert_eq!(decoded.header, header);
        for (record, (_, _, label)) in trace.records().iter().zip(&lines) {
            prop_assert_eq!(trace.label(record.label), label);
        }
    }

    #[test]
    fn no_changed_bit_goes_unnoticed(bit in 0..8 * 232usize) {
        let mut bytes = encoded();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(decode(&bytes).is_err());
    }

    /// Arbitrary bytes, bare, behind a true beginning, and in the middle of a trace that is sealed again.
    #[test]
    fn no_bytes_panic(noise: Vec<u8>, at in 0..200usize) {
        let _ = decode(&noise);
        let _ = decode(&[&encoded()[..12], &noise].concat());
        let good = encoded();
        let at = at.min(good.len() - 8);
        let end = (at + noise.len()).min(good.len() - 8);
        let _ = decode(&resealed([&good[..at], &noise, &good[end..]].concat()));
    }
}

/// Magic, version, header, labels, number of records, three records, digest, checksum.
const GOLDEN: [&str; 13] = [
    "706172746974611a",
    "01000000",
    "0c0000000000000077686f2077726f7465206974",
    "0300000000000000",
    "0000000000000000",
    "050000000000000074696d6572",
    "0400000000000000766f7465",
    "0300000000000000",
    "050000000000000001020000000000000003000000000000000400000000000000ffffffffffffffff01000000",
    "07000000000000000202000000010000000900000000000000efbeadde00000000000000000000000002000000",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000",
    "8c3a3dbf778ba24c",
    "09a4874c5d05c693",
];
