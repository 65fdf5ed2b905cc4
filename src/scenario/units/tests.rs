use proptest::prelude::*;

use super::*;

fn error<T: std::fmt::Debug>(result: Result<T, String>) -> String {
    result.unwrap_err()
}

#[test]
fn durations_are_exact() {
    let check = |text, nanoseconds| assert_eq!(duration(text), Ok(Span::from_nanos(nanoseconds)), "{text}");
    check("250ms", 250_000_000);
    check("1.5s", 1_500_000_000);
    check("2m", 120_000_000_000);
    check("1h", 3_600_000_000_000);
    check("10us", 10_000);
    check("7ns", 7);
    check("0s", 0);
    check("0.1s", 100_000_000);
    check("0.000000001s", 1);
    check("1.50000000000000000000000000000000000s", 1_500_000_000);
    check("0.001h", 3_600_000_000);
    check("18446744073709551615ns", u64::MAX);
    check("18446744073.709551615s", u64::MAX);
}

#[test]
fn durations_that_are_none_say_why() {
    let check = |text, expected: &str| assert_eq!(error(duration(text)), expected, "{text}");
    check("250", "the unit is missing: add ns, us, ms, s, m or h");
    check("250 ms", "there is no space before the unit");
    check("250msec", "\"msec\" is not a unit here: use ns, us, ms, s, m or h");
    check("2MS", "\"MS\" is not a unit here: use ns, us, ms, s, m or h");
    check("-5s", "it cannot be negative");
    check("", "it begins with a number such as 0.5 or 20");
    check("s", "it begins with a number such as 0.5 or 20");
    check(".5s", "it begins with a number such as 0.5 or 20");
    check("5.s", "it begins with a number such as 0.5 or 20");
    check("05s", "it begins with a number such as 0.5 or 20");
    check("1.2.3s", "it begins with a number such as 0.5 or 20");
    check("1e3s", "\"e3s\" is not a unit here: use ns, us, ms, s, m or h");
    check("0.5ns", "it is finer than a nanosecond, the smallest step");
    check("0.0000000001s", "it is finer than a nanosecond, the smallest step");
    check("18446744073709551616ns", "it is too large for 64 bits");
    check("5124096h", "it is too large for 64 bits");
    check("99999999999999999999999999999999999999999999s", "it has too many digits");
}

#[test]
fn signed_durations_and_drifts_keep_their_sign() {
    let check = |text, nanoseconds| assert_eq!(signed_duration(text), Ok(nanoseconds), "{text}");
    check("-50ms", -50_000_000);
    check("50ms", 50_000_000);
    check("-0s", 0);
    assert_eq!(error(signed_duration("--5s")), "it cannot be negative");
    assert_eq!(error(signed_duration("-18446744073709551615ns")), "it is too large for 64 bits");
    let check = |text, parts| assert_eq!(drift(text).map(Drift::ppb), Ok(parts), "{text}");
    check("50ppm", 50_000);
    check("-0.5ppm", -500);
    check("3ppb", 3);
    check("-1%", -10_000_000);
    check("99.9999999%", 999_999_999);
    check("-99.9999999%", -999_999_999);
    check("1000%", 10_000_000_000);
    for text in ["-100%", "1000.0000001%", "9999999999%"] {
        assert_eq!(error(drift(text)), "a clock runs forwards: its drift is above -100% and at most 1000%", "{text}");
    }
    assert_eq!(error(drift("0.5ppb")), "it is finer than a part per billion, the smallest step");
    assert_eq!(error(drift("5")), "the unit is missing: add ppb, ppm or %");
}

#[test]
fn rates_are_fractions_in_lowest_terms() {
    let check = |text, events, per, mean| {
        let rate = rate(text).unwrap();
        assert_eq!((rate.events, rate.per), (events, Span::from_nanos(per)), "{text}");
        assert_eq!(rate.mean_interval(), Span::from_nanos(mean), "{text}");
    };
    check("200/s", 1, 5_000_000, 5_000_000);
    check("12000/m", 1, 5_000_000, 5_000_000);
    check("0.5/s", 1, 2_000_000_000, 2_000_000_000);
    check("3/s", 3, 1_000_000_000, 333_333_333);
    check("6/s", 3, 500_000_000, 166_666_667);
    check("7/h", 7, 3_600_000_000_000, 514_285_714_286);
    check("1.5/ms", 3, 2_000_000, 666_667);
    check("1000000000/s", 1, 1, 1);
    check("0.0000000001/s", 1, 10_000_000_000_000_000_000, 10_000_000_000_000_000_000);
    let check = |text, expected: &str| assert_eq!(error(rate(text)), expected, "{text}");
    check("200", "the unit is missing: add /ms, /s, /m or /h");
    check("0/s", "a rate is more than zero");
    check("0.00/s", "a rate is more than zero");
    check("1000000001/s", "a rate is at most one event in a nanosecond");
    check("0.00000000001/s", "more decimal places than can be kept");
    check("99999999999999999999999999999999999/s", "a rate is at most one event in a nanosecond");
    check("0.0000000000000000000000000000000000000000000001/h", "more decimal places than can be kept");
}

