use super::*;
use crate::kernel::{Purpose, SplitMix64, Streams};
use proptest::prelude::*;

const MS: Span = Span::from_millis(1);

fn ms(milliseconds: u64) -> Span {
    Span::from_millis(milliseconds)
}

/// One of each kind, as the tests below use them.
fn samplers() -> Vec<(&'static str, Sampler)> {
    let quantiles = [(0, ms(1)), (500_000_000, ms(2)), (990_000_000, ms(10)), (1_000_000_000, ms(50))];
    let exponential = Sampler::exponential(ms(2), ms(1)).unwrap();
    let parts = vec![(9, Sampler::constant(ms(1))), (0, Sampler::constant(Span::MAX)), (1, exponential.clone())];
    vec![
        ("constant", Sampler::constant(ms(5))),
        ("uniform", Sampler::uniform(ms(1), ms(10)).unwrap()),
        ("exponential", exponential),
        ("normal", Sampler::normal(ms(20), ms(2))),
        ("lognormal", Sampler::lognormal(ms(2), 0.5).unwrap()),
        ("lognormal by p99", Sampler::lognormal_by_p99(ms(2), ms(15)).unwrap()),
        ("pareto", Sampler::pareto(ms(1), 10.0).unwrap()),
        ("empirical", Sampler::empirical(&quantiles).unwrap()),
        ("mixture", Sampler::mixture(parts).unwrap()),
    ]
}

#[test]
fn golden_samples() {
    let mut streams = Streams::new(42);
    for ((name, sampler), (golden_name, golden)) in samplers().into_iter().zip(GOLDEN) {
        let mut stream = streams.open(Purpose::new("golden"), name).unwrap();
        let samples: [u64; 8] = std::array::from_fn(|_| sampler.sample(&mut stream).as_nanos());
        assert_eq!((name, samples), (golden_name, golden));
    }
}

/// Mean, variance and kurtosis in closed form; the samples' mean and variance must lie within five standard errors.
#[test]
fn samples_have_the_closed_form_mean_and_variance() {
    let exp = libm::exp;
    // A lognormal with w = exp(sigma^2): variance and kurtosis (Johnson, Kotz and Balakrishnan, section 14.3).
    let lognormal = |sigma: f64| {
        let w = exp(sigma * sigma);
        let kurtosis = w * w * w * w + 2.0 * w * w * w + 3.0 * w * w - 3.0;
        (2.0 * exp(sigma * sigma / 2.0), 4.0 * w * (w - 1.0), kurtosis)
    };
    let by_p99 = lognormal(libm::log(7.5) / 2.326_347_874_040_841);
    // The quantile function is linear in each piece, so moments are sums over the pieces.
    let pieces = [(0.5, 1.0, 2.0), (0.49, 2.0, 10.0), (0.01, 10.0, 50.0)];
    let raw = |power: i32| -> f64 {
        let integral = |x: f64| (0..=power).fold(1.0, |product, _| product * x) / f64::from(power + 1);
        pieces.iter().map(|(share, low, high)| share * (integral(*high) - integral(*low)) / (high - low)).sum()
    };
    let empirical = from_raw_moments([raw(1), raw(2), raw(3), raw(4)]);
    // 1 + 2X with X exponential of mean 1 has raw moments 3, 13, 79, 633; the constant 1 has ones.
    let mixed = [3.0, 13.0, 79.0, 633.0].map(|moment| 0.9 + 0.1 * moment);
    let pareto = (10.0 / 9.0, 10.0 / (81.0 * 8.0), 3.0 + 6.0 * (1000.0 + 100.0 - 60.0 - 2.0) / (10.0 * 7.0 * 6.0));
    let expected = [
        (5.0, 0.0, 1.0),
        (5.5, 81.0 / 12.0, 1.8),
        (3.0, 4.0, 9.0),
        (20.0, 4.0, 3.0),
        lognormal(0.5),
        by_p99,
        pareto,
        empirical,
        from_raw_moments(mixed),
    ];
    for ((name, sampler), (mean, variance, kurtosis)) in samplers().into_iter().zip(expected) {
        let n = 100_000.0;
        let mut draws = SplitMix64::new(7);
        let samples: Vec<f64> =
            (0..100_000).map(|_| sampler.sample(&mut draws).as_nanos() as f64 / MS.as_nanos() as f64).collect();
        let found_mean = samples.iter().sum::<f64>() / n;
        let found_variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let (mean_error, variance_error) = ((variance / n).sqrt(), variance * ((kurtosis - 1.0) / n).sqrt());
        assert!((found_mean - mean).abs() <= 5.0 * mean_error, "{name}: mean {found_mean}, not {mean}");
        assert!(
            (found_variance - variance).abs() <= 5.0 * variance_error,
            "{name}: variance {found_variance}, not {variance}"
        );
    }
}

