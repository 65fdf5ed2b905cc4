//! How sure many runs make us: intervals for rates and means.

use crate::kernel::normal_quantile;

/// An estimate with an interval that contains the true value with the confidence that was asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Estimate {
    /// How wide the interval is.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// The interval without what lies outside these ends, where the true value cannot be. An end at infinity stays there: it
    /// says that nothing is known.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        let end = |end: f64| if end.is_finite() { end.clamp(low, high) } else { end };
        Self { low: end(self.low), high: end(self.high), ..self }
    }
}

/// The rate of `successes` among `trials` independent trials, with the score interval of Wilson (Probable Inference, the
/// Law of Succession, and Statistical Inference, JASA 22, 1927): unlike the textbook's, it is sound near 0 and 1, where
/// rates of failures lie. `confidence` is between 0 and 1; `None` without a trial.
#[must_use]
pub fn rate(successes: u64, trials: u64, confidence: f64) -> Option<Estimate> {
    if trials == 0 {
        return None;
    }
    let (n, z) = (trials as f64, normal_quantile(0.5 + confidence / 2.0));
    let share = successes as f64 / n;
    let centre = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * libm::sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n));
    // Rounding must not take an end past what is certain.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half).min(1.0) };
    Some(Estimate { value: share, low, high })
}

/// What became of the same trials under two settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PairedCounts {
    /// Those that succeeded under both.
    pub both: u64,
    /// Under the first alone.
    pub first: u64,
    /// Under the second alone.
    pub second: u64,
    /// Under neither.
    pub neither: u64,
}

impl PairedCounts {
    /// How many trials.
    #[must_use]
    pub const fn trials(&self) -> u64 {
        self.both + self.first + self.second + self.neither
    }

    /// The rate under the second setting minus that under the first, with the interval that joins Wilson's of the two
    /// rates and allows for their correlation (Newcombe, Improved Confidence Intervals for the Difference between Binomial
    /// Proportions Based on Paired Data, Statistics in Medicine 17, 1998, method 10). `None` without a trial.
    #[must_use]
    pub fn difference(&self, confidence: f64) -> Option<Estimate> {
        let Self { both, first, second, neither } = *self;
        let one = rate(both + first, self.trials(), confidence)?;
        let other = rate(both + second, self.trials(), confidence)?;
        let [a, b, c, d] = [both, first, second, neither].map(|count| count as f64);
        let margins = (a + b) * (c + d) * (a + c) * (b + d);
        let cross = a * d - b * c;
        let corrected = if cross > 0.0 { (cross - self.trials() as f64 / 2.0).max(0.0) } else { cross };
        let correlation = if margins > 0.0 { corrected / libm::sqrt(margins) } else { 0.0 };
        let joined =
            |one: f64, other: f64| libm::sqrt((one * one - 2.0 * correlation * one * other + other * other).max(0.0));
        let value = other.value - one.value;
        Some(Estimate {
            value,
            low: value - joined(one.high - one.value, other.value - other.low),
            high: value + joined(one.value - one.low, other.high - other.value),
        })
    }

    /// The p-value of no difference: how probable a split of the trials that differ would be, at least as uneven as this one, if
    /// each setting won as often. It is not the probability that there is no difference. The exact test of McNemar (Note on the Sampling Error of the Difference between Correlated Proportions, Psychometrika 12, 1947),
    /// two-sided.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let (fewer, all) = (self.first.min(self.second), self.first + self.second);
        // Each term of the binomial distribution from the one before, as logarithms: 2^-n alone would be 0.
        let mut term = -(all as f64) * std::f64::consts::LN_2;
        let mut tail = libm::exp(term);
        for k in 1..=fewer {
            term += libm::log((all - k + 1) as f64 / k as f64);
            tail += libm::exp(term);
        }
        (2.0 * tail).min(1.0)
    }
}

/// How many trials make the interval of a rate no wider than `width`, if the rate stays what it is: at least one.
#[must_use]
pub fn trials_for_width(share: f64, width: f64, confidence: f64) -> u64 {
    fewest(1, |trials| {
        let successes = (share * trials as f64) as u64;
        rate(successes, trials, confidence).is_none_or(|estimate| estimate.width() > width)
    })
}

