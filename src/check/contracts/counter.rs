//! The contract of a counter that replicas add up in any order: a sum lies between what was certainly added before it was
//! asked for, and what may have been added until it was answered (as Jepsen's checker of counters).

use crate::check::precedence::objects;
use crate::check::sentence::clause;
use crate::host::{Request, Value};
use crate::kernel::Time;
use crate::load::{History, Outcome};

/// What was found of the counters of a history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CounterReport {
    /// How many sums were told.
    pub sums: u64,
    /// Those that no order of additions explains, or that lie outside the limits.
    pub out_of_bounds: Vec<OutOfBounds>,
}

/// A sum that cannot or must not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfBounds {
    /// Who was told the sum, as an index.
    pub operation: usize,
    /// The sum.
    pub sum: i64,
    /// The least and the greatest that it could have been told.
    pub possible: (i128, i128),
}

impl OutOfBounds {
    /// Whether it cannot be, or only must not.
    #[must_use]
    pub fn anomaly(&self) -> &'static str {
        if self.is_possible() { "sum beyond its limits" } else { "impossible sum" }
    }

    fn is_possible(&self) -> bool {
        let (least, greatest) = self.possible;
        (least..=greatest).contains(&self.sum.into())
    }

    /// What is wrong, in a sentence.
    #[must_use]
    pub fn story(&self, history: &History) -> String {
        let (least, greatest) = self.possible;
        let told = clause(history, self.operation);
        match self.is_possible() {
            true => format!("{told}: that is outside of what is allowed."),
            false => format!("{told}, but by what was added it lies between {least} and {greatest}."),
        }
    }
}

/// Sums of additions by time, so that all up to an instant are known at once.
#[derive(Default)]
struct Sums {
    at: Vec<(Time, i128)>,
}

impl Sums {
    fn add(&mut self, at: Time, delta: i128) {
        self.at.push((at, delta));
    }

    fn sum_up(&mut self) {
        self.at.sort_unstable();
        let mut sum = 0;
        for (_, delta) in &mut self.at {
            sum += *delta;
            *delta = sum;
        }
    }

    fn until(&self, is_before: impl Fn(Time) -> bool) -> i128 {
        let place = self.at.partition_point(|&(at, _)| is_before(at));
        place.checked_sub(1).map_or(0, |last| self.at[last].1)
    }
}

/// Whether nothing was asked of an object that only others understand.
fn is_counter(history: &History, operations: &[usize]) -> bool {
    let request = |&index: &usize| &history.operations[index].request;
    operations.iter().map(request).all(|request| matches!(request, Request::Read { .. } | Request::Add { .. }))
}

/// Holds every sum that a counter told to what was added, and to limits that it must not leave. Counters begin at
/// `initial`.
#[must_use]
pub fn counter_bounds(
    history: &History,
    initial: i64,
    (at_least, at_most): (Option<i64>, Option<i64>),
) -> CounterReport {
    let mut report = CounterReport::default();
    for operations in objects(history).into_values().filter(|operations| is_counter(history, operations)) {
        // What was certainly added, by the time of the answer; what may have been, by that of the request.
        let [mut more, mut less, mut perhaps_more, mut perhaps_less] = [(); 4].map(|()| Sums::default());
        let mut sums: Vec<(usize, i64, i64)> = Vec::new();
        for &index in &operations {
            let operation = &history.operations[index];
            match (&operation.request, &operation.outcome) {
                (Request::Read { .. }, Outcome::Ok(Value::Int(sum))) => sums.push((index, *sum, 0)),
                (Request::Add { delta, .. }, outcome @ (Outcome::Ok(_) | Outcome::Info(_))) => {
                    let (certainly, perhaps) =
                        if *delta > 0 { (&mut more, &mut perhaps_more) } else { (&mut less, &mut perhaps_less) };
                    perhaps.add(operation.invoked, (*delta).into());
                    if let Outcome::Ok(told) = outcome {
                        certainly.add(operation.completed, (*delta).into());
                        if let Value::Int(sum) = told {
                            sums.push((index, *sum, *delta));
                        }
                    }
                }
                _ => {}
            }
        }
        [&mut more, &mut less, &mut perhaps_more, &mut perhaps_less].into_iter().for_each(Sums::sum_up);
        for (index, sum, own) in sums {
            let operation = &history.operations[index];
            let (asked, told) = (operation.invoked, operation.completed);
            // Who is told the sum after its own addition has certainly added that.
            let (own_more, own_less) = (i128::from(own.max(0)), i128::from(own.min(0)));
            let least = more.until(|at| at < asked) + perhaps_less.until(|at| at <= told) + own_more;
            let greatest = perhaps_more.until(|at| at <= told) + less.until(|at| at < asked) + own_less;
            let possible = (least + i128::from(initial), greatest + i128::from(initial));
            let is_possible = (possible.0..=possible.1).contains(&sum.into());
            let is_allowed = at_least.is_none_or(|least| least <= sum) && at_most.is_none_or(|most| sum <= most);
            report.sums += 1;
            if !(is_possible && is_allowed) {
                report.out_of_bounds.push(OutOfBounds { operation: index, sum, possible });
            }
        }
    }
    report.out_of_bounds.sort_by_key(|sum| sum.operation);
    report
}
