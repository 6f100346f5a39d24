//! The picture of a bad day: calls over time of three clients, as SVG.
use std::fmt::Write as _;

use super::watch::Timeline;

/// One panel.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) bad: (u64, u64),
    pub(super) end: u64,
    /// Name, colour, what the cloud saw.
    pub(super) lines: Vec<(&'static str, &'static str, Timeline)>,
}

const WIDTH: u64 = 900;
const HEIGHT: u64 = 170;
const LEFT: u64 = 60;
const TOP: u64 = 34;

/// All panels, one below the other. Calls a second on a scale of powers of ten, so that a tenth and a hundredfold can both be read.
pub(super) fn draw(panels: &[Panel]) -> Result<String, std::fmt::Error> {
    let step = HEIGHT + TOP + 40;
    let count = u64::try_from(panels.len()).unwrap_or_default();
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="sans-serif" font-size="12">"#,
        WIDTH + LEFT + 20,
        step * count + 10
    )?;
    writeln!(svg, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    for (number, panel) in (0..).zip(panels) {
        writeln!(
            svg,
            r#"<g transform="translate({LEFT},{})">"#,
            TOP + step * number
        )?;
        draw_panel(&mut svg, panel)?;
        writeln!(svg, "</g>")?;
    }
    writeln!(svg, "</svg>")?;
    Ok(svg)
}

fn draw_panel(svg: &mut String, panel: &Panel) -> std::fmt::Result {
    let x = |second: u64| second * WIDTH / panel.end.max(1);
    let (from, to) = panel.bad;
    writeln!(
        svg,
        r##"<rect x="{}" y="0" width="{}" height="{HEIGHT}" fill="#fdecea"/>"##,
        x(from),
        x(to) - x(from)
    )?;
    writeln!(
        svg,
        r#"<text x="0" y="-18" font-size="14">{}</text>"#,
        panel.title
    )?;
    for mark in [1_u64, 10, 100, 1_000] {
        let y = height(mark * 1_000);
        writeln!(
            svg,
            r##"<line x1="0" y1="{y}" x2="{WIDTH}" y2="{y}" stroke="#ddd"/>"##
        )?;
        writeln!(
            svg,
            r#"<text x="-8" y="{}" text-anchor="end">{mark}/s</text>"#,
            y + 4
        )?;
    }
    for second in (0..=panel.end).step_by(30) {
        writeln!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="middle">{second} s</text>"#,
            x(second),
            HEIGHT + 16
        )?;
    }
    for (at, (name, colour, timeline)) in (0..).zip(&panel.lines) {
        let points: Vec<String> = (2..panel.end)
            .map(|second| {
                // Five seconds together: what is rare would otherwise be all or nothing.
                let calls = timeline.sum(second.saturating_sub(4), second + 1).calls;
                format!("{},{}", x(second), height(calls * 200))
            })
            .collect();
        writeln!(
            svg,
            r#"<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{}"/>"#,
            points.join(" ")
        )?;
        writeln!(
            svg,
            r#"<text x="{}" y="-4" fill="{colour}">{name}</text>"#,
            300 + at * 170_u64
        )?;
    }
    Ok(())
}

/// Where so many thousandths of a call a second lie: four powers of ten from 0.1/s up, the space between them by halves of the logarithm.
fn height(milli: u64) -> u64 {
    if milli < 100 {
        return HEIGHT;
    }
    let decade = u64::from(milli.ilog10()) - 2;
    let base = 10_u64.pow(milli.ilog10());
    // Linear within a decade: near enough for a picture without floating point.
    let within = (milli - base) * 1_000 / (base * 9);
    let up = (decade * 1_000 + within) * HEIGHT / 4_000;
    HEIGHT.saturating_sub(up)
}
