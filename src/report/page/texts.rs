//! A table of texts that take little room: most texts of a trace differ in their numbers alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A text longer than this many characters is cut, and says so.
const LONGEST: usize = 4_000;

/// Of a list of more numbers than this, the first and the last half of so many are kept: a list that grows would else
/// stand in the page once for each of its lengths.
const LIST_SHOWN: usize = 16;

/// Each text once. A text is kept as the pieces between its runs of digits, which many texts share, and these runs.
#[derive(Default)]
pub(super) struct Texts {
    ids: BTreeMap<String, usize>,
    forms: BTreeMap<Vec<String>, usize>,
    /// By text: the number of its form, and its runs of digits with a space between two.
    texts: Vec<(usize, String)>,
}

impl Texts {
    /// The number of a text, from 0 in order of first use.
    pub(super) fn id(&mut self, text: &str) -> usize {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let short = shortened(text);
        let (pieces, digits) = split(&short);
        let unused = self.forms.len();
        let form = *self.forms.entry(pieces).or_insert(unused);
        let id = self.texts.len();
        self.texts.push((form, digits.join(" ")));
        self.ids.insert(text.to_owned(), id);
        id
    }

    /// `{ "forms": [[piece, ...], ...], "form": [number of the form, ...], "digits": ["12 7", ...] }`: a text is the
    /// pieces of its form with its digits between them.
    pub(super) fn json(self) -> Value {
        let mut forms: Vec<_> = self.forms.into_iter().collect();
        forms.sort_by_key(|(_, number)| *number);
        let forms: Vec<_> = forms.into_iter().map(|(pieces, _)| pieces).collect();
        let (form, digits): (Vec<_>, Vec<_>) = self.texts.into_iter().unzip();
        json!({ "forms": forms, "form": form, "digits": digits })
    }
}

fn shortened(text: &str) -> String {
    let text = without_long_lists(text);
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{} ... ({} characters)", &text[..end], text.chars().count()),
    }
}

/// The text with its long lists of numbers as `[1, 2, ... 40 more ..., 43, 44]`.
fn without_long_lists(text: &str) -> String {
    let (mut short, mut rest) = (String::new(), text);
    while let Some(start) = rest.find('[') {
        let (before, from) = rest.split_at(start + 1);
        let (list, after) = from.split_at(from.find(|c: char| !", -0123456789".contains(c)).unwrap_or(from.len()));
        short.push_str(before);
        let numbers: Vec<_> = list.split(", ").collect();
        if numbers.len() > LIST_SHOWN {
            let (first, last) = (&numbers[..LIST_SHOWN / 2], &numbers[numbers.len() - LIST_SHOWN / 2..]);
            let more = numbers.len() - LIST_SHOWN;
            short.push_str(&format!("{}, ... {more} more ..., {}", first.join(", "), last.join(", ")));
        } else {
            short.push_str(list);
        }
        rest = after;
    }
    short + rest
}

/// The pieces of a text, one more than its runs of digits, and these.
fn split(text: &str) -> (Vec<String>, Vec<&str>) {
    let (mut pieces, mut digits, mut rest) = (Vec::new(), Vec::new(), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (piece, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        pieces.push(piece.to_owned());
        digits.push(run);
        rest = after;
    }
    pieces.push(rest.to_owned());
    (pieces, digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the page does: see `decodeTexts` in `web/model.js`.
    fn decoded(table: &Value) -> Vec<String> {
        let pieces = |form: &Value| -> Vec<String> {
            let form = form.as_u64().and_then(|number| table["forms"][number as usize].as_array()).expect("a form");
            form.iter().map(|piece| piece.as_str().expect("a piece").to_owned()).collect()
        };
        let of = |(form, digits): (&Value, &Value)| {
            let digits = digits.as_str().expect("digits").split(' ').chain(std::iter::repeat(""));
            pieces(form).into_iter().zip(digits).map(|(piece, digits)| piece + digits).collect()
        };
        let (forms, digits) =
            (table["form"].as_array().expect("numbers"), table["digits"].as_array().expect("texts"));
        forms.iter().zip(digits).map(of).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_are_read_as_they_were_written(written in proptest::collection::vec("[ 0-9a#\\\\<]{0,9}", 0..20)) {
            let mut texts = Texts::default();
            let ids: Vec<_> = written.iter().map(|text| texts.id(text)).collect();
            let read = decoded(&texts.json());
            for (text, id) in written.iter().zip(ids) {
                prop_assert_eq!(&read[id], text);
            }
        }
    }

    #[test]
    fn texts_of_one_form_share_it() {
        let mut texts = Texts::default();
        let ids = ["write k1 = 20", "write k3 = 4", "write k1 = 20", ""].map(|text| texts.id(text));
        assert_eq!(ids, [0, 1, 0, 2]);
        let expected = json!({
            "forms": [["write k", " = ", ""], [""]], "form": [0, 0, 1], "digits": ["1 20", "3 4", ""],
        });
        assert_eq!(texts.json(), expected);
    }

    #[test]
    fn of_a_long_list_both_ends_are_kept() {
        let list = |numbers: std::ops::Range<i32>| numbers.map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        let check = |text: String, expected: String| assert_eq!(shortened(&text), expected);
        check(format!("a [{}] b [7]", list(0..16)), format!("a [{}] b [7]", list(0..16)));
        check(
            format!("Ok([{}]) [{}]", list(0..100), list(-9..9)),
            format!(
                "Ok([{}, ... 84 more ..., {}]) [{}, ... 2 more ..., {}]",
                list(0..8),
                list(92..100),
                list(-9..-1),
                list(1..9)
            ),
        );
        check("[Put(3), Put(4)] [".into(), "[Put(3), Put(4)] [".into());
    }

    #[test]
    fn a_very_long_text_is_cut() {
        let mut texts = Texts::default();
        texts.id(&"ab".repeat(LONGEST));
        let text = decoded(&texts.json()).remove(0);
        assert!(text.len() < LONGEST + 30 && text.ends_with("... (8000 characters)"), "{text}");
    }
}
