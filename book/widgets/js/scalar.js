// Chapter 1: a network of 17 numbers with its gradients, and what it says of the plane.

chainrule.widget("scalar", (widget) => {
  /** The plane is shown from minus this to this, in so many cells a side, with so many points. */
  const [REACH, CELLS, DRAWN] = [3, 96, 250];
  /** Opacity of a cell where the network is sure. */
  const SURE = 0.4;
  /** A training, and how long it takes: fast enough to wait for, slow enough to see. */
  const [STEPS, SECONDS] = [1000, 4];
  /** Milliseconds of a frame that go into learning, and steps between two looks at the clock. */
  const [SLICE, STRIDE] = [8, 4];
  /** How far a weight moves for a pixel that its label is dragged. */
  const PER_PIXEL = 0.02;

  const [UP, DOWN] = ["--widget-up", "--widget-down"];
  const WEIGHTS = "w00 w01 w02 w10 w11 w12 b0 b1 b2 v00 v01 v10 v11 v20 v21 c0 c1".split(" ");
  /** With its indices below the line: digits that follow a letter. */
  const below = (name) => name.replace(/(?<=[a-z]\d?)\d/g, (digit) => "₀₁₂"[digit]);
  const number = (value, digits) => value.toFixed(digits).replace("-", "−");
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  /** Four decimals, or a power of ten where these would be zeros. */
  const exact = (value) =>
    value === 0 || Math.abs(value) >= 0.0005
      ? number(value, 4)
      : value.toExponential(1).replaceAll("-", "−");

  const html = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  const svg = (kind, attributes = {}, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  const all = widget.call("scalar_points");
  const points = Array.from({ length: all.length / 3 }, (_, k) => ({
    at: [all[3 * k], all[3 * k + 1]],
    isOutside: all[3 * k + 2] === 1,
  }));

  // What there is to see: the network, the plane, three numbers.
  const network = drawing();
  const plane = pointsAndShade();
  widget.row(network.element, plane.element).classList.add("scalar-pictures");
  const steps = widget.number("Step");
  const loss = widget.number("Loss");
  const right = widget.number("New points right");
  widget.row(steps, loss, right).classList.add("scalar-numbers");

  // Learning.
  const train = widget.button("Train", () => (widget.isWorking ? pause() : learnAll()));
  train.element.classList.add("is-first");
  const one = widget.button("Step", () => {
    pause();
    learn(1);
    widget.changed();
  });
  const rates = ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20"];
  const rate = widget.list({ key: "rate", label: "Learning rate", options: rates, value: "2" });
  const seed = widget.seed({ value: 0, changes: begin });
  widget.row(train, one, rate, seed);

  // Looking inside: one point, one weight, two ways to go wrong.
  const point = { initial: 0, value: remembered("point") };
  widget.controls.set("point", point);
  const isOf = html("p");
  const previous = widget.button("‹", () => look(point.value + DRAWN - 1));
  const next = widget.button("›", () => look(point.value + 1));
  previous.element.setAttribute("aria-label", "Previous point");
  next.element.setAttribute("aria-label", "Next point");
  const pointRow = widget.row(isOf, previous, next);
  const of = widget.choice({
    key: "of",
    label: "Gradient of",
    options: { point: "this point", mean: "all 500, on average" },
    value: "point",
  });
  const weight = widget.list({
    key: "weight",
    label: "Weight",
    options: WEIGHTS,
    format: below,
    value: "w01",
  });
  const scale = html("input", { type: "range", min: -12, max: 12, step: 0.01 });
  const exactly = html("input", { type: "number", step: "any", inputMode: "decimal" });
  for (const input of [scale, exactly]) {
    input.addEventListener("input", () => {
      if (Number.isFinite(input.valueAsNumber)) put(input.valueAsNumber, input);
    });
  }
  const weightRow = widget.row(weight, exactly, scale);
  weightRow.classList.add("scalar-weight");
  const ways = html("div", { className: "scalar-ways" });
  const symmetric = widget.toggle({ key: "symmetric", label: "Symmetric start", changes: begin });
  const forgets = widget.toggle({ key: "forgets", label: "Forget h(1 − h) on the way back" });
  const faults = widget.row(symmetric, forgets);
  const inside = html("details", { className: "scalar-inside" });
  inside.append(html("summary", {}, "Look inside"), pointRow, of.element, weightRow, ways, faults);
  widget.host.append(inside);

  let weights, step, until, isDone, score, shown, drawn;
  /** The weight that a pointer is over, or null. */
  let hovered = null;

  const chosen = () => WEIGHTS.indexOf(weight.value);
  const how = () => (forgets.value === "on" ? 1 : 0);

  function begin() {
    [step, until, isDone, drawn] = [0, 0, false, 0];
    const isEven = symmetric.value === "on";
    seed.element.querySelector("input").disabled = isEven;
    weights = isEven
      ? widget.call("scalar_symmetric")
      : widget.call("scalar_random", seed.value);
    widget.say("Press Train, and watch the plane.");
  }
  widget.begins(begin);

  function learn(count) {
    weights = widget.call("scalar_learn", ...weights, how(), Number(rate.value), count);
    step += count;
  }

  /** A thousand steps more, spread over the time in which one can watch them. */
  function learnAll() {
    const [from, start] = [step, performance.now()];
    until = step + STEPS;
    widget.say("");
    widget.works(() => {
      const now = performance.now();
      const passed = (now - start) / (1000 * SECONDS);
      const due = Math.min(until, from + Math.ceil(STEPS * passed));
      while (step < due && performance.now() - now < SLICE) learn(Math.min(STRIDE, due - step));
      isDone = step >= until;
      return !isDone;
    });
  }

  function pause() {
    until = step;
  }

  /** Puts the chosen weight at a value, which came from `source`. */
  function put(value, source) {
    pause();
    weights[chosen()] = value;
    drawn = 0;
    for (const input of [scale, exactly]) if (input !== source) input.value = value;
    widget.changed();
  }

  /** Points the drawing at a point among those of the plane. */
  function look(at) {
    point.value = at % DRAWN;
    widget.chose();
  }

  function choose(index) {
    weight.value = WEIGHTS[index];
    inside.open = true;
    widget.chose();
  }

  function remembered(key) {
    const value = Number(widget.remembered(key));
    return Number.isInteger(value) && value >= 0 && value < DRAWN ? value : 0;
  }

  /** The network: a circle a number, a line an effect, a line with a gradient a weight. */
  function drawing() {
    const RADIUS = 21;
    const columns = [
      { x: 23, names: ["x0", "x1"], title: "inputs" },
      { x: 134, names: ["h0", "h1", "h2"], title: "hidden units" },
      { x: 245, names: ["o0", "o1"], title: "outputs" },
      { x: 318, names: ["p0", "p1"], title: "probabilities" },
      { x: 377, names: ["L"], title: "loss" },
    ];
    const heights = { 1: [160], 2: [108, 212], 3: [64, 160, 256] };
    const places = {};
    for (const { x, names } of columns) {
      names.forEach((name, k) => (places[name] = [x, heights[names.length][k]]));
    }
    const halos = svg("g", { class: "scalar-halo" });
    const lines = svg("g", { class: "scalar-lines" });
    const units = svg("g", { class: "scalar-units" });
    const label = svg("g", { class: "scalar-label" }, svg("rect", { rx: 4 }), svg("text"));
    const picture = svg("svg", { viewBox: "0 0 400 302", role: "img" }, halos, lines, units, label);

    for (const { x, title } of columns) {
      units.append(svg("text", { x, y: 14, class: "scalar-title" }, title));
    }
    const values = {};
    for (const [name, [x, y]] of Object.entries(places)) {
      values[name] = svg("text", { x, y: y + 5 });
      const words = { p0: "p₀, inside", p1: "p₁, outside" }[name] ?? below(name);
      units.append(
        svg("circle", { cx: x, cy: y, r: RADIUS }),
        values[name],
        svg("text", { x, y: y - RADIUS - 6, class: "scalar-name" }, words),
      );
    }

    /** From the edge of one circle to the edge of the other. */
    const between = (from, to) => {
      const [[x1, y1], [x2, y2]] = [places[from], places[to]];
      const part = RADIUS / Math.hypot(x2 - x1, y2 - y1);
      const [dx, dy] = [(x2 - x1) * part, (y2 - y1) * part];
      return { x1: x1 + dx, y1: y1 + dy, x2: x2 - dx, y2: y2 - dy };
    };
    /** From below: a bias comes from no unit. */
    const stub = (to) => {
      const [x, y] = places[to];
      return { x1: x, y1: y + RADIUS + 20, x2: x, y2: y + RADIUS };
    };
    const onwards = {};
    for (const k of [0, 1]) {
      for (const [from, to] of [["o0", `p${k}`], ["o1", `p${k}`], [`p${k}`, "L"]]) {
        lines.append(svg("line", between(from, to)));
        (onwards[from] ??= []).push(to);
      }
    }
    const edges = WEIGHTS.map((name, index) => {
      const [kind, first, second] = name;
      const to = { w: `h${second}`, b: `h${first}`, v: `o${second}`, c: `o${first}` }[kind];
      const from = { w: `x${first}`, v: `h${first}` }[kind];
      const line = from ? between(from, to) : stub(to);
      const seen = svg("line", line);
      const hit = svg("line", { ...line, class: "scalar-hit" });
      const edge = svg("g", { class: "scalar-edge" }, seen, hit);
      if (from) (onwards[from] ??= []).push(to);
      else {
        const at = { x: line.x1 + 5, y: line.y1 - 2, class: "scalar-bias" };
        edge.append(svg("text", at, below(name)));
      }
      edge.addEventListener("click", () => choose(index));
      edge.addEventListener("pointerenter", (event) => {
        if (event.pointerType !== "mouse") return;
        hovered = index;
        widget.changed();
      });
      edge.addEventListener("pointerleave", () => {
        hovered = null;
        widget.changed();
      });
      lines.append(edge);
      return { to, line, seen, isBias: !from };
    });

    let [height, before] = [0, 0];
    chainrule.drag(
      label,
      (_, y) => {
        height ??= y;
        put(before + (height - y) * PER_PIXEL);
      },
      () => ([height, before] = [null, weights[chosen()]]),
    );

    /** Every line from a unit to the loss. */
    const waysFrom = (name) =>
      (onwards[name] ?? []).flatMap((to) => [between(name, to), ...waysFrom(to)]);

    const legend = html("p", { className: "scalar-legend" });
    legend.innerHTML =
      'Raise a <span class="scalar-up">blue</span> weight and the loss falls; raise an ' +
      '<span class="scalar-down">orange</span> one and it rises. The wider the line, the greater the effect.';
    return {
      element: html("div", { className: "scalar-network" }, picture, legend),
      draw({ x, forward, gradient, weight, isChosen, words }) {
        const numbers = [...x, ...forward];
        Object.values(values).forEach((text, k) => (text.textContent = inCircle(numbers[k])));
        edges.forEach(({ seen }, k) => {
          const du = gradient[k];
          const color = du === 0 ? "--faint" : du < 0 ? UP : DOWN;
          seen.style.stroke = `var(${color})`;
          seen.style.strokeWidth = du === 0 ? 1 : Math.min(9, 1 + 9 * Math.sqrt(Math.abs(du)));
          seen.style.strokeDasharray = du === 0 ? "2 4" : "";
        });
        const { line, to, isBias } = edges[weight];
        halos.replaceChildren(...[line, ...waysFrom(to)].map((one) => svg("line", one)));
        // On the middle of its line, or at the outer end of a bias's.
        const [cx, cy] = isBias
          ? [line.x1, line.y1 + 5]
          : [(line.x1 + line.x2) / 2, (line.y1 + line.y2) / 2];
        const text = `${below(WEIGHTS[weight])} ${number(weights[weight], 2)}`;
        const width = 6.6 * text.length + 10;
        const [box, inBox] = label.children;
        const at = { x: cx - width / 2, y: cy - 10, width, height: 20 };
        for (const [name, value] of Object.entries(at)) box.setAttribute(name, value);
        inBox.setAttribute("x", cx);
        inBox.setAttribute("y", cy + 4.5);
        inBox.textContent = text;
        label.classList.toggle("is-chosen", isChosen);
        picture.setAttribute("aria-label", `The network: ${words}`);
      },
    };
  }

  /** As many digits as a circle has room for. */
  function inCircle(value) {
    return number(value, Math.abs(value) < 9.995 ? 2 : 1);
  }

  /** The plane: the shade is what the network says, the marks are what is so. */
  function pointsAndShade() {
    const shade = widget.canvas({ label: "The plane", columns: CELLS, rows: CELLS });
    const pixels = shade.paper.createImageData(CELLS, CELLS);
    const place = ({ at: [x, y] }) => `M${x.toFixed(3)} ${(-y).toFixed(3)}`;
    const some = points.slice(0, DRAWN);
    const disks = some.filter((point) => !point.isOutside).map((point) => `${place(point)}h0`);
    const diamonds = some
      .filter((point) => point.isOutside)
      .map((point) => `${place(point)}m0 -.07l.07 .07l-.07 .07l-.07 -.07z`);
    const ring = svg("circle", { r: 0.16, class: "scalar-ring" });
    const marks = svg(
      "svg",
      { viewBox: [-REACH, -REACH, 2 * REACH, 2 * REACH].join(" "), "aria-hidden": true },
      svg("path", { d: disks.join(""), class: "scalar-disks" }),
      svg("path", { d: diamonds.join(""), class: "scalar-diamonds" }),
      ring,
    );
    marks.addEventListener("click", (event) => {
      const box = marks.getBoundingClientRect();
      const x = (2 * (event.clientX - box.left) / box.width - 1) * REACH;
      const y = (1 - 2 * (event.clientY - box.top) / box.height) * REACH;
      const distances = some.map(({ at }) => Math.hypot(at[0] - x, at[1] - y));
      inside.open = true;
      look(distances.indexOf(Math.min(...distances)));
    });
    const legend = html("p", { className: "scalar-legend" });
    legend.innerHTML =
      '<span class="scalar-up">● inside</span>, <span class="scalar-down">◇ outside</span>; ' +
      "across is x₀, up is x₁. The background is the network's answer, without color where " +
      "it is unsure.";
    const square = html("div", { className: "scalar-square" }, shade.element, marks);
    return {
      element: html("div", { className: "scalar-plane" }, square, legend),
      draw(probabilities, { at: [x, y] }, words) {
        const colors = [shade.rgb(UP), shade.rgb(DOWN)];
        probabilities.forEach((p, k) => {
          pixels.data.set(colors[p > 0.5 ? 1 : 0], 4 * k);
          pixels.data[4 * k + 3] = 255 * SURE * Math.abs(2 * p - 1);
        });
        shade.paper.putImageData(pixels, 0, 0);
        ring.setAttribute("cx", x);
        ring.setAttribute("cy", -y);
        shade.describe(words);
      },
    };
  }

  /** The factors along each way from a weight to the loss, with their names. */
  function factors(index) {
    const [kind, first, second] = WEIGHTS[index];
    if (kind === "v") return [[`do${second}`, `h${first}`]];
    if (kind === "c") return [[`do${first}`, "1"]];
    const [j, input] = kind === "w" ? [second, `x${first}`] : [first, "1"];
    const slope = how() ? "1, not the slope" : `h${j}(1 − h${j})`;
    return [0, 1].map((k) => [`do${k}`, `v${j}${k}`, slope, input]);
  }

  function drawWays({ weight, numbers, gradient }) {
    const name = below(`d${WEIGHTS[weight]}`);
    const named = factors(weight);
    const length = named[0].length + 1;
    const bracket = (value) => (value < 0 ? `(${exact(value)})` : exact(value));
    const way = (names, k) => {
      const values = numbers.slice(k * length, k * length + length - 1);
      const product = numbers[(k + 1) * length - 1];
      return html(
        "li",
        {},
        html("span", { className: "scalar-factors" }, names.map(below).join(" · ")),
        html("span", {}, `${Array.from(values, bracket).join(" · ")} = `),
        html("strong", {}, exact(product)),
      );
    };
    const effect = (du) => {
      if (du === 0) return "a small move leaves the loss as it is";
      return `raise it a little and the loss ${du < 0 ? "falls" : "rises"}`;
    };
    const ofPoint = shown.ofPoint[weight];
    const count = named.length === 1 ? "One path" : "Two paths, one through each output";
    const total = html("strong", {}, `${name} = ${exact(ofPoint)}`);
    const sum = html("p", {}, total, `: ${effect(ofPoint)}.`);
    ways.replaceChildren(html("p", {}, `${count}:`), html("ul", {}, ...named.map(way)), sum);
    if (of.value === "mean") {
      const mean = html("strong", {}, exact(gradient[weight]));
      ways.append(html("p", {}, `The mean of ${name} over all 500 points: `, mean, "."));
    }
  }

  widget.draws(() => {
    train.element.textContent = widget.isWorking ? "Pause" : "Train";
    // With less motion a picture now and then.
    if (widget.isCalm && widget.isWorking && performance.now() - drawn < 1000) return;
    drawn = performance.now();

    score = widget.call("scalar_score", ...weights);
    steps.show(step.toLocaleString("en"));
    loss.show(number(score[0], 3));
    right.show(percent(score[1]));

    const index = hovered ?? chosen();
    const ofPoint = widget.call("scalar_gradient", ...weights, how(), point.value);
    const isMean = of.value === "mean";
    shown = {
      weight: index,
      forward: widget.call("scalar_forward", ...weights, point.value),
      ofPoint,
      gradient: isMean ? widget.call("scalar_mean_gradient", ...weights, how()) : ofPoint,
      numbers: widget.call("scalar_paths", ...weights, how(), point.value, index),
      shade: widget.call("scalar_shade", ...weights, CELLS, REACH),
    };
    const { at, isOutside } = points[point.value];
    const where = `Point ${point.value + 1}, ${isOutside ? "outside" : "inside"}`;
    const [p0, p1, lossOfPoint] = shown.forward.slice(5);
    isOf.textContent = `${where}: loss ${number(lossOfPoint, 3)}`;
    const says = `Inside ${number(p0, 2)}, outside ${number(p1, 2)}`;
    const words = `${where}. ${says}, loss ${number(lossOfPoint, 2)}`;
    network.draw({ ...shown, x: at, isChosen: index === chosen(), words });
    const reached = `${percent(score[1])} of new points right at step ${step}`;
    plane.draw(shown.shade, points[point.value], reached);

    const value = weights[chosen()];
    const name = below(weight.value);
    scale.setAttribute("aria-label", `${name}, on a scale`);
    exactly.setAttribute("aria-label", `${name}, as a number`);
    if (document.activeElement !== scale) scale.value = value;
    if (document.activeElement !== exactly) exactly.value = Number(value.toFixed(4));
    if (inside.open) drawWays(shown);
    if (isDone) {
      isDone = false;
      const after = `After ${step.toLocaleString("en")} steps`;
      widget.say(`${after} it gets ${percent(score[1])} of 1,000 new points right.`);
    }
  });
  inside.addEventListener("toggle", () => widget.changed());

  widget.values = () => ({
    seed: seed.value,
    rate: Number(rate.value),
    step,
    weights: Array.from(weights),
    loss: score[0],
    right: score[1],
    point: point.value,
    weight: shown.weight,
    forward: Array.from(shown.forward),
    gradient: Array.from(shown.gradient),
    ways: Array.from(shown.numbers),
    shade: Array.from(shown.shade),
  });
});