/// How many observations make Student's interval of a mean no wider than `width`, if their standard deviation stays what it
/// is: at least two.
#[must_use]
pub fn observations_for_width(deviation: f64, width: f64, confidence: f64) -> u64 {
    fewest(2, |observations| {
        let n = observations as f64;
        2.0 * student_quantile(1.0 - confidence, n - 1.0) * deviation / libm::sqrt(n) > width
    })
}

/// The least number from `least` (at least 1) on for which something is not too wide, which more of it never is again.
fn fewest(least: u64, is_wide: impl Fn(u64) -> bool) -> u64 {
    let mut enough = least;
    while is_wide(enough) && enough < 1 << 50 {
        enough *= 2;
    }
    let (mut low, mut high) = ((enough / 2).max(least - 1), enough);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_wide(middle) { low = middle } else { high = middle }
    }
    high
}

/// The standard deviation of observations, of which there are at least two.
#[must_use]
pub(super) fn deviation(observations: &[f64]) -> f64 {
    let n = observations.len() as f64;
    let mean = observations.iter().sum::<f64>() / n;
    let squares: f64 = observations.iter().map(|x| (x - mean) * (x - mean)).sum();
    libm::sqrt(squares / (n - 1.0))
}

/// The mean of independent observations with Student's interval; `None` without one. A single observation has an
/// interval without ends.
#[must_use]
pub fn mean(observations: &[f64], confidence: f64) -> Option<Estimate> {
    let n = observations.len() as f64;
    let value = (!observations.is_empty()).then(|| observations.iter().sum::<f64>() / n)?;
    if observations.len() == 1 {
        return Some(Estimate { value, low: f64::NEG_INFINITY, high: f64::INFINITY });
    }
    let half = student_quantile(1.0 - confidence, n - 1.0) * deviation(observations) / libm::sqrt(n);
    Some(Estimate { value, low: value - half, high: value + half })
}

/// How many batches a run is divided into (Schmeiser, Batch Size Effects in the Analysis of Simulation Output, Operations
/// Research 30, 1982: between 10 and 30; more gain little).
const BATCHES: usize = 20;

/// How many observations a batch has at least. With shorter ones, batches depend on each other as neighbours do: where each
/// observation is 0.8 of the one before and chance, an interval of 95% from batches of two holds the truth in 60 cases of a
/// hundred, from batches of five in 79, and from these in 92.
const SHORTEST_BATCH: usize = 20;

