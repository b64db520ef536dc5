//! Figures: what they hold, what they refuse, and what is left in a file.
#![cfg(feature = "plot")]

use chainrule::metrics::Confusion;
use chainrule::plot::{
    ConfusionMatrix, Curves, Histograms, ImageGrid, PlotError, Products, Theme, Units, WeightImages,
};
use image::RgbImage;
use ndarray::{Array1, Array2, Array3, Array4};
use roxmltree::{Document, Node};
use std::fs;
use std::process::Command;

fn curves() -> Curves {
    Curves::new("Loss of <a> & \"b\"")
        .x("epoch")
        .y("loss, nats a sample")
        .line("training", 1..=4, [0.9, 0.5, 0.3, 0.2])
        .smoothed("batch", 1..=4, [1.0_f32, 0.4, 0.5, 0.1], 2)
        .band("rate 0.1", 1..=4, [[0.8, 0.6, 0.5, 0.4], [0.6, 0.5, 0.5, 0.6]])
}

fn confusion() -> Confusion {
    Confusion::try_from(vec![vec![980, 3, 0], vec![0, 1100, 17], vec![1, 9, 990]]).unwrap()
}

fn matrix() -> ConfusionMatrix {
    ConfusionMatrix::new("Test images", &confusion()).classes(["zero", "one", "two"])
}

fn images() -> ImageGrid {
    let gray = Array2::from_shape_fn((28, 28), |(i, j)| (i * j) as f32 / 729.0);
    let color = Array3::from_shape_fn((8, 8, 3), |(i, _, c)| (c + i) as f64 / 9.0);
    ImageGrid::new("Predictions")
        .prediction(&gray, "7", "7")
        .prediction(&gray, "4", "9")
        .image(&color, "frog")
}

fn weights() -> WeightImages {
    let w =
        Array2::from_shape_fn((12, 5), |(pixel, unit)| pixel as f64 * 0.01 - unit as f64 * 0.02);
    WeightImages::new("First layer").units(&w, 3, 4)
}

fn filters() -> WeightImages {
    // Of filter n: red n, green 0, blue −n, in all pixels.
    let w = Array4::from_shape_fn((3, 2, 3, 5), |(_, _, c, n)| n as f64 * (1.0 - c as f64));
    WeightImages::new("Filters").filters(&w)
}

fn maps() -> WeightImages {
    let maps = Array3::from_shape_fn((4, 6, 7), |(i, j, c)| ((i * j) as f32 - c as f32) / 5.0);
    let picture = Array3::from_shape_fn((8, 4, 3), |(i, j, _)| (i * j) as f32 / 21.0);
    WeightImages::new("Feature maps").quantity("activation").maps(&maps).beside(&picture, "frog")
}

/// 2-3-2 and a loss, with the ways from one weight on.
fn units() -> Units {
    Units::new("Ways from w01")
        .layer("inputs", ["x0", "x1"])
        .layer("hidden units", ["h0", "h1", "h2"])
        .layer("outputs", ["o0", "o1"])
        .layer("loss", ["L"])
        .label("x0", "h1", "w01")
        .through(["x0", "h1"])
}

/// 4 by 2 times 2 by 3, with the entry in row 3 and column 1.
fn products() -> Products {
    let left = Array2::from_shape_fn((4, 2), |(i, l)| i as f64 - 3.0 * l as f64);
    let right = Array2::from_shape_fn((2, 3), |(l, j)| 0.5 + l as f64 + 10.0 * j as f64);
    Products::new("An entry of Y").product(["Y", "X", "W"], left.view(), right.view(), [3, 1])
}

/// Every figure, as title, SVG and PNGs in light and in dark.
fn all() -> Vec<(&'static str, String, [Vec<u8>; 2])> {
    macro_rules! figure {
        ($title:literal, $figure:expr) => {{
            let figure = $figure;
            let pngs = [Theme::Light, Theme::Dark].map(|theme| figure.png(theme).unwrap());
            ($title, figure.svg().unwrap(), pngs)
        }};
    }
    vec![
        figure!("Loss of <a> & \"b\"", curves()),
        figure!("Test images", matrix()),
        figure!("Predictions", images()),
        figure!("First layer", weights()),
        figure!("Filters", filters()),
        figure!("Feature maps", maps()),
        figure!("Filters", filters().own_scales()),
        figure!("Ways from w01", units()),
        figure!("An entry of Y", products()),
    ]
}

fn texts(document: &Document<'_>) -> Vec<String> {
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|text| text.text().unwrap().trim().to_string()).collect()
}

fn description(svg: &str) -> String {
    let document = Document::parse(svg).unwrap();
    let description = document.descendants().find(|node| node.has_tag_name("desc")).unwrap();
    description.text().unwrap().to_string()
}

fn number(node: Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute).unwrap().parse().unwrap()
}

#[test]
fn an_svg_is_sound_and_says_what_it_shows() {
    for (title, svg, _) in all() {
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        assert!(root.attribute("aria-label").unwrap().starts_with(&format!("{title}. ")));
        let child = |name| root.children().find(|node: &Node<'_, '_>| node.has_tag_name(name));
        assert_eq!(child("title").unwrap().text(), Some(title));
        assert!(description(&svg).len() > 40);
        // The title may be broken into lines.
        assert!(texts(&document).join(" ").contains(title), "{title}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{title}");
    }
}

