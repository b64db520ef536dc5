// Chapter 3: a slope from two points, the digits that cancel in it, and the V of its error.

chainrule.widget("gradcheck", (widget) => {
  const FUNCTIONS = { sine: "sin x", exp: "eˣ", raised: "eˣ + 1000", cube: "x³", kink: "max(0, x)" };
  /** Exponents of the steps, and their distance. */
  const [FIRST, LAST, APART] = [-16, 0, 0.05];
  const STEPS = Math.round((LAST - FIRST) / APART) + 1;
  /** The exponent of the smallest error on the axis: an error of zero stands on it. */
  const [LEAST, MOST] = [-17, 1];
  /** How far the function is seen on both sides, in steps, and at how many places. */
  const [REACH, PLACES] = [2.5, 401];
  /** As many decimal digits as tell any two neighbors of a type apart. */
  const DIGITS = { f32: 9, f64: 17 };

  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  const { signed, power, short } = chainrule.written;

  // What is looked at, and from where.
  const example = widget.choice({ key: "function", label: "Function", options: FUNCTIONS, value: "sine" });
  const types = { f64: "f64", f32: "f32" };
  const type = widget.choice({ key: "type", label: "Numbers", options: types, value: "f64" });
  const sides = { central: "central", "one-sided": "one-sided" };
  const difference = widget.choice({
    key: "difference",
    label: "Difference",
    options: sides,
    value: "central",
  });
  widget.row(type, difference);
  const place = widget.slider({
    key: "x",
    label: "Place x",
    min: -2,
    max: 2,
    step: 0.01,
    value: 1,
    format: (x) => signed(x.toFixed(2)),
  });
  const exponent = widget.slider({
    key: "h",
    label: "Step h",
    min: FIRST,
    max: LAST,
    step: APART,
    value: -1,
    format: (e) => short(widget.call("gradcheck_step", e)[0]),
  });
  const rule = widget.button("", () => go(best));

  // The function under the step as a magnifying glass, and the V.
  const across = { label: "from x, in steps h", min: -REACH, max: REACH };
  const up = { label: "rise, in steps h", min: -1, max: 1 };
  const seen = widget.plot({ label: "The function near x", x: across, y: up, height: 0.86, isClipped: true });
  const wide = { label: "step h", min: FIRST, max: LAST, format: power, apart: 70 };
  const high = { label: "relative error", min: LEAST, max: MOST, format: power };
  const v = widget.plot({ label: "Error against step", x: wide, y: high, height: 0.86, isClipped: true });
  v.drags(({ x }) => go(x));
  const legend = (html) => {
    const made = element("p", { className: "gradcheck-legend" });
    made.innerHTML = html;
    return made;
  };
  const secantLegend = legend(
    'A window that shrinks with h: <span class="gradcheck-secant">the line through both points</span>, ' +
      '<span class="gradcheck-tangent">the tangent</span> (dashed), and the function as the machine has it.',
  );
  const vLegend = legend(
    'Dashed: <span class="gradcheck-truncation">truncation</span>, rising to the right, and ' +
      '<span class="gradcheck-rounding">the bound of rounding</span>, rising to the left. ' +
      'Upright: <span class="gradcheck-tangent">the step by the rule</span>. On the lower edge: no error.',
  );
  const pictures = widget.row(
    element("div", {}, seen.element, secantLegend),
    element("div", {}, v.element, vLegend),
  );
  pictures.className = "gradcheck-pictures";

  // The numbers, digit under digit.
  const numbers = element("dl", { className: "gradcheck-numbers" });
  const rows = Array.from({ length: 7 }, () => {
    const row = { name: element("dt"), value: element("dd") };
    numbers.append(row.name, row.value);
    return row;
  });
  widget.host.append(widget.status, numbers);

  let best, curve, shown;

  /** Puts the step at the nearest one of the axis. */
  function go(wanted) {
    const whole = Math.round((wanted - FIRST) / APART);
    const at = FIRST + APART * Math.max(0, Math.min(STEPS - 1, whole));
    exponent.value = Number(at.toFixed(2));
    widget.chose();
  }

  const choice = () => [
    Object.keys(FUNCTIONS).indexOf(example.value),
    type.value === "f64" ? 64 : 32,
    difference.value === "central" ? 2 : 1,
    place.value,
  ];

  /** All that is shown, from the crate. The curve is the same while the step moves. */
  function compute() {
    const chosen = choice();
    const at = exponent.value;
    if (curve?.of !== String(chosen)) {
      const all = widget.call("gradcheck_curve", ...chosen, FIRST, APART, STEPS);
      const column = (k) => Array.from({ length: STEPS }, (_, step) => all[3 * step + k]);
      curve = { of: String(chosen), errors: column(0), truncation: column(1), rounding: column(2) };
      [best] = widget.call("gradcheck_best_step", ...chosen);
    }
    const [h, x0, f0, x1, f1, rise, slope, derivative, error, truncation, rounding, isKinked] =
      widget.call("gradcheck_measure", ...chosen, at);
    const window = widget.call("gradcheck_window", ...chosen, at, REACH, PLACES);
    const errors = { error, truncation, rounding };
    shown = { h, x0, f0, x1, f1, rise, slope, derivative, ...errors, isKinked: isKinked === 1, window };
  }

  /** The pieces of a curve that can be drawn: what is no number, or infinite, parts them. */
  function pieces(heights, xOf) {
    const all = [[]];
    heights.forEach((height, k) => {
      if (Number.isFinite(height)) all.at(-1).push([xOf(k), height]);
      else if (all.at(-1).length > 0) all.push([]);
    });
    return all.filter((piece) => piece.length > 1);
  }

  function drawSecant() {
    const { window, slope, derivative } = shown;
    const points = [[window[0], window[1]], [window[2], window[3]]];
    const steepest = Math.max(0.4, Math.abs(derivative) || Math.abs(slope) || 0);
    const highest = Math.max(REACH * steepest, ...points.map(([, y]) => 1.15 * Math.abs(y)));
    [up.min, up.max] = [-highest, highest];
    const heights = Array.from(window.slice(4));
    const xOf = (k) => REACH * ((2 * k) / (PLACES - 1) - 1);
    /** The line of this slope through a point, from edge to edge. */
    const through = ([x, y], slope) => [-REACH, REACH].map((u) => [u, y + slope * (u - x)]);
    const marks = pieces(heights, xOf).map((line) => ({ line }));
    if (Number.isFinite(derivative)) {
      marks.push({ line: through([0, 0], derivative), color: "--widget-third", dashed: true });
    }
    const hasSlope = Number.isFinite(slope);
    if (hasSlope) marks.push({ line: through(points[0], slope), color: "--widget-down" });
    marks.push({ dots: points, color: "--widget-down", radius: 5 });
    const line = hasSlope ? `the line through both points has slope ${short(slope)}` : "there is no line";
    const tangent = Number.isFinite(derivative) ? `the tangent ${short(derivative)}` : "there is no tangent";
    seen.draw(marks, `${FUNCTIONS[example.value]} near ${signed(String(place.value))}; ${line}, ${tangent}`);
  }

  function drawV() {
    const xOf = (k) => FIRST + APART * k;
    const line = (heights, more) => pieces(heights, xOf).map((line) => ({ line, ...more }));
    // No error at all is minus infinity: it stands on the lower edge.
    const errors = curve.errors.map((error) => Math.max(error, LEAST));
    const at = Math.round((exponent.value - FIRST) / APART);
    const marks = [{ line: [[best, LEAST], [best, MOST]], color: "--widget-third" }];
    // Without a derivative there is no error, and nothing that bounds it.
    if (Number.isFinite(shown.derivative)) {
      marks.push(
        ...line(curve.truncation, { color: "--widget-up", dashed: true }),
        ...line(curve.rounding, { color: "--widget-down", dashed: true }),
        ...line(errors),
      );
    }
    if (Number.isFinite(errors[at])) {
      marks.push({ dots: [[exponent.value, errors[at]]], color: "--links", radius: 7 });
    }
    const hasError = Number.isFinite(errors[at]);
    const error = hasError ? `the relative error is ${short(shown.error)}` : "there is none to be compared";
    v.draw(marks, `with the step ${short(shown.h)} ${error}`);
  }

  /**
   * Numbers as texts with the same places, the largest with this many digits. `cut(place)` is where a
   * text is past the digits above 10 to the power of `place`.
   */
  function aligned(values, digits) {
    const exponentOf = (x) => Number(x.toExponential().split("e")[1]);
    const first = Math.max(...values.map((x) => (x === 0 ? -Infinity : exponentOf(x))));
    const leading = Number.isFinite(first) ? first : 0;
    // Small numbers are written as a few digits times a power of ten.
    const shift = leading < -3 ? leading : 0;
    const written = (x) => {
      const text = Math.abs(x).toFixed(digits - 1 - leading);
      const point = text.indexOf(".");
      const all = text.replace(".", "");
      const whole = shift ? all.slice(0, point - shift).replace(/^0+(?=.)/, "") : text.slice(0, point);
      return `${x < 0 ? "−" : ""}${whole}.${all.slice(point - shift)}`;
    };
    const texts = values.map(written);
    const length = Math.max(...texts.map((text) => text.length));
    const point = length - texts[0].split(".")[1].length - 1;
    const cut = (place) => {
      const places = point - (place - shift);
      return Math.max(0, Math.min(length, place - shift >= 0 ? places - 1 : places));
    };
    return { texts: texts.map((text) => text.padStart(length)), cut, leading, exponentOf, shift };
  }

  /** A text in two parts, and the power of ten that it is to be multiplied by. */
  function parts(text, cut, [before, after], shift) {
    const start = text.length - text.trimStart().length;
    const middle = Math.max(start, cut);
    const made = [
      element("span", { textContent: text.slice(0, start) }),
      element("span", { className: before, textContent: text.slice(start, middle) }),
      element("span", { className: after, textContent: text.slice(middle) }),
    ];
    return shift ? [...made, ` · ${power(shift)}`] : made;
  }

  /** How many digits of the values cancel. */
  let cancelled;

  /** Both values and their difference, with the digits that cancel. */
  function writtenValues(digits) {
    const { f0, f1, rise } = shown;
    const { texts, leading, shift, cut, exponentOf } = aligned([f1, f0, rise], digits);
    const place = rise === 0 ? leading - digits : exponentOf(rise);
    cancelled = Math.max(0, Math.min(digits, leading - place));
    const end = cancelled > 0 ? cut(place) : 0;
    return texts.map((text) => parts(text, end, ["is-lost", ""], shift));
  }

  /** The slope and the derivative, with the digits that are the same. */
  function writtenSlopes(digits) {
    const both = [shown.slope, shown.derivative];
    const { texts, shift } = aligned(both.map((x) => (Number.isFinite(x) ? x : 0)), digits);
    if (both.every(Number.isFinite)) {
      const [a, b] = texts;
      let same = 0;
      while (same < a.length && a[same] === b[same]) same += 1;
      return [
        parts(a, same, ["is-right", "is-wrong"], shift),
        parts(b, same, ["is-right", ""], shift),
      ];
    }
    // Where there is nothing to compare with, no digit is right or wrong.
    return both.map((x, k) => (Number.isFinite(x) ? parts(texts[k], 0, ["", ""], shift) : ["none"]));
  }

  function drawNumbers() {
    const { h, error } = shown;
    const digits = DIGITS[type.value];
    const [above, below, rise] = writtenValues(digits);
    const [slope, derivative] = writtenSlopes(digits);
    const lines = [
      ["step h", [short(h)]],
      ["f(x + h)", above],
      [difference.value === "central" ? "f(x − h)" : "f(x)", below],
      ["their difference", rise],
      ["slope", slope],
      ["derivative", derivative],
      ["relative error", [Number.isFinite(error) ? short(error) : "none"]],
    ];
    lines.forEach(([name, made], k) => {
      rows[k].name.textContent = name;
      rows[k].value.replaceChildren(...made);
    });
  }

  /** What there is to be seen, in a sentence or two. */
  function told() {
    const { x0, x1, rise, slope, derivative, error, truncation, rounding, isKinked } = shown;
    if (x0 === x1) return "x + h is rounded to x: there is no step, and no slope.";
    if (Number.isNaN(derivative)) {
      const sides = "its slope is 0 on the left and 1 on the right";
      return `max(0, x) has no derivative at 0: ${sides}. The difference says ${short(slope)}, whatever h is.`;
    }
    if (isKinked) return "The kink lies between the two points: their slope mixes those of both sides.";
    if (rise === 0 && derivative !== 0) return "Both values are rounded to the same number: the slope is 0.";
    if (error === 0) return "The slope has no error here.";
    const count = `${cancelled} of ${DIGITS[type.value]} digits cancel.`;
    const isWide = truncation > rounding;
    return `${count} ${isWide ? "Truncation rules: a shorter" : "Rounding rules: a longer"} step helps.`;
  }

  widget.draws(() => {
    compute();
    drawSecant();
    drawV();
    drawNumbers();
    rule.element.innerHTML = `h by the rule, ε<sup>${difference.value === "central" ? "1/3" : "1/2"}</sup>`;
    widget.say(told());
  });

  widget.values = () => ({
    choice: choice(),
    exponent: exponent.value,
    best,
    cancelled,
    rows: rows.map(({ name, value }) => [name.textContent, value.textContent.trim()]),
    lost: rows.map(({ value }) => value.querySelector(".is-lost")?.textContent ?? ""),
    errors: curve.errors,
    ...shown,
    window: Array.from(shown.window),
  });
});
