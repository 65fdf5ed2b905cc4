//! A table of texts that take little room: most texts of a trace differ in their numbers alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A text longer than this many characters is cut, and says so.
const LONGEST: usize = 4_000;

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
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} ... ({} characters)", &text[..end], text.chars().count()),
    }
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
    fn a_very_long_text_is_cut() {
        let mut texts = Texts::default();
        texts.id(&"ab".repeat(LONGEST));
        let text = decoded(&texts.json()).remove(0);
        assert!(text.len() < LONGEST + 30 && text.ends_with("... (8000 characters)"), "{text}");
    }
}