#[test]
fn an_svg_follows_its_page() {
    for (title, svg, _) in all() {
        let (style, drawing) = svg.split_once("</style>").unwrap();
        // A rule for any other element would reach out into the page.
        assert_eq!(style.matches("svg:root{").count(), style.matches("color:#").count(), "{title}");
        assert!(style.contains("prefers-color-scheme:dark"));
        let document = Document::parse(&svg).unwrap();
        for text in document.descendants().filter(|node| node.has_tag_name("text")) {
            assert_eq!(text.attribute("fill"), Some("currentColor"), "{title}");
            assert_eq!(text.attribute("font-family"), Some("sans-serif"), "{title}");
        }
        // The sentinels are gone, and no color is left but the palette's.
        for color in drawing.split("=\"#").skip(1).map(|rest| &rest[..6]) {
            assert!(["0072B2", "D55E00", "009E73", "CC79A7"].contains(&color), "{title}: {color}");
        }
        let first = document.descendants().find(|node| node.has_tag_name("rect"));
        let background = first.is_some_and(|rect| number(rect, "width") >= 4800.0);
        assert!(!background, "{title} has a background");
    }
}

#[test]
fn nothing_reaches_beyond_the_frame() {
    for (title, svg, _) in all() {
        let document = Document::parse(&svg).unwrap();
        let view: Vec<f64> = document
            .root_element()
            .attribute("viewBox")
            .unwrap()
            .split(' ')
            .map(|part| part.parse().unwrap())
            .collect();
        let inside = |x: f64, y: f64| {
            assert!((0.0..=view[2] * 10.0).contains(&x), "{title}: x {x}");
            assert!((0.0..=view[3] * 10.0).contains(&y), "{title}: y {y}");
        };
        for node in document.descendants() {
            if let Some(points) = node.attribute("points") {
                for point in points.split_whitespace() {
                    let (x, y) = point.split_once(',').unwrap();
                    inside(x.parse().unwrap(), y.parse().unwrap());
                }
            }
            if node.has_tag_name("rect") || node.has_tag_name("image") {
                let (x, y) = (number(node, "x"), number(node, "y"));
                inside(x, y);
                inside(x + number(node, "width"), y + number(node, "height"));
            }
            if node.has_tag_name("text") && !node.has_attribute("transform") {
                // Half of the size a letter, in most fonts.
                let size = number(node, "font-size");
                let width = 0.5 * size * node.text().unwrap().trim().chars().count() as f64;
                let x = number(node, "x");
                let left = match node.attribute("text-anchor").unwrap() {
                    "start" => x,
                    "middle" => x - width / 2.0,
                    _ => x - width,
                };
                inside(left, number(node, "y"));
                inside(left + width, number(node, "y") + size);
            }
        }
    }
}

#[test]
fn curves_name_axes_series_and_ticks() {
    let svg = curves().svg().unwrap();
    let texts = texts(&Document::parse(&svg).unwrap());
    for text in ["epoch", "loss, nats a sample", "training", "1", "2", "3", "4"] {
        assert!(texts.contains(&text.to_string()), "{text} of {texts:?}");
    }
    assert!(texts.contains(&"batch (mean of 2)".into()));
    assert!(texts.contains(&"rate 0.1 (± std, 2 runs)".into()));
    // No 1.5th epoch.
    assert!(!texts.contains(&"1.5".into()));
    assert_eq!(
        description(&svg),
        "Line chart of loss, nats a sample against epoch. Series: training (4 points), batch (4 \
         points, with its moving average over 2), rate 0.1 (4 points, mean ± standard deviation \
         of 2 runs)."
    );
}

/// The points of all lines in this color and width, in pixels.
fn lines(svg: &str, color: &str, width: &str) -> Vec<Vec<(f64, f64)>> {
    let document = Document::parse(svg).unwrap();
    let lines = document.descendants().filter(|node| {
        node.has_tag_name("polyline")
            && node.attribute("stroke") == Some(color)
            && node.attribute("stroke-width") == Some(width)
    });
    lines
        .map(|line| {
            let points = line.attribute("points").unwrap().split_whitespace();
            points
                .map(|point| {
                    let (x, y) = point.split_once(',').unwrap();
                    (x.parse::<f64>().unwrap() / 10.0, y.parse::<f64>().unwrap() / 10.0)
                })
                .collect()
        })
        .collect()
}

#[test]
fn a_curve_is_drawn_to_scale() {
    let figure = Curves::new("t").line("a", [0, 1, 2, 4], [1.0, 5.0, 3.0, 9.0]);
    // The first line is the sample in the legend.
    let line = &lines(&figure.svg().unwrap(), "#0072B2", "20")[1];
    let (left, right) = (line[0].0, line[3].0);
    let (bottom, top) = (line[0].1, line[3].1);
    assert!(right > left + 300.0 && bottom > top + 100.0);
    let x = |share: f64| left + share * (right - left);
    let y = |value: f64| bottom - (value - 1.0) / 8.0 * (bottom - top);
    for (point, (share, value)) in
        line.iter().zip([(0.0, 1.0), (0.25, 5.0), (0.5, 3.0), (1.0, 9.0)])
    {
        assert!((point.0 - x(share)).abs() < 0.11 && (point.1 - y(value)).abs() < 0.11);
    }
}

#[test]
fn equal_ratios_are_equal_distances_on_logarithmic_axes() {
    let figure = Curves::new("t").log_x().log_y().line("a", [1, 10, 100], [1e-3, 1.0, 1e3]);
    let svg = figure.svg().unwrap();
    let line = &lines(&svg, "#0072B2", "20")[1];
    assert!((2.0 * line[1].0 - line[0].0 - line[2].0).abs() < 0.21);
    assert!((2.0 * line[1].1 - line[0].1 - line[2].1).abs() < 0.21);
    assert!(description(&svg).contains("y (logarithmic) against x (logarithmic)"));
}