/// Mean, variance and kurtosis from the first four raw moments.
fn from_raw_moments([m1, m2, m3, m4]: [f64; 4]) -> (f64, f64, f64) {
    let variance = m2 - m1 * m1;
    let fourth = m4 - 4.0 * m1 * m3 + 6.0 * m1 * m1 * m2 - 3.0 * m1 * m1 * m1 * m1;
    (m1, variance, fourth / (variance * variance))
}

#[test]
fn spans_round_half_up_and_stay_in_range() {
    let check =
        |nanoseconds: f64, expected: u64| assert_eq!(to_span(nanoseconds).as_nanos(), expected, "{nanoseconds}");
    check(-7.0, 0);
    check(-0.5, 0);
    check(0.499_999_999_999_999_94, 0);
    check(0.5, 1);
    check(1.499, 1);
    check(2.5, 3);
    check(4_503_599_627_370_497.0, 4_503_599_627_370_497);
    check(9_007_199_254_740_991.0, 9_007_199_254_740_991);
    check(2e19, u64::MAX);
    check(f64::INFINITY, u64::MAX);
    check(f64::NAN, 0);
}

/// Values of Python's `statistics.NormalDist().inv_cdf`, and the way back through libm's error function.
#[test]
fn normal_quantiles_are_those_of_the_literature() {
    let check = |probability: f64, expected: f64| {
        let found = normal_quantile(probability);
        assert!((found - expected).abs() <= 4e-16 * expected.abs(), "{probability}: {found:?}, not {expected:?}");
        assert!((libm::erfc(-found / 2f64.sqrt()) / 2.0 / probability - 1.0).abs() < 1e-13, "{probability}");
    };
    NORMAL_QUANTILES.into_iter().for_each(|(probability, expected)| check(probability, expected));
}

/// A source that gives one word over and over, and counts.
struct Same(u64, u32);

impl Draw for Same {
    fn next_u64(&mut self) -> u64 {
        self.1 += 1;
        self.0
    }
}

#[test]
fn the_words_taken_are_those_documented() {
    let words = [0, 1, 1, 1, 1, 1, 1, 1, 2];
    for ((name, sampler), expected) in samplers().into_iter().zip(words) {
        let mut source = Same(u64::MAX, 0);
        let _ = sampler.sample(&mut source as &mut dyn Draw);
        assert_eq!(source.1, expected, "{name}");
    }
}

#[test]
fn extremes_are_in_range() {
    let check = |sampler: Result<Sampler, SamplerError>, lowest: u64, highest: u64| {
        let sampler = sampler.unwrap();
        let [low, high] = [0, u64::MAX].map(|word| sampler.sample(&mut Same(word, 0)).as_nanos());
        assert_eq!((low, high), (lowest, highest), "{sampler:?}");
    };
    check(Sampler::uniform(Span::ZERO, Span::MAX), 0, u64::MAX);
    check(Sampler::uniform(ms(1), ms(1)), 1_000_000, 1_000_000);
    // The largest is ln 2^52 means: 36.0437.
    check(Sampler::exponential(ms(1), ms(2)), 2_000_000, 38_043_653);
    check(Sampler::exponential(Span::MAX, Span::MAX), u64::MAX, u64::MAX);
    // 8.2095 deviations on either side.
    check(Ok(Sampler::normal(ms(1), ms(1))), 0, 9_209_536);
    check(Sampler::lognormal(ms(1), 1e300), 0, u64::MAX);
    check(Sampler::pareto(ms(1), 1e-300), 1_000_000, u64::MAX);
    check(Sampler::empirical(&[(0, ms(1)), (1_000_000_000, ms(2))]), 1_000_000, 2_000_000);
}