#[test]
fn ratios_are_parts_per_billion() {
    let check = |number, parts| assert_eq!(ratio(number), Ok(parts), "{number}");
    check("0.2", 200_000_000);
    check("1", BILLION);
    check("1.0", BILLION);
    check("0", 0);
    check("-0.0", 0);
    check("1e-9", 1);
    check("5E-1", 500_000_000);
    check("0.1e1", BILLION);
    assert_eq!(error(ratio("1.000000001")), "a ratio is at most 1, that is 100%");
    assert_eq!(error(ratio("1e300")), "it is too large for 64 bits");
    assert_eq!(error(ratio("-0.1")), "it cannot be negative");
    assert_eq!(error(ratio("0.0000000001")), "it is finer than a part per billion, the smallest step");
    assert_eq!(error(ratio("1e-2000000000")), "it is finer than a part per billion, the smallest step");
    assert_eq!(error(ratio("1e-99999999999")), "its exponent has too many digits");
    let check = |text, parts| assert_eq!(percentage(text), Ok(parts), "{text}");
    check("20%", 200_000_000);
    check("99.9%", 999_000_000);
    check("0.0000001%", 1);
    check("100%", BILLION);
    assert_eq!(error(percentage("100.1%")), "a ratio is at most 1, that is 100%");
    assert_eq!(error(percentage("20")), "the unit is missing: add %");
}

#[test]
fn sizes_and_bandwidths_are_bytes() {
    let check = |text, bytes| assert_eq!(size(text), Ok(bytes), "{text}");
    check("512B", 512);
    check("4KiB", 4_096);
    check("0.5KiB", 512);
    check("1MiB", 1 << 20);
    check("1MB", 1_000_000);
    assert_eq!(error(size("0.3KiB")), "it is finer than a byte, the smallest step");
    assert_eq!(error(size("4K")), "\"K\" is not a unit here: use B, kB, KiB, MB, MiB, GB or GiB");
    let check = |text, bytes| assert_eq!(bandwidth(text), Ok(bytes), "{text}");
    check("10Mbit/s", 1_250_000);
    check("1MiB/s", 1 << 20);
    check("8bit/s", 1);
    assert_eq!(error(bandwidth("10bit/s")), "a bandwidth is a whole number of bytes a second");
    assert_eq!(error(bandwidth("0B/s")), "a bandwidth is more than zero");
}

#[test]
fn whole_numbers_may_be_written_in_any_notation() {
    let check = |number, expected| assert_eq!(integer(number), Ok(expected), "{number}");
    check("3", 3);
    check("-3.0", -3);
    check("3e2", 300);
    check("300e-2", 3);
    check("-0", 0);
    check("9223372036854775807", i64::MAX);
    check("-9223372036854775807", -i64::MAX);
    assert!(integer("9223372036854775808").is_err());
    assert!(integer("3.5").is_err());
    assert!(integer("1e-1").is_err());
    assert_eq!(count("18446744073709551615"), Ok(u64::MAX));
    assert!(count("18446744073709551616").is_err());
    assert!(count("-1").is_err());
    assert_eq!(count("-0"), Ok(0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_span_reads_back(nanoseconds in prop_oneof![any::<u64>(), 0..10_000_000_000_u64]) {
        let span = Span::from_nanos(nanoseconds);
        prop_assert_eq!(duration(&span.to_string()), Ok(span));
    }

    /// The decimal arithmetic against plain integers: `whole.fraction` with nine places.
    #[test]
    fn seconds_are_a_billion_nanoseconds(whole in 0..10_000_000_000_u64, fraction in 0..BILLION) {
        prop_assert_eq!(duration(&format!("{whole}.{fraction:09}s")), Ok(Span::from_nanos(whole * BILLION + fraction)));
        prop_assert_eq!(ratio(&format!("0.{fraction:09}")), Ok(fraction));
        prop_assert_eq!(ratio(&format!("{fraction}e-9")), Ok(fraction));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "-?[0-9.]{0,50}([eE]-?[0-9]{0,12})?(ns|h|/s|/h|%|KiB|Gbit/s| |x)?") {
        let _ = (duration(&text), signed_duration(&text), drift(&text), rate(&text));
        let _ = (percentage(&text), ratio(&text), size(&text), bandwidth(&text), integer(&text), count(&text));
    }
}