#[test]
fn points_without_a_place_break_the_line_and_are_counted() {
    let ys = [1.0, 2.0, f64::NAN, 2.0, 1.0, f64::INFINITY, 3.0, 2.0];
    let svg = Curves::new("t").line("a", 1..=8, ys).svg().unwrap();
    let stretches: Vec<usize> = lines(&svg, "#0072B2", "20")[1..].iter().map(Vec::len).collect();
    assert_eq!(stretches, [2, 2, 2]);
    assert!(description(&svg).contains("2 points that have no place on the axes are left out"));

    let svg = Curves::new("t").log_y().line("a", 1..=4, [1.0, 0.5, 0.0, 0.1]).svg().unwrap();
    assert!(description(&svg).contains("1 point that has no place on the axes is left out"));
    let clean = Curves::new("t").line("a", 1..=4, [1.0, 0.5, 0.0, 0.1]).svg().unwrap();
    assert!(!description(&clean).contains("left out"));
}

#[test]
fn series_differ_in_color_and_in_marker() {
    let mut figure = Curves::new("t");
    for k in 0..7 {
        figure = figure.line(k.to_string(), [0, 1], [k, k + 1]);
    }
    let svg = figure.svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let mut markers: Vec<(usize, String)> = document
        .descendants()
        .filter(|node| node.has_tag_name("polygon") || node.has_tag_name("circle"))
        .take(7)
        .map(|marker| {
            // The shape, from its first corner.
            let points = marker.attribute("points").unwrap_or_default();
            let corners: Vec<(i32, i32)> = points
                .split_whitespace()
                .map(|point| {
                    let (x, y) = point.split_once(',').unwrap();
                    (x.parse().unwrap(), y.parse().unwrap())
                })
                .collect();
            let shape = corners.iter().map(|c| (c.0 - corners[0].0, c.1 - corners[0].1));
            (corners.len(), format!("{:?}", shape.collect::<Vec<_>>()))
        })
        .collect();
    let corners: Vec<usize> = markers.iter().map(|marker| marker.0).collect();
    assert_eq!(corners, [0, 4, 3, 4, 3, 4, 12]);
    markers.sort();
    markers.dedup();
    assert_eq!(markers.len(), 7);
}

#[test]
fn a_long_series_stays_small_and_keeps_its_extremes() {
    let mut ys = vec![0.5; 100_000];
    ys[33_333] = 7.0;
    let svg = Curves::new("t").line("a", 0..100_000, ys).svg().unwrap();
    assert!(svg.len() < 100_000, "{}", svg.len());
    let line = &lines(&svg, "#0072B2", "12")[0];
    let top = line.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    assert!(line[0].1 - top > 100.0);
}

#[test]
fn a_figure_has_the_size_that_is_asked_for() {
    let figure = curves().size(600, 300);
    let svg = figure.svg().unwrap();
    assert!(svg.contains("viewBox=\"0 0 600 300\" width=\"600\" height=\"300\""), "{svg}");
    let image = decode(&figure.png(Theme::Light).unwrap());
    assert_eq!(image.dimensions(), (1200, 600));
    // A legend of many rows makes room for itself.
    let mut narrow = Curves::new("t").size(1, 1);
    for k in 0..9 {
        narrow = narrow.line(format!("a series with a long name, {k}"), [0, 1], [0, k]);
    }
    let image = decode(&narrow.png(Theme::Light).unwrap());
    assert!(image.width() == 480 && image.height() > 600, "{:?}", image.dimensions());
}

fn decode(png: &[u8]) -> RgbImage {
    image::load_from_memory(png).unwrap().to_rgb8()
}

#[test]
fn a_png_has_the_page_of_its_theme_and_something_on_it() {
    for (title, svg, pngs) in all() {
        let document = Document::parse(&svg).unwrap();
        let size = ["width", "height"].map(|name| 2 * number(document.root_element(), name) as u32);
        for (theme, png) in [Theme::Light, Theme::Dark].into_iter().zip(pngs) {
            let image = decode(&png);
            assert_eq!(image.dimensions(), (size[0], size[1]), "{title}");
            for corner in [(0, 0), (size[0] - 1, 0), (0, size[1] - 1), (size[0] - 1, size[1] - 1)] {
                assert_eq!(image.get_pixel(corner.0, corner.1).0, theme.background(), "{title}");
            }
            let count = |color: [u8; 3]| image.pixels().filter(|pixel| pixel.0 == color).count();
            assert!(count(theme.text()) > 100, "{title} has no text");
            let page = count(theme.background()) as f64 / (size[0] * size[1]) as f64;
            assert!((0.2..0.98).contains(&page), "{title}: {page} of it is empty");
        }
    }
}

#[test]
fn a_dense_line_has_no_spikes_in_a_png() {
    let ys = (0..5000).map(|i| if i % 2 == 0 { 1.0 } else { 1.5 });
    let image = decode(&Curves::new("t").line("a", 0..5000, ys).png(Theme::Light).unwrap());
    let blue = |y: u32| {
        (0..image.width()).filter(|&x| image.get_pixel(x, y).0 == [0x00, 0x72, 0xb2]).count()
    };
    let rows: Vec<u32> = (0..image.height()).filter(|&y| blue(y) > 200).collect();
    let (top, bottom) = (rows[0], rows[rows.len() - 1]);
    // The margin of the axis is free, above and below.
    assert!((0..8).all(|k| blue(top - 8 - k) == 0 && blue(bottom + 8 + k) == 0));
}

