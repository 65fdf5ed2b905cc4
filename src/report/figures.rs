//! Figures in words and as JSON.

use serde_json::{Value, json};

use crate::check::{Figure, Quantity, Subject};
use crate::kernel::Span;
use crate::scenario::Run;

use super::json::{integer, ratio};

/// The quantity of a run's figure, [`Quantity::Nothing`] if the run has none such.
pub(super) fn quantity(run: &Run, name: &str, subject: &Subject) -> Quantity {
    let is_it = |figure: &&Figure| figure.name == name && figure.subject == *subject;
    run.figures.iter().find(is_it).map_or(Quantity::Nothing, |figure| figure.quantity)
}

/// A figure's name as prose: `latency p99 of shoppers during faults`.
pub(super) fn label(figure: &Figure) -> String {
    let name = figure.name.replace('_', " ");
    match &figure.subject {
        Subject::Run => name,
        Subject::Client(who) | Subject::Service(who) => format!("{name} of {who}"),
        Subject::ClientDuringFaults(who) => format!("{name} of {who} during faults"),
    }
}

/// A quantity as prose.
pub(super) fn words(quantity: Quantity) -> String {
    match quantity {
        Quantity::Count(count) => count.to_string(),
        Quantity::Share(parts) => percent(parts),
        Quantity::Time(span) => rounded(span).to_string(),
        Quantity::Never => "never".to_owned(),
        Quantity::Nothing => "-".to_owned(),
    }
}

/// Four significant digits are enough to read.
pub(super) fn rounded(span: Span) -> Span {
    let nanoseconds = span.as_nanos();
    let unit = 10u64.pow(nanoseconds.checked_ilog10().unwrap_or(0).saturating_sub(3));
    Span::from_nanos(nanoseconds / unit * unit)
}

fn percent(parts_per_billion: u64) -> String {
    let digits = format!("{}.{:07}", parts_per_billion / 10_000_000, parts_per_billion % 10_000_000);
    // Cut, never rounded up: 99.99999% must not read as 100%.
    let cut = digits.split_at(digits.len() - 4).0;
    format!("{}%", cut.trim_end_matches('0').trim_end_matches('.'))
}

/// What a figure is, without its quantity.
pub(super) fn heading(figure: &Figure) -> Value {
    let (client, service, phase) = match &figure.subject {
        Subject::Run => (None, None, "always"),
        Subject::Client(client) => (Some(client), None, "always"),
        Subject::ClientDuringFaults(client) => (Some(client), None, "during"),
        Subject::Service(service) => (None, Some(service), "always"),
    };
    json!({ "name": figure.name, "client": client, "service": service, "phase": phase })
}

/// A quantity as JSON: a number with its unit, `"never"`, or nothing.
pub(super) fn value(quantity: Quantity) -> Value {
    match quantity {
        Quantity::Count(count) => json!({ "count": integer(count) }),
        Quantity::Share(parts) => json!({ "ratio": ratio(parts) }),
        Quantity::Time(span) => json!({ "ns": integer(span.as_nanos()) }),
        Quantity::Never => json!("never"),
        Quantity::Nothing => Value::Null,
    }
}

/// All figures of a run.
pub(super) fn all(run: &Run) -> Vec<Value> {
    let whole = |figure: &Figure| {
        let mut object = heading(figure);
        object["value"] = value(figure.quantity);
        object
    };
    run.figures.iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_cut_and_never_rounded_up() {
        let check = |parts, expected: &str| assert_eq!(words(Quantity::Share(parts)), expected);
        check(1_000_000_000, "100%");
        check(999_999_999, "99.999%");
        check(991_200_000, "99.12%");
        check(0, "0%");
    }

    #[test]
    fn a_figure_is_named_and_said() {
        let subject = Subject::ClientDuringFaults("shoppers".into());
        let figure = Figure { name: "latency_p99", subject, quantity: Quantity::Time(Span::from_nanos(12_345_678)) };
        assert_eq!(
            (label(&figure).as_str(), words(figure.quantity).as_str()),
            ("latency p99 of shoppers during faults", "12.34ms")
        );
        let expected = json!({ "name": "latency_p99", "client": "shoppers", "service": null, "phase": "during" });
        assert_eq!(heading(&figure), expected);
        assert_eq!(value(figure.quantity), json!({ "ns": 12_345_678 }));
        assert_eq!(value(Quantity::Never), json!("never"));
        assert_eq!(value(Quantity::Nothing), Value::Null);
    }
}
