//! The page: one file that shows a run, or two, in any browser, without a network.
//!
//! Its sources are in `web/`: modules of plain JavaScript, checked by `tsc`, and a style sheet. Here they are put into one
//! HTML file together with the document of the run ([`model`]). A module begins its imports with `import` and its exports
//! with `export`, each on one line, and its top-level names are its own: so the modules, joined without these words, are
//! one script.

mod events;
mod model;
mod texts;

use super::side_by_side::Side;

/// The modules, each after those that it imports.
const MODULES: [&str; 25] = [
    include_str!("web/model.js"),
    include_str!("web/bus.js"),
    include_str!("web/verdict.js"),
    include_str!("web/contradiction.js"),
    include_str!("web/plot.js"),
    include_str!("web/timeline.js"),
    include_str!("web/anomaly.js"),
    include_str!("web/ink.js"),
    include_str!("web/partitions.js"),
    include_str!("web/scene.js"),
    include_str!("web/light.js"),
    include_str!("web/bands.js"),
    include_str!("web/legend.js"),
    include_str!("web/frame.js"),
    include_str!("web/paint.js"),
    include_str!("web/find.js"),
    include_str!("web/inspector.js"),
    include_str!("web/overview.js"),
    include_str!("web/hands.js"),
    include_str!("web/diagram.js"),
    include_str!("web/charts.js"),
    include_str!("web/topology.js"),
    include_str!("web/requests.js"),
    include_str!("web/both.js"),
    include_str!("web/main.js"),
];

const STYLE: &str = concat!(include_str!("web/page.css"), include_str!("web/views.css"));

const FRAME: &str = include_str!("web/page.html");

/// A page about one run, or about two beside each other. What the diagrams show is the traces, so the runs must have kept
/// theirs.
#[must_use]
pub fn page(sides: &[Side<'_>]) -> String {
    let titles: Vec<_> = sides.iter().map(|side| side.scenario.title.as_str()).collect();
    let parts = [
        ("{{title}}", in_html(&titles.join(" / "))),
        ("{{style}}", STYLE.to_owned()),
        ("{{document}}", in_script(&model::document(sides).to_string())),
        ("{{script}}", script()),
    ];
    // One pass over the frame, so that nothing which a part says is taken for a place.
    let (mut page, mut rest) = (String::new(), FRAME);
    for (place, part) in parts {
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(&part);
        rest = after;
    }
    page + rest
}

/// All modules as one.
fn script() -> String {
    let lines = MODULES.iter().flat_map(|module| module.lines()).filter(|line| !line.starts_with("import "));
    lines.flat_map(|line| [line.strip_prefix("export ").unwrap_or(line), "\n"]).collect()
}

/// JSON that can stand in a script element: nothing in it opens or closes markup, and no reader takes it for several
/// lines. What is replaced can only be in its texts.
fn in_script(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