#[test]
fn a_matrix_shows_counts_names_and_shades() {
    let svg = matrix().svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for text in ["true class", "predicted class", "980", "3", "1100", "17", "1", "9", "990"] {
        assert!(texts.contains(&text.to_string()), "{text}");
    }
    assert_eq!(texts.iter().filter(|text| *text == "two").count(), 2);
    // An empty cell has neither number nor shade.
    assert!(!texts.contains(&"0".into()));
    let shades: Vec<f64> = document
        .descendants()
        .filter(|node| node.has_tag_name("rect"))
        .map(|rect| number(rect, "opacity"))
        .collect();
    let expected: Vec<f64> = [980.0_f64, 3.0, 1100.0, 17.0, 1.0, 9.0, 990.0]
        .map(|count| 0.62 * count.ln_1p() / 1100.0_f64.ln_1p())
        .to_vec();
    assert_eq!(shades.len(), expected.len());
    for (shade, expected) in shades.iter().zip(&expected) {
        assert!((shade - expected).abs() < 1e-12, "{shades:?} {expected:?}");
    }
    assert_eq!(
        description(&svg),
        "Confusion matrix of 3100 samples in 3 classes, true classes in rows, predicted classes \
         in columns. Accuracy 99.03 %. Most frequent confusions: one taken for two 17 times, two \
         taken for one 9 times, zero taken for one 3 times."
    );
    let perfect = Confusion::new(&[0, 1], &[0, 1], 2).unwrap();
    let svg = ConfusionMatrix::new("t", &perfect).svg().unwrap();
    assert!(description(&svg).ends_with("No class was taken for another."));
}

#[test]
fn long_names_stand_upright_below_the_matrix() {
    let names = ["a very long class name", "another long class name", "and one more of them"];
    let rotated = |svg: &str| svg.matches("rotate(270").count();
    let matrix = ConfusionMatrix::new("t", &confusion());
    assert_eq!(rotated(&matrix.svg().unwrap()), 0);
    assert_eq!(rotated(&matrix.classes(names).svg().unwrap()), 3);
}

#[test]
fn wrong_predictions_are_marked_by_more_than_color() {
    let svg = images().svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for text in ["7", "9", "is 4", "frog"] {
        assert!(texts.contains(&text.to_string()), "{text}");
    }
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("image")).count(), 3);
    // One heavy frame, two strokes of one cross.
    let drawn = |width| lines(&svg, "#D55E00", width).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(drawn("30"), [6]);
    assert_eq!(drawn("22"), [2, 2]);
    assert_eq!(
        description(&svg),
        "3 images, 1 of 2 predictions wrong, row by row: 7, 9 (wrong: is 4), frog."
    );
    let plain = ImageGrid::new("t").image(&Array2::<f32>::zeros((2, 2)), "a").svg().unwrap();
    assert!(!plain.contains("#D55E00"));
    assert_eq!(description(&plain), "1 images, row by row: a.");
}

/// The images of an SVG, decoded.
fn embedded(svg: &str) -> Vec<image::RgbaImage> {
    use base64::Engine;
    let document = Document::parse(svg).unwrap();
    let images = document.descendants().filter(|node| node.has_tag_name("image"));
    images
        .map(|node| {
            let data = node.attribute("href").unwrap().strip_prefix("data:image/png;base64,");
            let png = base64::engine::general_purpose::STANDARD.decode(data.unwrap()).unwrap();
            image::load_from_memory(&png).unwrap().to_rgba8()
        })
        .collect()
}

#[test]
fn images_are_embedded_pixel_by_pixel() {
    let images = embedded(&images().svg().unwrap());
    assert_eq!(images[0].dimensions(), (28, 28));
    assert_eq!(images[0].get_pixel(27, 27).0, [255; 4]);
    // Column 9, row 27: 9 · 27 / 729 = 1/3.
    assert_eq!(images[0].get_pixel(9, 27).0, [85, 85, 85, 255]);
    // Row 3: (c + 3) / 9 for red, green and blue.
    assert_eq!(images[2].get_pixel(0, 3).0, [85, 113, 142, 255]);
}

#[test]
fn weights_share_one_scale_around_a_transparent_zero() {
    let svg = weights().svg().unwrap();
    let images = embedded(&svg);
    assert_eq!(images.len(), 5 + 1);
    assert_eq!(images[0].dimensions(), (4, 3));
    // Unit 0 runs from 0 to 0.11, the largest magnitude; unit 4 from −0.08 to 0.03.
    assert_eq!(images[0].get_pixel(0, 0).0[3], 0);
    assert_eq!(images[0].get_pixel(3, 2).0, [0x00, 0x72, 0xb2, 255]);
    assert_eq!(images[4].get_pixel(0, 0).0, [0xd5, 0x5e, 0x00, 185]);
    assert_eq!(images[4].get_pixel(3, 2).0, [0x00, 0x72, 0xb2, 70]);
    let texts = texts(&Document::parse(&svg).unwrap());
    for text in ["weight", "−0.110", "−0.055", "0", "0.055", "0.110"] {
        assert!(texts.contains(&text.to_string()), "{text} of {texts:?}");
    }
    let mut w = Array2::from_elem((1, 2), 0.5);
    w[(0, 1)] = f64::NAN;
    let svg = WeightImages::new("t").quantity("weight, volts").image(&w).svg().unwrap();
    assert!(description(&svg).ends_with("1 that are not finite are left out."));
    assert!(svg.contains("weight, volts"));
}