#[test]
fn what_cannot_be_is_an_error_that_says_why() {
    let check = |sampler: Result<Sampler, SamplerError>, needle: &str| {
        let message = sampler.unwrap_err().to_string();
        assert!(message.contains(needle), "`{message}` does not say `{needle}`");
    };
    check(Sampler::uniform(ms(2), ms(1)), "must not be below its lower bound");
    check(Sampler::exponential(Span::ZERO, ms(1)), "mean of an exponential");
    check(Sampler::lognormal(Span::ZERO, 1.0), "median");
    [-1.0, f64::NAN, f64::INFINITY].into_iter().for_each(|sigma| check(Sampler::lognormal(MS, sigma), "sigma"));
    check(Sampler::lognormal_by_p99(ms(2), ms(1)), "99th percentile");
    check(Sampler::lognormal_by_p99(Span::ZERO, ms(1)), "median");
    check(Sampler::pareto(Span::ZERO, 1.0), "scale");
    [0.0, -1.0, f64::NAN, f64::INFINITY].into_iter().for_each(|shape| check(Sampler::pareto(MS, shape), "shape"));
    check(Sampler::empirical(&[]), "minimum");
    check(Sampler::empirical(&[(0, MS), (5, MS)]), "maximum");
    check(Sampler::empirical(&[(0, MS), (5, MS), (5, MS), (1_000_000_000, MS)]), "must rise");
    check(Sampler::empirical(&[(0, ms(2)), (1_000_000_000, MS)]), "shorter span");
    check(Sampler::mixture(vec![]), "above zero");
    check(Sampler::mixture(vec![(0, Sampler::constant(MS))]), "above zero");
    check(Sampler::mixture(vec![(u64::MAX, Sampler::constant(MS)), (1, Sampler::constant(MS))]), "too large");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// All but the normal keep their bounds, and by inversion a larger word gives no shorter span.
    #[test]
    fn inversion_is_monotone(words: [u64; 2]) {
        let [low, high] = [words[0].min(words[1]), words[0].max(words[1])];
        for (name, sampler) in samplers().into_iter().filter(|(name, _)| *name != "mixture") {
            let [shorter, longer] = [low, high].map(|word| sampler.sample(&mut Same(word, 0)));
            prop_assert!(shorter <= longer, "{}: {} then {}", name, shorter, longer);
        }
    }
}

const NORMAL_QUANTILES: [(f64, f64); 13] = [
    (1e-300, -37.0470962993612),
    (1e-20, -9.262340089798405),
    (1e-12, -7.034483825301132),
    (0.001, -3.090232306167813),
    (0.074, -1.4466320671589785),
    (0.075, -1.4395314709384557),
    (0.25, -0.6744897501960817),
    (0.6, 0.2533471031357998),
    (0.9, 1.2815515655446008),
    (0.925, 1.439531470938456),
    (0.926, 1.4466320671589785),
    (0.99, 2.3263478740408408),
    (0.999, 3.090232306167813),
];

const GOLDEN: [(&str, [u64; 8]); 9] = [
    ("constant", [5_000_000, 5_000_000, 5_000_000, 5_000_000, 5_000_000, 5_000_000, 5_000_000, 5_000_000]),
    ("uniform", [5_199_712, 8_110_419, 8_937_899, 2_435_947, 9_924_358, 5_451_694, 8_207_131, 7_212_008]),
    ("exponential", [3_505_522, 6_799_038, 1_427_932, 1_125_902, 4_149_501, 2_305_069, 1_050_091, 3_750_913]),
    ("normal", [20_243_327, 18_500_782, 19_379_272, 20_254_441, 21_402_150, 21_487_481, 17_473_648, 19_521_129]),
    ("lognormal", [655_741, 1_983_468, 1_638_196, 2_311_364, 2_346_650, 4_173_689, 2_177_162, 1_563_085]),
    ("lognormal by p99", [1_765_258, 1_168_700, 1_265_663, 3_425_478, 845_142, 4_842_137, 1_286_805, 917_597]),
    ("pareto", [1_048_788, 1_095_434, 1_061_341, 1_034_625, 1_493_160, 1_002_917, 1_098_413, 1_090_424]),
    ("empirical", [1_805_612, 1_039_523, 2_554_301, 2_761_275, 4_585_989, 4_645_612, 1_391_626, 4_031_456]),
    ("mixture", [1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000]),
];
