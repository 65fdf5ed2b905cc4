//! Lines that Jepsen logs: `INFO  jepsen.util - 0<tab>:invoke<tab>:read<tab>nil`, among others that say nothing of
//! operations.

use super::Fault;
use super::edn::{Edn, Form, Forms};
use super::jepsen::{Event, Stage};

/// The events of the lines that have one: those with a stage between a process and a function.
pub(super) fn events(text: &str) -> impl Iterator<Item = Result<Event, Fault>> + '_ {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        start += line.len();
        (start - line.len(), start)
    });
    lines.filter_map(|(start, end)| event(&text[..end], start).transpose())
}

/// The event of the last line of `text`, which begins at `start`.
fn event(text: &str, start: usize) -> Result<Option<Event>, Fault> {
    let mut before = None;
    for word in text[start..].split_whitespace() {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        let stage = word.strip_prefix(':').and_then(Stage::of);
        let (Some(stage), Some((process_at, process))) = (stage, before) else {
            before = Some((at, word));
            continue;
        };
        let process: Result<u64, _> = str::parse(process);
        let is_nemesis = text[process_at..].starts_with(":nemesis");
        if process.is_err() && !is_nemesis {
            return Ok(None);
        }
        let mut rest = Forms::new(text, at + word.len());
        let Some(Form { value: Edn::Keyword(function), .. }) = rest.whole()? else {
            return Err(Fault::new(at, "a function follows here, as in \":invoke :read\""));
        };
        if is_nemesis {
            return Ok(None);
        }
        let value = rest.whole()?.unwrap_or(Form { at, value: Edn::Nil });
        let said = text[rest.at()..].trim();
        let reason = (!said.is_empty()).then(|| said.to_owned());
        return Ok(Some(Event { at: process_at, process: process.ok(), stage, function, value, time: None, reason }));
    }
    Ok(None)
}