#[test]
fn a_label_stands_below_its_image() {
    let svg = weights().labels(0..5).svg().unwrap();
    assert!(description(&svg).ends_with(" to 1.100e-1 (blue). Below them: 0, 1, 2, 3, 4."));
    let document = Document::parse(&svg).unwrap();
    let images = document.descendants().filter(|node| node.has_tag_name("image"));
    let is_label = |node: &Node| node.text().is_some_and(|text| "01234".contains(text.trim()));
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let labels: Vec<_> = texts.filter(is_label).take(5).collect();
    assert_eq!(labels.len(), 5);
    for (image, &label) in images.zip(&labels) {
        let middle = number(image, "x") + number(image, "width") / 2.0;
        assert!((number(label, "x") - middle).abs() < 10.0, "{label:?} below {image:?}");
        let distance = number(label, "y") - number(image, "y") - number(image, "height");
        assert!((40.0..240.0).contains(&distance), "{distance} below {image:?}");
    }

    // Long ones have fewer columns, so that they do not run into each other.
    let rows = |figure: WeightImages| {
        let svg = figure.svg().unwrap();
        let document = Document::parse(&svg).unwrap();
        let images = document.descendants().filter(|node| node.has_tag_name("image"));
        let mut tops: Vec<String> =
            images.map(|node| node.attribute("y").unwrap().into()).collect();
        tops.dedup();
        tops.len()
    };
    assert_eq!(rows(weights().labels(0..5)), 1 + 1);
    assert_eq!(rows(weights().labels(["a label of some twenty letters"; 5])), 3 + 1);

    assert_eq!(
        message(weights().labels(0..4).svg()),
        "figure \"First layer\": 4 names for 5 images: give one name each, in their order"
    );
}

#[test]
fn filters_show_their_colors_around_gray() {
    let svg = filters().svg().unwrap();
    let images = embedded(&svg);
    assert_eq!(images.len(), 5 + 1);
    assert!(images[..5].iter().all(|image| image.dimensions() == (2, 3)));
    // One scale, from −4 to 4.
    let colors = [[128, 128, 128], [159, 128, 96], [191, 128, 64], [223, 128, 32], [255, 128, 0]];
    for (image, [r, g, b]) in images.iter().zip(colors) {
        assert!(image.pixels().all(|pixel| pixel.0 == [r, g, b, 255]), "{r} {g} {b}");
    }
    let shown = texts(&Document::parse(&svg).unwrap());
    for text in ["one image a filter, row by row from the first", "weight on red, green and blue"] {
        assert!(shown.contains(&text.to_string()), "{text} of {shown:?}");
    }
    assert!(shown.contains(&"−4.00".to_string()), "{shown:?}");
    assert_eq!(
        description(&svg),
        "5 images of the weight, row by row from the first filter, on one scale for red, green and \
         blue from −4.000e0 (dark) over 0 (gray) to 4.000e0 (bright)."
    );
    // The columns of a linear layer are the same images.
    let w = Array2::from_shape_fn((18, 5), |(entry, n)| n as f64 * (1.0 - (entry % 3) as f64));
    let units = WeightImages::new("Filters").units(&w, 3, 2).svg().unwrap();
    assert_eq!(embedded(&units), images);
}

#[test]
fn a_scale_of_its_own_fills_the_range_of_an_image() {
    let svg = filters().own_scales().svg().unwrap();
    let images = embedded(&svg);
    assert_eq!(images[0].get_pixel(0, 0).0, [128, 128, 128, 255]);
    for image in &images[1..5] {
        assert_eq!(image.get_pixel(1, 2).0, [255, 128, 0, 255]);
    }
    let shown = texts(&Document::parse(&svg).unwrap());
    let note = "one image a filter, row by row, each on its own scale";
    for text in [note, "share of the largest weight on red, green and blue", "−1.00", "0.50"] {
        assert!(shown.contains(&text.to_string()), "{text} of {shown:?}");
    }
    assert_eq!(
        description(&svg),
        "5 images of the weight, row by row from the first filter, each on a scale of its own for \
         red, green and blue from minus its largest magnitude (dark) over 0 (gray) to that \
         magnitude (bright)."
    );
}

#[test]
fn one_channel_has_the_signs_of_weights() {
    let w = Array4::from_shape_fn((2, 2, 1, 3), |(i, _, _, n)| 2.0 * i as f64 - n as f64);
    let images = embedded(&WeightImages::new("t").filters(&w).svg().unwrap());
    assert_eq!(images[2].get_pixel(0, 0).0, [0xd5, 0x5e, 0x00, 255]);
    assert_eq!(images[2].get_pixel(0, 1).0[3], 0);
    assert_eq!(images[0].get_pixel(1, 1).0, [0x00, 0x72, 0xb2, 255]);
}

