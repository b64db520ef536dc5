// Chapter 8: a batch of points before and after its normalization, and its gradient by two projections.

chainrule.widget("normalize", (widget) => {
  const [ROWS, COLUMNS] = [8, 2];
  const SIZE = ROWS * COLUMNS;
  /** How far both pictures are seen on all sides: no x̂ of eight is above √7. */
  const [REACH, REACH_HAT] = [4, 3];
  /** How near to a point a pointer takes hold of it, as a share of the reach. */
  const HOLD = 0.25;
  /** A point can be so far away that the smallest scale brings it to the edge. */
  const FARTHEST = 16;
  /** What arrives at x̂, as the crate numbers it. */
  const UPSTREAM = { random: "random", equal: "all equal", along: "x̂ itself", one: "one sample" };
  const STEPS = { dy: "dy", mean: "without its mean", along: "and without its part along x̂" };
  /** The crate's answer: matrices, then numbers of the columns. */
  const MATRICES = ["x", "xHat", "centered", "projected", "dx", "constant", "slopes"];
  const OF_COLUMNS = ["mean", "deviation", "sum", "along", "constantSum", "constantAlong"];
  const [GRADIENT, WRONG, ARRIVING] = ["--widget-up", "--widget-down", "--widget-third"];

  const BEFORE_LEGEND =
    'The batch x: drag a point. The box is μ ± σ. Arrows: <span class="is-dx">dx</span>.';
  const CONSTANT_LEGEND =
    'The batch x: drag a point. The box is μ ± σ. Arrows: <span class="is-wrong">dy / σ</span>, ' +
    "and gray the right dx.";
  const AFTER_LEGENDS = {
    dy: 'x̂, and <span class="is-dy">dy</span>: drag the tip of an arrow. The box is 0 ± 1.',
    mean: 'x̂, and <span class="is-dx">dy without its mean</span>. Gray: dy. Dashed: what was taken.',
    along: 'x̂, and <span class="is-dx">what is left of dy</span>: dx · σ. Gray: dy. Dashed: what was taken.',
  };

  const { short } = chainrule.written;
  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  /** A number whose rounding is not shown. */
  const number = (x) => (Math.abs(x) < 1e-9 ? "0" : short(x));
  const at = (i, j) => i * COLUMNS + j;
  const rows = Array.from({ length: ROWS }, (_, i) => i);
  const point = (matrix, i) => [matrix[at(i, 0)], matrix[at(i, 1)]];
  const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

  const example = Array.from(widget.call("normalize_example"));
  /** The points before they are scaled, and the entries of dy that the reader has set: by index. */
  let points = [...example];
  let set = new Map();
  /** The normalized points before the last move, for a trail to each. */
  let before = null;
  let shown;

  const upstream = widget.choice({
    key: "upstream",
    label: "Upstream dy",
    options: UPSTREAM,
    value: "random",
    changes: drawAnew,
  });
  const seed = widget.seed({ changes: drawAnew });
  widget.row(upstream, seed);
  const step = widget.choice({
    key: "step",
    label: "Arrows on the right",
    options: STEPS,
    value: "dy",
    changes: forget,
  });
  const constants = widget.toggle({
    key: "constants",
    label: "Treat μ and σ as constants (wrong)",
    changes: forget,
  });
  const scale = widget.slider({
    key: "scale",
    label: "All x times",
    min: 0.25,
    max: 2,
    step: 0.05,
    value: 1,
    format: (x) => x.toFixed(2),
    changes: forget,
  });

  const axis = (name, j, reach) => ({ label: `${name}, column ${j}`, min: -reach, max: reach, apart: 40 });
  const square = (label, name, reach) =>
    widget.plot({ label, x: axis(name, 0, reach), y: axis(name, 1, reach), isEven: true, isClipped: true });
  const left = square("The batch", "x", REACH);
  const right = square("The normalized batch", "x̂", REACH_HAT);
  const legends = [0, 1].map(() => element("p", { className: "normalize-legend" }));
  const pictures = widget.row(
    element("div", {}, left.element, legends[0]),
    element("div", {}, right.element, legends[1]),
  );
  pictures.className = "normalize-pictures";
  widget.host.append(widget.status);

  const sample = widget.choice({
    key: "sample",
    label: "Sample",
    options: Object.fromEntries(rows.map((i) => [i, String(i)])),
    value: "2",
    changes: () => {
      forget();
      choseSample();
    },
  });
  const ofX = [0, 1].map((j) => entry(`x, column ${j}`, REACH, (value) => place(j, value)));
  const ofDy = [0, 1].map((j) => entry(`dy, column ${j}`, REACH, (value) => pull(j, value)));
  const entries = [ofX, ofDy].map((inputs) => element("div", {}, ...inputs.map(({ made }) => made)));
  widget.row(...entries).className = "normalize-entries";
  for (const { input } of ofX) input.addEventListener("focus", () => (before = shown.xHat));
  widget.button("All of column 0 equal", () => {
    before = shown.xHat;
    for (const i of rows) points[at(i, 0)] = points[at(chosen(), 0)];
    widget.chose();
  });
  const table = tableOfNumbers();
  widget.host.append(table.element);
  addNumbers();
  widget.begins(forget);

  function chosen() {
    return Number(sample.value);
  }

  /** The last move is over: no trail is drawn. */
  function forget() {
    before = null;
  }

  /** Another dy, in the place of what was set by hand. */
  function drawAnew() {
    forget();
    set.clear();
  }

  /** Another sample: what only one has goes over to it. */
  function choseSample() {
    if (upstream.value === "one") set.clear();
  }

  /** A slider for an entry of the chosen sample. */
  function entry(label, reach, write) {
    const id = `widget-normalize-${label.replace(/\W+/g, "-")}`;
    const input = element("input", { type: "range", id, min: -reach, max: reach, step: 0.01 });
    const output = element("output", { htmlFor: id });
    output.setAttribute("aria-live", "off");
    input.addEventListener("input", () => {
      write(input.valueAsNumber);
      widget.chose();
    });
    const made = element("div", { className: "widget-slider" });
    made.append(element("label", { htmlFor: id, textContent: label }), input, output);
    const show = (value) => {
      input.value = value;
      output.textContent = short(Number(value.toFixed(2)) + 0);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    return { made, input, show };
  }

  /** Puts x of the chosen sample where it is wanted, within the picture. */
  function place(j, wanted) {
    const x = Math.max(-REACH, Math.min(REACH, wanted)) / scale.value;
    points[at(chosen(), j)] = Number(x.toFixed(3));
  }

  /** Sets dy of the chosen sample. */
  function pull(j, wanted) {
    const dy = Math.max(-REACH, Math.min(REACH, wanted));
    set.set(at(chosen(), j), Number(dy.toFixed(3)));
  }

  /** Lets a pointer take the nearest of the `spots` of a picture; `move` hears where it is wanted. */
  function holds(picture, reach, spots, move) {
    let held = null;
    const take = (where) => {
      const far = rows.map((i) => distance(spots(i), where));
      const nearest = far.indexOf(Math.min(...far));
      if (far[nearest] > HOLD * reach) return;
      held = nearest;
      if (chosen() === held) return;
      sample.value = String(held);
      choseSample();
    };
    const hear = ({ x, y }) => {
      if (held === null) take([x, y]);
      if (held === null) return;
      move([x, y], held);
      widget.chose();
    };
    picture.drags(hear, () => {
      held = null;
      before = shown.xHat;
    });
  }

  holds(left, REACH, (i) => point(shown.x, i), (where) => where.forEach((x, j) => place(j, x)));
  const tip = (gradient, i) => point(shown.xHat, i).map((x, j) => x + gradient[at(i, j)]);
  holds(right, REACH_HAT, (i) => tip(shown.dy, i), (where, i) =>
    where.forEach((x, j) => pull(j, x - shown.xHat[at(i, j)])),
  );

  /** The numbers that the reader has set, as the address has them: "x20=0.5,dy21=-1". */
  function addNumbers() {
    const name = (index) => `${Math.floor(index / COLUMNS)}${index % COLUMNS}`;
    const numbers = {
      initial: "",
      get value() {
        const moved = points.map((x, index) => [`x${name(index)}`, x, x !== example[index]]);
        const pulled = [...set].map(([index, dy]) => [`dy${name(index)}`, dy, true]);
        const listed = [...moved, ...pulled].filter(([, , isSet]) => isSet);
        return listed.map(([name, value]) => `${name}=${value}`).join(",");
      },
      set value(list) {
        points = [...example];
        set = new Map();
        for (const [, kind, i, j, text] of list.matchAll(/(x|dy)([0-7])([01])=([^,]+)/g)) {
          const index = at(Number(i), Number(j));
          const value = Number(text);
          if (!(Math.abs(value) <= (kind === "x" ? FARTHEST : REACH))) continue;
          if (kind === "x") points[index] = value;
          else set.set(index, value);
        }
      },
    };
    widget.controls.set("numbers", numbers);
    numbers.value = widget.remembered("numbers") ?? "";
  }

  function compute() {
    const kind = Object.keys(UPSTREAM).indexOf(upstream.value);
    const own = { random: seed.value, one: chosen() }[upstream.value] ?? 0;
    const dy = Array.from(widget.call("normalize_upstream", kind, own, scale.value, ...points));
    for (const [index, value] of set) dy[index] = value;
    const all = Array.from(widget.call("normalize_batch", scale.value, ...points, ...dy));
    const matrix = (name, k) => [name, all.slice(k * SIZE, (k + 1) * SIZE)];
    const columns = all.slice(MATRICES.length * SIZE);
    const ofColumns = (name, k) => [name, columns.slice(k * COLUMNS, (k + 1) * COLUMNS)];
    const named = [...MATRICES.map(matrix), ...OF_COLUMNS.map(ofColumns)];
    shown = { scale: scale.value, points: [...points], dy, ...Object.fromEntries(named) };
  }

  const isConstant = () => constants.value === "on";
  const isOutside = ([x, y], reach) => Math.max(Math.abs(x), Math.abs(y)) > reach;

  /** The points of a picture that lie in it, the chosen one larger. */
  function dots(matrix, reach) {
    const inside = rows.filter((i) => !isOutside(point(matrix, i), reach));
    const [one, others] = [true, false].map((is) => inside.filter((i) => (i === chosen()) === is));
    const spots = (list) => list.map((i) => point(matrix, i));
    return [{ dots: spots(others), radius: 3.5 }, { dots: spots(one), color: "--links", radius: 6 }];
  }

  /** A box around a middle, so far on both sides. */
  function box([x, y], [a, b]) {
    const corners = [[x - a, y - b], [x + a, y - b], [x + a, y + b], [x - a, y + b]];
    return { line: [...corners, corners[0]], color: "--faint", dashed: true };
  }

  /** An arrow from each point. */
  function arrows(matrix, gradient, color) {
    const arrow = (i) => [point(matrix, i), point(matrix, i).map((x, j) => x + gradient[at(i, j)])];
    return rows.map((i) => ({ arrow: arrow(i), color }));
  }

  function drawBefore() {
    const { x, dx, constant, mean, deviation } = shown;
    const marks = [box(mean, deviation)];
    if (isConstant()) marks.push(...arrows(x, dx, "--faint"), ...arrows(x, constant, WRONG));
    else marks.push(...arrows(x, dx, GRADIENT));
    marks.push(...dots(x, REACH));
    legends[0].innerHTML = isConstant() ? CONSTANT_LEGEND : BEFORE_LEGEND;
    const ofSample = (matrix) => point(matrix, chosen()).map(number).join(" and ");
    const gradient = ofSample(isConstant() ? constant : dx);
    left.draw(marks, `sample ${chosen()} at ${ofSample(x)}, its gradient ${gradient}`);
  }

  /** The samples whose x̂ the last move has moved. */
  function moved() {
    if (!before) return [];
    return rows.filter((i) => distance(point(before, i), point(shown.xHat, i)) > 1e-3);
  }

  function drawAfter() {
    const { xHat, dy, centered, projected } = shown;
    const gradient = { dy, mean: centered, along: projected }[step.value];
    const marks = [box([0, 0], [1, 1])];
    marks.push(...moved().map((i) => ({ line: [point(before, i), point(xHat, i)], color: "--faint" })));
    marks.push({ dots: moved().map((i) => point(before, i)), color: "--faint", radius: 2.5 });
    if (step.value === "dy") {
      marks.push(...arrows(xHat, dy, ARRIVING));
    } else {
      const taken = (i) => ({ line: [tip(dy, i), tip(gradient, i)], color: "--faint", dashed: true });
      marks.push(...rows.map(taken), ...arrows(xHat, dy, "--faint"), ...arrows(xHat, gradient, GRADIENT));
    }
    marks.push(...dots(xHat, REACH_HAT));
    legends[1].innerHTML = AFTER_LEGENDS[step.value];
    const ofSample = (matrix) => point(matrix, chosen()).map(number).join(" and ");
    right.draw(marks, `sample ${chosen()} at ${ofSample(xHat)}, ${STEPS[step.value]}: ${ofSample(gradient)}`);
  }

  /** Numbers by column. */
  function tableOfNumbers() {
    const made = element("table");
    const lines = Array.from({ length: 6 }, () => {
      const line = { name: element("th", { scope: "row" }), cells: [element("td"), element("td")] };
      line.row = element("tr", {}, line.name, ...line.cells);
      return line;
    });
    const head = ["", "column 0", "column 1"].map((textContent) => element("th", { textContent }));
    made.append(element("thead", {}, element("tr", {}, ...head)));
    made.append(element("tbody", {}, ...lines.map(({ row }) => row)));
    return { element: element("div", { className: "normalize-numbers" }, made), lines };
  }

  function drawNumbers() {
    const { mean, deviation, dx, constant, slopes, sum, along, constantSum, constantAlong } = shown;
    const [gradient, ...sums] = isConstant() ? [constant, constantSum, constantAlong] : [dx, sum, along];
    const right = [, , point(dx, chosen()), , sum, along];
    const lines = [
      ["mean μ", mean],
      ["σ = √(v + ε)", deviation],
      [`dx of sample ${chosen()}`, point(gradient, chosen())],
      ["the same by differences", point(slopes, chosen())],
      ["Σ dx", sums[0]],
      ["Σ dx · x̂ (0 but for ε)", sums[1]],
    ];
    lines.forEach(([name, numbers], k) => {
      table.lines[k].name.textContent = name;
      numbers.forEach((x, j) => {
        const cell = table.lines[k].cells[j];
        cell.textContent = number(x);
        cell.className = right[k] && number(x) !== number(right[k][j]) ? "is-wrong" : "";
      });
    });
  }

  /** A column whose points are all equal, or −1. */
  const flat = () => [0, 1].findIndex((j) => rows.every((i) => shown.x[at(i, j)] === shown.x[j]));

  /** What there is to be seen, in a sentence or two. */
  function told() {
    const column = flat();
    if (column >= 0) {
      const divisor = `σ is √ε = ${short(shown.deviation[column])}`;
      const result = `every x̂ in it is 0, and ${divisor}`;
      return `Column ${column} does not vary: ${result}. What is left of dy is divided by that.`;
    }
    if (isConstant()) {
      return "As constants, μ and σ send nothing back. The sums are not 0, and the differences disagree.";
    }
    if (moved().length > 0) {
      const count = `${moved().length} of ${ROWS}`;
      return `One point has moved on the left, and ${count} on the right (gray: where they were).`;
    }
    const outside = rows.filter((i) => isOutside(point(shown.x, i), REACH)).length;
    if (outside > 0) return `${outside} of ${ROWS} points are outside the picture. They count, too.`;
    if (set.size === 0) {
      const asked = (what, back) => `This asks x̂ for a ${what}, which no x can bring about. ${back}.`;
      if (upstream.value === "equal") return asked("shift", "Nothing comes back");
      if (upstream.value === "along") return asked("stretch", "Nothing comes back but what ε leaves");
      if (upstream.value === "one") return "Only one sample is pulled, and every sample has a gradient.";
    }
    if (scale.value !== 1) {
      const factor = scale.value;
      return `All x are multiplied by ${factor}: x̂ stays, and the gradient is divided by ${factor}.`;
    }
    return {
      dy: "What arrives at x̂. Its mean and its part along x̂ do not reach x.",
      mean: "The arrows now sum to 0 in each column: to shift all x changes nothing.",
      along: "What is left, divided by σ, is dx, on the left: to shift or stretch all x changes nothing.",
    }[step.value];
  }

  widget.draws(() => {
    compute();
    seed.element.hidden = upstream.value !== "random";
    drawBefore();
    drawAfter();
    drawNumbers();
    ofX.forEach(({ show }, j) => show(point(shown.x, chosen())[j]));
    ofDy.forEach(({ show }, j) => show(point(shown.dy, chosen())[j]));
    widget.say(told());
  });

  widget.values = () => ({
    ...shown,
    kind: Object.keys(UPSTREAM).indexOf(upstream.value),
    seed: seed.value,
    sample: chosen(),
    step: step.value,
    isConstant: isConstant(),
    moved: moved(),
    rows: table.lines.map(({ cells }) => cells.map(({ textContent }) => textContent)),
  });
});
