// Chapter 4: a quotient with both gradients as arrows, and a row whose gradient is a column's sum.

chainrule.widget("elementwise", (widget) => {
  /** Both numbers go from minus this to this. */
  const REACH = 4;
  /** How high the curve is seen, and at how many places it is computed: 0 is the one in the middle. */
  const [HIGH, PLACES] = [8, 401];
  /** What is infinite is drawn as an arrow of this length, which leaves every picture. */
  const FAR = 1000;
  /** Closer to zero than this the gradients explode. */
  const NEAR = 0.5;
  const [A, B, Y] = ["--widget-up", "--widget-down", "--widget-third"];

  const PLANE_LEGEND =
    'Drag the point. The slope of the dashed line is the <span class="is-y">quotient</span>: its height at ' +
    'b = 1. Upright arrow: <span class="is-a">da</span>; level arrow: <span class="is-b">db</span>. ' +
    'One without a head goes on outside.';
  const CURVE_LEGEND =
    'The quotient as b moves and a stays. Dashed: the tangent, whose slope is ' +
    '<span class="is-b">−a/b²</span>.';
  const ROW_TITLE =
    'A row <span class="is-b">s</span> divides every row of <span class="is-a">X</span>: choose an entry';
  const ROW_LEGEND =
    'From the green cells comes the gradient in the orange one: what each row adds, one arrow after the ' +
    'other. Where there are several, the bold arrow is their sum.';

  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  /** A few digits, and no zero with a sign. */
  const number = (x, maximumSignificantDigits = 4) => {
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    return (x + 0).toLocaleString("en", { maximumSignificantDigits }).replace("-", "−");
  };
  const factor = (x) => (x < 0 ? `(${number(x)})` : number(x));
  /** With its indices below the line: digits that follow a letter. */
  const below = (name) => name.replace(/(?<=[A-Za-z]\d?)\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
  const paragraph = (className, html) => {
    const made = element("p", { className });
    made.innerHTML = html;
    return made;
  };

  const quotient = quotientPart();
  const row = rowPart();
  widget.draws(() => {
    quotient.draw();
    row.draw();
  });
  widget.values = () => ({ ...quotient.values(), ...row.values() });

  /** One division: a point whose height is a and whose distance is b, and the quotient as b moves. */
  function quotientPart() {
    const slider = (key, label, value, reach, step) =>
      widget.slider({ key, label, min: -reach, max: reach, step, value, format: (x) => number(x) });
    const a = slider("a", "Numerator a", 2, REACH, 0.05);
    const b = slider("b", "Denominator b", 0.8, REACH, 0.05);
    const upstream = slider("dy", "Upstream dy", 1, 2, 0.1);

    const across = { label: "b", min: -REACH, max: REACH, apart: 40 };
    const up = { label: "a", min: -REACH, max: REACH, apart: 40 };
    const plane = widget.plot({ label: "The point", x: across, y: up, isEven: true, isClipped: true });
    plane.drags(({ x, y }) => {
      [a.value, b.value] = [y, x];
      widget.chose();
    });
    const high = { label: "y = a / b", min: -HIGH, max: HIGH };
    const curve = widget.plot({ label: "The quotient", x: across, y: high, height: 0.93, isClipped: true });
    curve.drags(({ x }) => {
      b.value = x;
      widget.chose();
    });
    const pictures = widget.row(
      element("div", {}, plane.element, paragraph("elementwise-legend", PLANE_LEGEND)),
      element("div", {}, curve.element, paragraph("elementwise-legend", CURVE_LEGEND)),
    );
    pictures.className = "elementwise-pictures";

    const lines = element("dl", { className: "elementwise-numbers" });
    const names = [["y = a / b", "is-y"], ["da = dy · 1/b", "is-a"], ["db = dy · (−a/b²)", "is-b"]];
    const shownNumbers = names.map(([textContent, className]) => {
      const value = element("dd");
      lines.append(element("dt", { textContent, className }), value);
      return value;
    });
    widget.host.append(lines, widget.status);
    let shown;

    function compute() {
      const chosen = [a.value, b.value, upstream.value];
      const [y, slopeA, slopeB, da, db] = widget.call("elementwise_divide", ...chosen);
      const heights = Array.from(widget.call("elementwise_curve", a.value, REACH, PLACES));
      shown = { a: a.value, b: b.value, dy: upstream.value, y, slopeA, slopeB, da, db, heights };
    }

    function drawPlane() {
      const { a, b, y, da, db } = shown;
      const long = (x) => Math.max(-FAR, Math.min(FAR, x));
      const marks = [{ line: [[1, -REACH], [1, REACH]], color: Y }];
      const size = Math.max(Math.abs(a), Math.abs(b));
      if (size > 0) {
        const [x, height] = [(FAR * b) / size, (FAR * a) / size];
        marks.push({ line: [[-x, -height], [x, height]], color: "--faint", dashed: true });
      }
      if (!Number.isNaN(da)) marks.push({ arrow: [[b, a], [b, a + long(da)]], color: A });
      if (!Number.isNaN(db)) marks.push({ arrow: [[b, a], [b + long(db), a]], color: B });
      marks.push({ dots: [[b, a]], radius: 6 });
      if (Math.abs(y) <= REACH) marks.push({ dots: [[1, y]], color: Y, radius: 5 });
      const [place, gradients] = [[a, b], [da, db]].map((two) => two.map((x) => number(x)).join(" and "));
      plane.draw(marks, `a and b are ${place}, their quotient ${number(y)}, da and db ${gradients}`);
    }

    function drawCurve() {
      const { b, y, slopeB, heights } = shown;
      const points = heights.map((height, k) => [REACH * ((2 * k) / (PLACES - 1) - 1), height]);
      const middle = (PLACES - 1) / 2;
      const marks = [points.slice(0, middle), points.slice(middle + 1)].map((line) => ({ line }));
      if (Number.isFinite(slopeB)) {
        const at = (x) => [x, y + slopeB * (x - b)];
        marks.push({ line: [at(-REACH), at(REACH)], color: B, dashed: true });
      }
      if (Math.abs(y) <= HIGH) marks.push({ dots: [[b, y]], color: Y, radius: 6 });
      curve.draw(marks, `at b = ${number(b)} it is ${number(y)}, and its slope ${number(slopeB)}`);
    }

    function drawNumbers() {
      const { a, b, dy, y, slopeA, slopeB, da, db } = shown;
      const product = (slope, gradient) => `${factor(dy)} · ${factor(slope)} = ${number(gradient)}`;
      const texts = [`${factor(a)} / ${factor(b)} = ${number(y)}`, product(slopeA, da), product(slopeB, db)];
      texts.forEach((text, k) => (shownNumbers[k].textContent = text));
    }

    /** What there is to be seen, in a sentence or two. */
    function told() {
      const { a, b, dy, y, da, db } = shown;
      if (b === 0) {
        const results = `y = ${number(y)}, da = ${number(da)}, db = ${number(db)}`;
        return `Dividing by 0 is no error: ${results}, and these go on through the tape.`;
      }
      if (dy === 0) return "With dy = 0 nothing goes back, whatever the slopes are.";
      const effect = (gradient) => (gradient > 0 ? "rises" : "falls");
      if (a === 0) return `With a = 0 the quotient is 0 whatever b is. Raise a, and the loss ${effect(da)}.`;
      if (Math.abs(b) < NEAR) return "b is near 0. Halve it: da doubles, and db becomes four times as large.";
      return `Raise a slightly, and the loss ${effect(da)}; raise b slightly, and it ${effect(db)}.`;
    }

    return {
      draw() {
        compute();
        drawPlane();
        drawCurve();
        drawNumbers();
        widget.say(told());
      },
      values: () => shown,
    };
  }

  /** A matrix divided by a row, forwards above and backwards below. */
  function rowPart() {
    const [rows, columns, ...example] = widget.call("elementwise_example");
    const size = rows * columns;
    /** Where X, s and dY begin, how far their numbers go, and by what steps. */
    const GIVEN = [
      { name: "X", from: 0, rows, reach: 8, step: 0.25 },
      { name: "s", from: size, rows: 1, reach: 4, step: 0.05 },
      { name: "dY", from: size + columns, rows, reach: 4, step: 0.25 },
    ];
    /** The entry at `index`: its tensor, its place, and its name with indices. */
    const entry = (index) => {
      const tensor = GIVEN.findLast(({ from }) => index >= from);
      const [i, j] = [Math.floor((index - tensor.from) / columns), (index - tensor.from) % columns];
      return { index, tensor, i, j, name: tensor.rows === 1 ? `s${j}` : `${tensor.name}${i}${j}` };
    };
    const entries = example.map((_, index) => entry(index));
    const named = (name) => entries.find((entry) => entry.name === name);

    let numbers = example;
    let chosen = named("s0");
    /** The entry that a pointer is over, or null. */
    let hovered = null;
    let shown;

    /** The changed numbers, as the address has them: "s0=0.5,X12=3". */
    const changed = {
      initial: "",
      get value() {
        const others = entries.filter(({ index }) => numbers[index] !== example[index]);
        return others.map(({ name, index }) => `${name}=${numbers[index]}`).join(",");
      },
      set value(list) {
        numbers = [...example];
        for (const [name, value] of list.split(",").map((one) => one.split("="))) {
          const found = named(name);
          const isGiven = found && value && Math.abs(Number(value)) <= found.tensor.reach;
          if (isGiven) numbers[found.index] = Number(value);
        }
      },
    };
    const selected = {
      initial: chosen.name,
      get value() {
        return chosen.name;
      },
      set value(name) {
        chosen = named(name) ?? chosen;
      },
    };
    widget.controls.set("numbers", changed);
    widget.controls.set("entry", selected);
    changed.value = widget.remembered("numbers") ?? "";
    selected.value = widget.remembered("entry") ?? "";

    // Forwards above, backwards below; the row stands below the columns that it divides.
    const tables = Object.fromEntries(
      [["X", rows], ["s", 1], ["Y", rows], ["dX", rows], ["ds", 1], ["dY", rows]].map(([name, count]) => [
        name,
        table(name, count, GIVEN.find((tensor) => tensor.name === name)),
      ]),
    );
    const block = (...names) => element("div", {}, ...names.map((name) => tables[name].element));
    const sign = (textContent) => element("p", { className: "elementwise-sign", textContent });
    const matrices = element("div", { className: "elementwise-matrices" });
    matrices.append(block("X", "s"), sign("→"), block("Y"), block("dX", "ds"), sign("←"), block("dY"));
    matrices.addEventListener("pointerleave", () => hover(null));
    matrices.addEventListener("keydown", moveUpOrDown);

    const across = { min: -1, max: 1, apart: 60 };
    const lanes = { label: "row", min: -0.6, max: rows + 0.6, apart: 22 };
    lanes.format = (lane) => (lane === 0 ? "Σ" : String(rows - lane));
    const sum = widget.plot({
      label: "The gradient, row by row",
      x: across,
      y: lanes,
      height: 0.7,
      isClipped: true,
    });
    const told = paragraph("elementwise-told", "");
    const title = paragraph("elementwise-title", ROW_TITLE);
    const parts = widget.row(
      matrices,
      element("div", {}, sum.element, paragraph("elementwise-legend", ROW_LEGEND)),
    );
    parts.className = "elementwise-row";
    const input = element("input", { type: "range", id: "widget-elementwise-number" });
    const output = element("output", { htmlFor: input.id });
    output.setAttribute("aria-live", "off");
    const label = element("label", { htmlFor: input.id });
    input.addEventListener("input", () => {
      numbers[chosen.index] = input.valueAsNumber;
      widget.chose();
    });
    parts.before(title);
    widget.host.append(told, element("div", { className: "widget-slider" }, label, input, output));

    /** The cells of a tensor: those of a given one can be chosen. */
    function table(name, count, given) {
      const cells = Array.from({ length: count * columns }, (_, k) => {
        const text = element("span");
        if (!given) return { cell: text, text };
        const { index } = entries[given.from + k];
        const radio = element("input", { type: "radio", name: "widget-elementwise-entry" });
        radio.addEventListener("change", () => choose(index));
        const cell = element("label", {}, radio, text);
        cell.addEventListener("pointerenter", ({ pointerType }) => {
          if (pointerType === "mouse") hover(index);
        });
        return { cell, text, radio };
      });
      const kind = { X: "is-a", s: "is-b", Y: "is-y" }[name.replace("d", "")];
      const body = element("div", { className: "elementwise-cells", role: given ? "group" : "img" });
      body.style.setProperty("--columns", columns);
      body.append(...cells.map(({ cell }) => cell));
      const made = element("div", { className: "elementwise-table" });
      made.append(element("span", { className: kind, textContent: name }), body);
      return { element: made, body, cells };
    }

    function choose(index) {
      chosen = entries[index];
      widget.chose();
    }

    function hover(index) {
      if (hovered === index) return;
      hovered = index;
      widget.changed();
    }

    /** The browser's own arrows go from entry to entry; up and down go a row on. */
    function moveUpOrDown(event) {
      const step = { ArrowUp: -columns, ArrowDown: columns }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = chosen.index + step;
      if (next < 0 || next >= entries.length) return;
      choose(next);
      radioOf(chosen).focus();
    }

    const radioOf = ({ index, tensor }) => tables[tensor.name].cells[index - tensor.from].radio;

    function compute() {
      const results = Array.from(widget.call("elementwise_row", rows, columns, ...numbers));
      const given = (k) => numbers.slice(GIVEN[k].from, GIVEN[k].from + GIVEN[k].rows * columns);
      const matrix = (k) => results.slice(k * size, (k + 1) * size);
      const [Y, dX, terms, sums] = [0, 1, 2, 3].map(matrix);
      const [X, s, dY] = [0, 1, 2].map(given);
      shown = { X, s, dY, Y, dX, terms, sums, ds: results.slice(4 * size) };
    }

    /** The entries that make a gradient, and those that are made: by table, a list of places. */
    function ways({ tensor, i, j }) {
      const at = i * columns + j;
      if (tensor.name === "X") return { makers: { dY: [at], s: [j] }, made: { dX: [at] } };
      if (tensor.name === "dY") return { makers: {}, made: { dX: [at], ds: [j] } };
      const column = Array.from({ length: rows }, (_, k) => k * columns + j);
      return { makers: { dY: column, Y: column, s: [j] }, made: { ds: [j] } };
    }

    function drawTables(entry) {
      const { makers, made } = ways(entry);
      for (const [name, { body, cells }] of Object.entries(tables)) {
        const texts = shown[name].map((x) => number(x, 3));
        cells.forEach(({ text, cell }, k) => {
          text.textContent = texts[k];
          cell.classList.toggle("is-maker", makers[name]?.includes(k) ?? false);
          cell.classList.toggle("is-made", made[name]?.includes(k) ?? false);
          const isShown = name === entry.tensor.name && k === entry.index - entry.tensor.from;
          cell.classList.toggle("is-shown", isShown);
        });
        body.setAttribute("aria-label", cells[0].radio ? name : `${name}: ${texts.join(", ")}`);
      }
      for (const entry of entries) radioOf(entry).setAttribute("aria-label", inWords(entry));
      radioOf(chosen).checked = true;
    }

    /** An entry with its place, its number and its gradient. */
    function inWords({ tensor: { name }, index, i, j }) {
      const place = name === "s" ? `column ${j}` : `row ${i}, column ${j}`;
      const is = `${name}, ${place}: ${number(numbers[index])}`;
      if (name === "dY") return is;
      return `${is}, gradient ${number(name === "s" ? shown.ds[j] : shown.dX[i * columns + j])}`;
    }

    /** A round number that is no smaller than any of these. */
    function roundAbove(values) {
      const most = Math.max(1e-3, ...values.filter(Number.isFinite).map(Math.abs));
      const power = 10 ** Math.floor(Math.log10(most));
      return power * [1, 2, 5, 10].find((round) => round * power >= most);
    }

    function drawSum({ tensor: { name }, i, j }) {
      const at = (k) => k * columns + j;
      const lane = (k) => rows - k;
      const arrow = (from, to, k, color) => ({ arrow: [[from, lane(k)], [to, lane(k)]], color });
      const marks = [{ line: [[0, lanes.min], [0, lanes.max]], color: "--faint" }];
      if (name === "X") {
        const gradient = shown.dX[at(i)];
        across.max = roundAbove([gradient]);
        across.label = below(`dX${i}${j}`);
        if (Number.isFinite(gradient)) marks.push(arrow(0, gradient, i, A));
      } else {
        const sums = [0, ...Array.from({ length: rows }, (_, k) => shown.sums[at(k)])];
        across.max = roundAbove(sums);
        across.label = below(`ds${j}`);
        for (let k = 0; k < rows; k += 1) {
          if (!Number.isFinite(sums[k + 1])) break;
          marks.push(arrow(sums[k], sums[k + 1], k, name === "dY" && k !== i ? "--faint" : B));
          const down = [lane(k), lane(k + 1)].map((height) => [sums[k + 1], height]);
          marks.push({ line: down, color: "--hairline" });
        }
        if (Number.isFinite(shown.ds[j])) marks.push({ ...arrow(0, shown.ds[j], rows, B), isBold: true });
      }
      across.min = -across.max;
      sum.draw(marks, told.textContent);
    }

    /** How the gradient comes about, in numbers. */
    function tell({ tensor: { name }, i, j }) {
      const at = i * columns + j;
      const dX = `dX${i}${j} = dY${i}${j} / s${j} = ${factor(shown.dY[at])} / ${factor(shown.s[j])} = `;
      if (name === "X") return `${below(dX)}${number(shown.dX[at])}. One place, one term.`;
      if (name === "dY") {
        const term = `−dY${i}${j} · Y${i}${j} / s${j} = `;
        const [toX, toS] = [`${dX}${number(shown.dX[at])}`, `${term}${number(shown.terms[at])}`].map(below);
        return `${below(`dY${i}${j}`)} goes to two places: ${toX}, and into the sum as ${toS}.`;
      }
      const terms = Array.from({ length: rows }, (_, k) => factor(shown.terms[k * columns + j]));
      const copies = `${below(`s${j}`)} is copied into ${rows} rows, and each sends back −dY · Y / s`;
      return `${copies}: ${below(`ds${j}`)} = ${terms.join(" + ")} = ${number(shown.ds[j])}.`;
    }

    function drawInput() {
      const { tensor, name, index } = chosen;
      label.textContent = below(name);
      const { reach, step } = tensor;
      Object.assign(input, { min: -reach, max: reach, step, value: numbers[index] });
      output.textContent = number(numbers[index]);
      input.setAttribute("aria-valuetext", output.textContent);
    }

    return {
      draw() {
        compute();
        const entry = entries[hovered ?? chosen.index];
        drawTables(entry);
        told.textContent = tell(entry);
        drawSum(entry);
        drawInput();
      },
      values: () => ({ ...shown, numbers, entry: entries[hovered ?? chosen.index].name }),
    };
  }
});