#[test]
fn maps_stand_beside_their_picture() {
    let svg = maps().svg().unwrap();
    let images = embedded(&svg);
    // The picture first, then the channels, then the scale.
    assert_eq!(images.len(), 1 + 7 + 1);
    assert_eq!(images[0].dimensions(), (4, 8));
    assert_eq!(images[0].get_pixel(3, 7).0, [255; 4]);
    assert!(images[1..8].iter().all(|image| image.dimensions() == (6, 4)));
    // Of 168 numbers one may lie beyond the scale: channel 0 reaches 15/5 = 3, channel 1 14/5,
    // where the scale ends. Channel 6 begins at −6/5.
    assert_eq!(images[1].get_pixel(5, 3).0, [0x00, 0x72, 0xb2, 255]);
    assert_eq!(images[2].get_pixel(5, 3).0, [0x00, 0x72, 0xb2, 255]);
    assert_eq!(images[3].get_pixel(5, 3).0, [0x00, 0x72, 0xb2, 237]);
    assert_eq!(images[7].get_pixel(0, 0).0, [0xd5, 0x5e, 0x00, 109]);
    let document = Document::parse(&svg).unwrap();
    let shown = texts(&document);
    let note = "the picture, and one image a channel, row by row";
    for text in [note, "frog", "activation", "≤ −2.80", "≥ 2.80"] {
        assert!(shown.contains(&text.to_string()), "{text} of {shown:?}");
    }
    let places: Vec<_> = document.descendants().filter(|node| node.has_tag_name("image")).collect();
    let edge = number(places[0], "x") + number(places[0], "width");
    assert!(places[1..8].iter().all(|map| number(*map, "x") > edge));
    assert_eq!(
        description(&svg),
        "7 images of the activation, row by row from the first channel, on one scale from −2.800e0 \
         (vermilion) over 0 (the page) to 2.800e0 (blue) and beyond. Beside them the picture that \
         they answer to: frog."
    );
}

#[test]
fn a_second_line_takes_room_in_its_row_alone() {
    let gray = Array2::<f32>::zeros((28, 28));
    // Three rows of eight, with a mistake in the second.
    let figure = (0..24).fold(ImageGrid::new("t"), |figure, i| {
        figure.prediction(&gray, "7", if i == 12 { "1" } else { "7" })
    });
    let svg = figure.svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let images: Vec<_> = document.descendants().filter(|node| node.has_tag_name("image")).collect();
    let top = |row: usize| number(images[8 * row], "y");
    assert!((0..24).all(|i| number(images[i], "y") == top(i / 8)));
    // A line is 19 pixels high, in tenths.
    assert_eq!(top(2) - top(1) - (top(1) - top(0)), 190.0);
}

/// The lines of a network in color and the others, each from its left end to its right one.
fn unit_lines(figure: &Units) -> [Vec<[f64; 4]>; 2] {
    let svg = figure.svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let lines = document.descendants().filter(|node| node.has_tag_name("polyline"));
    let (mut colored, mut others) = (Vec::new(), Vec::new());
    for line in lines {
        let ends: Vec<f64> =
            line.attribute("points").unwrap().split([' ', ',']).flat_map(str::parse).collect();
        let is_colored = line.attribute("stroke") == Some("#D55E00");
        // A circle has more points.
        if let Ok(ends) = <[f64; 4]>::try_from(ends) {
            if is_colored { colored.push(ends) } else { others.push(ends) }
        }
    }
    [colored, others]
}

#[test]
fn every_way_through_the_named_units_has_a_color() {
    let [colored, others] = unit_lines(&units());
    // x0 to h1, h1 to both outputs, both outputs to the loss; of 6 + 6 + 2 lines.
    assert_eq!((colored.len(), others.len()), (5, 9));
    let [way, to_o0, to_o1, o0_on, o1_on] = colored[..] else { unreachable!() };
    // x0 is above h1, h1 between the outputs, and the loss too; a way goes on where it arrived.
    assert!(way[1] < way[3] && to_o0[1] > to_o0[3] && to_o1[1] < to_o1[3]);
    assert!(o0_on[1] < o0_on[3] && o1_on[1] > o1_on[3]);
    for pair in [[way, to_o0], [way, to_o1], [to_o0, o0_on], [to_o1, o1_on]] {
        let gap = [pair[1][0] - pair[0][2], pair[1][1] - pair[0][3]];
        // From rim to rim of a circle with a radius of 18 pixels.
        assert!(gap[0].hypot(gap[1]) <= 361.0 && gap[0] > 0.0, "{gap:?}");
    }
    let [colored, others] = unit_lines(&Units::new("t").layer("a", ["a"]).layer("b", ["b", "c"]));
    assert_eq!((colored.len(), others.len()), (0, 2));
    assert_eq!(
        description(&units().svg().unwrap()),
        "A network from left to right: inputs x0, x1; hidden units h0, h1, h2; outputs o0, o1; loss \
         L. In color: every way through x0 and h1. The line from x0 to h1 is labeled w01."
    );
}

#[test]
fn a_network_that_is_none_is_refused() {
    let remedy = "give it two layers or more with `layer`, and each layer a unit or more";
    let nothing = format!("figure \"t\": it has nothing to draw: {remedy}");
    assert_eq!(message(Units::new("t").layer("a", ["x"]).svg()), nothing);
    let empty = units().layer("more", [""; 0]);
    let nothing = format!("figure \"Ways from w01\": layer \"more\" has nothing to draw: {remedy}");
    assert_eq!(message(empty.svg()), nothing);
    let unknown = "figure \"Ways from w01\": no layer has a unit \"h9\": give it to one with \
                   `layer`, or use the name that it has there";
    for figure in
        [units().through(["h9"]), units().label("h9", "o0", "w"), units().label("x0", "h9", "w")]
    {
        assert_eq!(message(figure.svg()), unknown);
    }
    for [from, to] in [["x0", "o0"], ["h1", "x0"], ["o0", "o1"]] {
        assert_eq!(
            message(units().label(from, to, "w").svg()),
            format!(
                "figure \"Ways from w01\": no line runs from \"{from}\" to \"{to}\": label one from \
                 a layer to the next"
            )
        );
    }
}