/// The mean of observations in the order in which they were made, and its standard error by the method of batch means:
/// neighbours may depend on each other, long batches hardly do. `None` with fewer observations than 20 batches of 20 need.
#[must_use]
pub(super) fn batch_means(observations: &[f64]) -> Option<(f64, f64)> {
    let size = observations.len() / BATCHES;
    if size < SHORTEST_BATCH {
        return None;
    }
    // What does not fill a batch is left out at the start, where a run is least like itself later.
    let used = &observations[observations.len() - size * BATCHES..];
    let means: Vec<f64> = used.chunks(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect();
    let mean = means.iter().sum::<f64>() / BATCHES as f64;
    let squares: f64 = means.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some((mean, libm::sqrt(squares / (BATCHES - 1) as f64 / BATCHES as f64)))
}

/// The interval of a mean with this standard error by batch means.
#[must_use]
pub fn batch_interval(mean: f64, error: f64, confidence: f64) -> Estimate {
    let half = student_quantile(1.0 - confidence, (BATCHES - 1) as f64) * error;
    Estimate { value: mean, low: mean - half, high: mean + half }
}

/// What Student's variable of so many degrees of freedom exceeds, in absolute value, with probability `tails` (Hill,
/// Algorithm 396: Student's t-quantiles, CACM 13(10), 1970; to six digits from three degrees on).
fn student_quantile(tails: f64, degrees: f64) -> f64 {
    use std::f64::consts::{FRAC_PI_2, PI};
    if degrees <= 1.0 {
        return libm::cos(tails * FRAC_PI_2) / libm::sin(tails * FRAC_PI_2);
    }
    if degrees <= 2.0 {
        return libm::sqrt(2.0 / (tails * (2.0 - tails)) - 2.0);
    }
    let n = degrees;
    let a = 1.0 / (n - 0.5);
    let b = 48.0 / (a * a);
    let mut c = ((20_700.0 * a / b - 98.0) * a - 16.0) * a + 96.36;
    let d = ((94.5 / (b + c) - 3.0) / b + 1.0) * libm::sqrt(a * PI / 2.0) * n;
    let mut y = libm::pow(d * tails, 2.0 / n);
    if y > 0.05 + a {
        let x = normal_quantile(tails / 2.0);
        y = x * x;
        if n < 5.0 {
            c += 0.3 * (n - 4.5) * (x + 0.6);
        }
        c += (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b;
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x;
        y = libm::expm1(a * y * y);
    } else {
        let inner = ((n + 6.0) / (n * y) - 0.089 * d - 0.822) * (n + 2.0) * 3.0;
        y = ((1.0 / inner + 0.5 / (n + 4.0)) * y - 1.0) * (n + 1.0) / (n + 2.0) + 1.0 / y;
    }
    libm::sqrt(n * y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Draw, SplitMix64};

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }

    /// Values from the tables of Wilson's interval and Student's distribution that every textbook has.
    #[test]
    fn intervals_are_those_of_the_tables() {
        let check = |successes, trials, low, high| {
            let estimate = rate(successes, trials, 0.95).unwrap();
            close(estimate.low, low, 5e-4);
            close(estimate.high, high, 5e-4);
        };
        check(0, 10, 0.0, 0.2775);
        check(10, 10, 0.7225, 1.0);
        check(5, 10, 0.2366, 0.7634);
        check(15, 148, 0.0624, 0.1605);
        check(0, 2_000, 0.0, 0.0019);
        assert_eq!(rate(0, 0, 0.95), None);
        let student = |tails, degrees, expected| close(student_quantile(tails, degrees), expected, 2e-3);
        student(0.05, 1.0, 12.706);
        student(0.05, 2.0, 4.303);
        student(0.05, 3.0, 3.182);
        student(0.05, 10.0, 2.228);
        student(0.05, 30.0, 2.042);
        student(0.01, 7.0, 3.499);
        student(0.10, 120.0, 1.658);
        student(0.05, 1e6, 1.960);
        let estimate = mean(&[4.0, 5.0, 6.0], 0.95).unwrap();
        close(estimate.value, 5.0, 1e-12);
        close(estimate.width() / 2.0, 4.303 / 3f64.sqrt(), 1e-3);
        assert_eq!(mean(&[], 0.95), None);
    }

    /// The first from Newcombe's second table; the others follow from the definition: what never differs has no
    /// difference, and what always does has that of two certain rates.
    #[test]
    fn paired_rates_are_those_of_the_tables() {
        let check = |[both, first, second, neither]: [u64; 4], value, low, high, chance| {
            let counts = PairedCounts { both, first, second, neither };
            let estimate = counts.difference(0.95).unwrap();
            close(estimate.value, value, 1e-9);
            close(estimate.low, low, 5e-4);
            close(estimate.high, high, 5e-4);
            close(counts.p_value(), chance, 5e-4);
        };
        check([36, 12, 2, 0], -0.2, -0.3404, -0.0569, 0.0129);
        check([36, 2, 12, 0], 0.2, 0.0569, 0.3404, 0.0129);
        check([10, 0, 0, 10], 0.0, -0.0898, 0.0898, 1.0);
        check([0, 0, 2_000, 0], 1.0, 0.9973, 1.0, 0.0);
        check([3, 5, 4, 2], -1.0 / 14.0, -0.4302, 0.3120, 1.0);
        assert_eq!(PairedCounts::default().difference(0.95), None);
    }

    #[test]
    fn as_many_trials_as_a_width_needs() {
        for (share, width) in [(0.5, 0.1), (0.0, 0.01), (0.99, 0.02), (1.0, 0.5)] {
            let enough = trials_for_width(share, width, 0.95);
            let wide = |trials: u64| rate((share * trials as f64) as u64, trials, 0.95).unwrap().width() > width;
            assert!(!wide(enough), "{share} {width}");
            assert!(enough == 1 || wide(enough - 1), "{share} {width}");
        }
    }

    /// Each observation is near the one before: as if they were independent, the interval would hold the truth half as often
    /// as it says.
    #[test]
    fn batch_means_bear_dependence() {
        let mut draws = SplitMix64::new(9);
        let (mut batched, mut naive) = (0, 0);
        for _ in 0..1_000 {
            let mut last = 0.0;
            let mut next = || {
                last = 0.8 * last + draws.below(1_001) as f64 - 500.0;
                last
            };
            let series: Vec<f64> = (0..2_000).map(|_| next()).collect();
            let (value, error) = batch_means(&series).unwrap();
            let covers = |estimate: Estimate| u32::from(estimate.low <= 0.0 && 0.0 <= estimate.high);
            batched += covers(batch_interval(value, error, 0.9));
            naive += covers(mean(&series, 0.9).unwrap());
        }
        // 900 expected; three deviations are 28, and the start at 0 and the last dependence cost a little.
        assert!(batched > 860, "{batched}");
        assert!(naive < 600, "{naive}");
        assert_eq!(batch_means(&[1.0; 399]), None);
        assert_eq!(batch_means(&[1.0; 401]), Some((1.0, 0.0)));
    }

    /// The shortest run that has an interval has one that can be believed.
    #[test]
    fn the_shortest_batches_are_long_enough() {
        let mut draws = SplitMix64::new(4);
        let mut covered = 0;
        for _ in 0..1_000 {
            let mut last = 0.0;
            let mut next = || {
                last = 0.8 * last + draws.below(1_001) as f64 - 500.0;
                last
            };
            let series: Vec<f64> = (0..420).map(|_| next()).collect();
            let (value, error) = batch_means(&series[20..]).unwrap();
            let estimate = batch_interval(value, error, 0.95);
            covered += u32::from(estimate.low <= 0.0 && 0.0 <= estimate.high);
        }
        assert!(covered > 900, "{covered}");
    }

    #[test]
    fn as_many_observations_as_a_width_needs() {
        for (deviation, width) in [(1.0, 0.5), (1.0, 10.0), (3.0, 0.1)] {
            let enough = observations_for_width(deviation, width, 0.95);
            let wide = |n: u64| 2.0 * student_quantile(0.05, n as f64 - 1.0) * deviation / (n as f64).sqrt() > width;
            assert!(!wide(enough) && (enough == 2 || wide(enough - 1)), "{deviation} {width}: {enough}");
        }
        assert_eq!(observations_for_width(0.0, 0.1, 0.95), 2);
    }

    #[test]
    fn an_interval_ends_where_the_value_cannot_be() {
        let wide = Estimate { value: 0.7, low: -3.2, high: 4.6 }.within(0.0, 1.0);
        assert_eq!(wide, Estimate { value: 0.7, low: 0.0, high: 1.0 });
        let unknown = mean(&[0.7], 0.95).unwrap();
        assert_eq!(unknown.within(0.0, 1.0), unknown);
    }

    /// Of many experiments, as many as the confidence says have an interval with the truth in it.
    #[test]
    fn intervals_cover_the_truth() {
        let mut draws = SplitMix64::new(5);
        let (mut rates, mut means, mut differences) = (0, 0, 0);
        for _ in 0..2_000 {
            let sample: Vec<f64> = (0..20).map(|_| draws.below(1_000) as f64).collect();
            let estimate = mean(&sample, 0.9).unwrap();
            means += u32::from(estimate.low <= 499.5 && 499.5 <= estimate.high);
            let successes = (0..50).filter(|_| draws.below(10) < 1).count() as u64;
            let estimate = rate(successes, 50, 0.9).unwrap();
            rates += u32::from(estimate.low <= 0.1 && 0.1 <= estimate.high);
            let mut counts = PairedCounts::default();
            for _ in 0..60 {
                // The same luck under both: the second setting succeeds more often by 0.2.
                match draws.below(10) {
                    0..=5 => counts.both += 1,
                    6..=8 => counts.second += 1,
                    _ => counts.first += 1,
                }
            }
            let estimate = counts.difference(0.9).unwrap();
            differences += u32::from(estimate.low <= 0.2 && 0.2 <= estimate.high);
        }
        // 1,800 expected; three deviations are 40, and a rate of 50 trials takes few values.
        assert!(means.abs_diff(1_800) < 50, "{means}");
        assert!(rates.abs_diff(1_800) < 90, "{rates}");
        assert!(differences.abs_diff(1_800) < 90, "{differences}");
    }
}
