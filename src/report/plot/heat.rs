//! A number for each combination of two values, as coloured cells.

use super::svg::{Anchor, Drawing};

/// Cells in rows and columns.
pub(super) struct HeatMap {
    pub(super) title: String,
    /// What the columns are, and the value of each.
    pub(super) x: (String, Vec<String>),
    /// The same of the rows.
    pub(super) y: (String, Vec<String>),
    /// The share in each cell, row by row; `None` where there is none.
    pub(super) cells: Vec<Vec<Option<f64>>>,
}

const CELL: (f64, f64) = (72.0, 40.0);
const LEFT: f64 = 110.0;
const TOP: f64 = 40.0;
/// In how many steps the scale of colours is drawn.
const SCALE_STEPS: u32 = 20;

/// Five colours from low to high whose lightness rises evenly (after Matplotlib's viridis).
const SCALE: [(f64, f64, f64); 5] =
    [(68.0, 1.0, 84.0), (59.0, 82.0, 139.0), (33.0, 145.0, 140.0), (94.0, 201.0, 98.0), (253.0, 231.0, 37.0)];

impl HeatMap {
    pub(super) fn draw(&self) -> String {
        let (columns, rows) = (self.x.1.len() as f64, self.y.1.len() as f64);
        let (right, floor) = (LEFT + columns * CELL.0, TOP + rows * CELL.1);
        let scale = right + 24.0;
        let mut drawing = Drawing::new((scale + 70.0).max(420.0), floor + 56.0);
        drawing.text((20.0, 22.0), Anchor::Start, "title", &self.title);
        for (row, cells) in self.cells.iter().enumerate() {
            // The first row is the lowest, as on any other vertical axis.
            let y = floor - (row + 1) as f64 * CELL.1;
            drawing.text((LEFT - 8.0, y + CELL.1 / 2.0 + 4.0), Anchor::End, "label", &self.y.1[row]);
            for (column, cell) in cells.iter().enumerate() {
                let x = LEFT + column as f64 * CELL.0;
                let (colour, class) = cell.map_or(("#eee".to_owned(), "label"), colour);
                drawing.rectangle((x, y), CELL, "cell", &colour);
                let says = cell.map_or("-".to_owned(), |share| format!("{:.1}%", share * 1e2));
                drawing.text((x + CELL.0 / 2.0, y + CELL.1 / 2.0 + 4.0), Anchor::Middle, class, &says);
            }
        }
        for (column, value) in self.x.1.iter().enumerate() {
            let x = LEFT + (column as f64 + 0.5) * CELL.0;
            drawing.text((x, floor + 19.0), Anchor::Middle, "label", value);
        }
        drawing.text(((LEFT + right) / 2.0, floor + 42.0), Anchor::Middle, "label", &self.x.0);
        drawing.upright((16.0, (TOP + floor) / 2.0), &self.y.0);
        // What the colours mean, from none at the floor to all at the top.
        let step = (floor - TOP) / f64::from(SCALE_STEPS);
        for number in 0..SCALE_STEPS {
            let share = (f64::from(number) + 0.5) / f64::from(SCALE_STEPS);
            drawing.rectangle((scale, floor - f64::from(number + 1) * step), (14.0, step), "scale", &colour(share).0);
        }
        for (share, says) in [(0.0, "0%"), (0.5, "50%"), (1.0, "100%")] {
            drawing.text((scale + 20.0, floor - share * (floor - TOP) + 4.0), Anchor::Start, "label", says);
        }
        drawing.finish()
    }
}

/// The colour of a share, and the class of a text that can be read on it.
fn colour(share: f64) -> (String, &'static str) {
    let place = share.clamp(0.0, 1.0) * (SCALE.len() - 1) as f64;
    let below = (place as usize).min(SCALE.len() - 2);
    let (from, to, part) = (SCALE[below], SCALE[below + 1], place - below as f64);
    let mix = |from: f64, to: f64| libm::round(from + (to - from) * part) as u8;
    let (red, green, blue) = (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2));
    (format!("#{red:02x}{green:02x}{blue:02x}"), if share < 0.55 { "light" } else { "label" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_dark_to_light() {
        assert_eq!(colour(0.0), ("#440154".to_owned(), "light"));
        assert_eq!(colour(0.5), ("#21918c".to_owned(), "light"));
        assert_eq!(colour(1.0), ("#fde725".to_owned(), "label"));
    }
}