fn message(result: Result<String, PlotError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_product_shows_the_row_and_the_column_of_its_entry() {
    let svg = products().svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let texts = texts(&document);
    for label in ["Y [4, 3]", "X [4, 2]", "W [2, 3]", "=", "·"] {
        assert!(texts.contains(&label.to_string()), "{label}");
    }
    // Row 3 of X is (3, 0) and column 1 of W (10.5, 11.5).
    assert!(texts.contains(&"31.5".to_string()));
    let shades = document.descendants().filter(|node| node.attribute("fill") == Some("#0072B2"));
    // An entry, a row of two and a column of two: both as wide as they have columns.
    let sizes: Vec<[f64; 2]> =
        shades.map(|shade| ["width", "height"].map(|name| number(shade, name))).collect();
    let [[cell, height], row, column] = sizes.try_into().unwrap();
    assert_eq!((row[1], column[0]), (height, cell));
    assert!((row[0] - 2.0 * cell).abs() <= 1.0 && (column[1] - 2.0 * height).abs() <= 1.0);
    assert!(description(&svg).ends_with("row 3 of X and column 1 of W."));
}

#[test]
fn a_product_that_is_none_is_refused() {
    let (x, empty) = (Array2::<f64>::ones((2, 3)), Array2::<f64>::zeros((0, 3)));
    let refused = |left: &Array2<f64>, right: &Array2<f64>, entry| {
        let figure = Products::new("p").product(["Y", "X", "W"], left.view(), right.view(), entry);
        figure.svg().unwrap_err().to_string()
    };
    assert_eq!(
        refused(&x, &x, [0, 0]),
        "figure \"p\": Y: [2, 3] · [2, 3], entry [0, 0]: give the left as many columns as the right \
         has rows"
    );
    let w = Array2::ones((3, 4));
    assert!(
        refused(&x, &w, [2, 0]).contains("entry [2, 0]: the entry must be in a row of the left")
    );
    assert!(refused(&x, &w, [0, 4]).contains("column of the right, from 0"));
    assert!(refused(&empty, &w, [0, 0]).contains("a factor is empty"));
    assert!(matches!(Products::new("p").svg(), Err(PlotError::Empty { .. })));
}

#[test]
fn what_cannot_be_drawn_is_refused_by_name() {
    assert_eq!(
        message(Curves::new("t").svg()),
        "figure \"t\": it has nothing to draw: add a series with `line`, `smoothed` or `band`"
    );
    let nothing: [f64; 0] = [];
    for ys in [vec![], vec![f64::NAN]] {
        let xs = 0..ys.len();
        let error = Curves::new("t").line("a", xs, ys).svg().unwrap_err();
        assert!(matches!(&error, PlotError::Empty { what, .. } if what == "series \"a\""));
    }
    let negative = Curves::new("t").log_y().line("a", [1, 2], [0.0, -1.0]).svg();
    assert!(matches!(negative, Err(PlotError::Empty { .. })));
    assert_eq!(
        message(Curves::new("t").line("a", 1..=3, [1.0, 2.0]).svg()),
        "figure \"t\": series \"a\" has 3 x and 2 y: give one y an x"
    );
    let uneven = Curves::new("t").band("a", [1, 2], [vec![1.0, 2.0], vec![1.0]]).svg();
    assert!(matches!(uneven, Err(PlotError::Lengths { xs: 2, ys: 1, .. })));
    assert!(matches!(
        Curves::new("t").band("a", [1], [nothing; 0]).svg(),
        Err(PlotError::Empty { .. })
    ));
    assert_eq!(
        message(matrix().classes(["one", "two"]).svg()),
        "figure \"Test images\": 2 names for 3 classes: give one name each, in their order"
    );
    assert!(matches!(ImageGrid::new("t").svg(), Err(PlotError::Empty { .. })));
    let flat = images().image(&Array1::<f32>::zeros(784), "0").svg();
    assert!(matches!(&flat, Err(PlotError::Shape { image: 3, shape, .. }) if *shape == [784]));
    let empty = ImageGrid::new("t").image(&Array2::<f32>::zeros((0, 3)), "0").svg();
    assert!(matches!(empty, Err(PlotError::Shape { image: 0, .. })));
    assert!(matches!(WeightImages::new("t").svg(), Err(PlotError::Empty { .. })));
    let w = Array2::<f32>::zeros((784, 2));
    assert_eq!(
        message(WeightImages::new("t").units(&w, 28, 27).svg()),
        "figure \"t\": image 0 has the shape [784, 2]: it must be a column of a matrix with 756 \
         rows, or 2268 in color"
    );
    assert_eq!(
        message(WeightImages::new("t").filters(&Array4::<f32>::zeros((3, 3, 2, 4))).svg()),
        "figure \"t\": image 0 has the shape [3, 3, 2, 4]: it must be [height, width, 1 or 3, \
         filters]"
    );
    assert_eq!(
        message(filters().image(&Array2::<f32>::zeros((3, 2))).svg()),
        "figure \"Filters\": image 5 has the shape [3, 2, 1]: it must be in color, as others of \
         the figure are"
    );
    let flat = maps().beside(&Array1::<f32>::zeros(784), "0").svg();
    assert!(matches!(&flat, Err(PlotError::Shape { image: 7, shape, .. }) if *shape == [784]));
    let empty = WeightImages::new("t").image(&Array2::<f32>::zeros((0, 2))).svg();
    assert!(matches!(empty, Err(PlotError::Shape { .. })));
    assert!(Curves::new("t").png(Theme::Dark).is_err());
}

#[test]
fn extreme_numbers_are_drawn_or_left_out() {
    for ys in [[1e300, -1e300, 1.0], [1e99, -1e99, 0.0], [1e-300, 0.0, 1e-299], [5.0; 3]] {
        let svg = Curves::new("t").line("a", [1e15, 1e15 + 1.0, 1e15 + 2.0], ys).svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{ys:?}");
    }
    let tiny = Curves::new("t").log_y().line("a", [1, 2], [1e-99, 1e99]).svg().unwrap();
    assert!(!tiny.contains("NaN"));
    let deep = Curves::new("t").log_y().band("a", [1, 2], [[0.1, 0.1], [0.9, 9.0]]).svg().unwrap();
    assert!(!deep.contains("NaN"));
}

#[test]
fn text_that_no_svg_may_hold_becomes_a_space() {
    let svg = Curves::new("a\u{0}b\nc").y("]]>\u{7}").line("<b>", [1, 2], [1, 2]).svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    assert!(texts(&document).contains(&"<b>".to_string()));
    assert!(texts(&document).contains(&"]]>".to_string()));
}

#[test]
fn a_file_is_written_as_its_name_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("figure.svg"), "an older file").unwrap();
    curves().save(path("figure.svg")).unwrap();
    curves().save(path("figure.PNG")).unwrap();
    curves().save_for(path("dark.png"), Theme::Dark).unwrap();
    assert_eq!(fs::read_to_string(path("figure.svg")).unwrap(), curves().svg().unwrap());
    let light = fs::read(path("figure.PNG")).unwrap();
    assert_eq!(light, curves().png(Theme::Light).unwrap());
    assert_eq!(fs::read(path("dark.png")).unwrap(), curves().png(Theme::Dark).unwrap());
    // Nothing else is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["figure.pdf", "figure", ".svg"] {
        let path = folder.path().join(name);
        let error = curves().save(&path).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.to_string().ends_with("end it in .svg or .png"), "{error}");
    }
    let missing = folder.path().join("no such folder").join("figure.svg");
    let error = curves().save(&missing).unwrap_err();
    assert!(matches!(&error, PlotError::Write { path, .. } if *path == missing));
    assert!(error.to_string().contains("name another folder"), "{error}");
    // A folder stands where the file should: what was written beside it is removed.
    fs::create_dir(folder.path().join("taken.svg")).unwrap();
    assert!(matches!(curves().save(folder.path().join("taken.svg")), Err(PlotError::Write { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// What `a_cell_shows_figures` prints is what a notebook reads.
#[test]
fn a_notebook_sees_the_figure_its_description_and_errors() {
    let test = std::env::current_exe().unwrap();
    let output = Command::new(test)
        .args(["--exact", "plot::a_cell_shows_figures", "--nocapture"])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let svg = matrix().svg().unwrap();
    let text = format!("Test images. {}", description(&svg));
    for (format, content) in [("image/svg+xml", svg), ("text/plain", text)] {
        let content = format!("EVCXR_BEGIN_CONTENT {format}\n{content}\nEVCXR_END_CONTENT\n");
        assert!(printed.contains(&content), "{printed}");
    }
    assert!(printed.contains("error: figure \"t\": it has nothing to draw"), "{printed}");
}

#[test]
fn a_cell_shows_figures() {
    matrix().evcxr_display();
    Curves::new("t").evcxr_display();
}

/// The rows share an axis: what is a thousand times smaller stands further to the left.
#[test]
fn histograms_share_the_axis_of_their_panel() {
    let rows = [vec![1e-3, -1e-3, 0.0], vec![1.0, 1.0]];
    let svg = Histograms::new("h", ["first", "second"]).magnitudes("size", rows).svg().unwrap();
    assert!(svg.contains("Panels: size (1 number without a place on the axis is left out)."));
    let document = Document::parse(&svg).unwrap();
    // The highest point of each outline.
    let peaks: Vec<f64> = document
        .descendants()
        .filter_map(|node| node.attribute("points").filter(|_| node.has_tag_name("polygon")))
        .map(|points| {
            let number = |text: &str| text.parse::<f64>().unwrap();
            let pairs = points.split_whitespace().map(|pair| pair.split_once(',').unwrap());
            let pairs: Vec<[f64; 2]> = pairs.map(|(x, y)| [number(x), number(y)]).collect();
            pairs.iter().min_by(|a, b| a[1].total_cmp(&b[1])).unwrap()[0]
        })
        .collect();
    assert_eq!(peaks.len(), 2, "{svg}");
    assert!(peaks[0] + 1000.0 < peaks[1], "{peaks:?}");
}

#[test]
fn histograms_without_numbers_are_refused() {
    let rows = |count: usize| vec![vec![0.0]; count];
    let figure = || Histograms::new("h", ["first", "second"]);
    assert!(matches!(figure().svg(), Err(PlotError::Empty { .. })));
    assert_eq!(
        message(figure().panel("x", rows(3)).svg()),
        "figure \"h\": 2 names for 3 rows: give one name each, in their order"
    );
    assert!(figure().panel("x", rows(2)).svg().is_ok());
    let zeros = figure().magnitudes("x", rows(2)).svg();
    assert!(matches!(zeros, Err(PlotError::Empty { what, .. }) if what == "panel \"x\""));
}
