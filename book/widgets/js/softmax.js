// Chapter 7: three logits, their probabilities, the arrows that a loss sends back, and what is added to all.

chainrule.widget("softmax", (widget) => {
  const { signed, power } = chainrule.written;
  const CLASSES = [0, 1, 2];
  const below = (k) => "₀₁₂"[k];
  /** Sure of class 0, where 1 is right. */
  const START = [4, -3, 0];
  /** The reader moves a logit from minus this to this, in these steps. Descent may lead on, within a link. */
  const [REACH, STEP, FAR] = [6, 0.1, 100];
  /** An arrow of 1 is this share of the picture's height. */
  const UNIT = 0.25;
  /** Milliseconds between two of ten steps. */
  const APART = 120;
  const [Z, GRADIENT, TARGET] = ["--widget-up", "--widget-down", "--widget-third"];
  /** A bar, and beside it the arrow, around a class. */
  const [LEFT, RIGHT, ARROW] = [-0.34, 0.1, 0.28];

  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  /** Three decimals, or two digits of what is small. Only what is nothing at all is written 0. */
  const number = (x) => {
    if (x === 0) return "0";
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
    const size = Math.abs(x);
    if (size >= 0.01 && size < 1000) return signed(x.toFixed(3));
    const [digits, exponent] = x.toExponential(1).split("e");
    return signed(`${digits}·${power(Number(exponent))}`);
  };
  /** A number in so many decimals, and no zero with a sign. */
  const fixed = (x, decimals) => signed(x.toFixed(decimals).replace(/^-(0\.0*)$/, "$1"));
  /** Three numbers as words. */
  const listed = (row) => row.map(number).join(", ");

  const judge = widget.choice({
    key: "loss",
    label: "Loss",
    options: { log: "cross-entropy", squared: "squared error" },
    value: "log",
  });
  const target = widget.choice({
    key: "target",
    label: "Target",
    options: { 0: "class 0", 1: "class 1", 2: "class 2", mixture: "a mixture" },
    value: "1",
  });
  const parts = [6, 3, 1].map((value, k) => {
    const label = `Parts t${below(k)}`;
    return widget.slider({ key: `t${k}`, label, min: 0, max: 10, step: 1, value, changes: () => keep(k) });
  });
  const mixture = widget.row(...parts);
  mixture.className = "softmax-mixture";
  const smoothing = widget.slider({
    key: "smoothing",
    label: "Smoothing ε",
    min: 0,
    max: 1,
    step: 0.05,
    value: 0,
    format: (x) => x.toFixed(2),
  });

  // The logits as bars, and what softmax makes of them.
  const classes = (letter) => ({
    min: -0.6,
    max: 2.6,
    ticks: CLASSES.map((k) => [k - 0.1, `${letter}${below(k)}`]),
  });
  const high = { label: "logits", min: -2 * REACH, max: 2 * REACH, apart: 60 };
  const logits = widget.plot({ label: "Logits", x: classes("z"), y: high, height: 0.9, isClipped: true });
  let dragged = null;
  logits.drags(
    ({ x, y }) => {
      dragged ??= Math.max(0, Math.min(2, Math.round(x)));
      move(dragged, Math.round((y - added.value) / STEP) * STEP);
    },
    () => (dragged = null),
  );
  const share = { label: "probabilities", min: 0, max: 1 };
  const chances = widget.plot({ label: "Probabilities", x: classes("p"), y: share, height: 0.9 });

  const sliders = CLASSES.map((k) => {
    const id = `widget-softmax-z${k}`;
    const input = element("input", { type: "range", id, min: -REACH, max: REACH, step: STEP });
    const output = element("output", { htmlFor: id });
    output.setAttribute("aria-live", "off");
    input.addEventListener("input", () => move(k, input.valueAsNumber));
    const label = element("label", { htmlFor: id, textContent: `Logit z${below(k)}` });
    return { input, output, element: element("div", { className: "widget-slider" }, label, input, output) };
  });
  const added = widget.slider({
    key: "c",
    label: "Add c to all",
    min: -200,
    max: 200,
    step: 1,
    value: 0,
    format: (x) => signed(String(x)),
  });

  const step = widget.button("One step of descent", () => descend(1));
  step.element.classList.add("is-first");
  const buttons = widget.row(step, widget.button("Ten steps", () => descend(10)));

  const table = numbers(["z", "p", "t", "p − t", "dz"]);
  const loss = widget.number("");
  const detail = element("p", { className: "softmax-detail" });
  const legend = (html) => element("p", { className: "softmax-legend", innerHTML: html });
  const column = (...all) => element("div", {}, ...all.map((one) => one.element ?? one));
  const pictures = widget.row(
    column(
      logits,
      legend(
        'Drag a bar. Arrow: <span class="is-gradient">the gradient dz</span>, the way in which the loss rises. ' +
          "Descent goes against it: a step leads to the dashed line.",
      ),
      ...sliders,
      added,
      buttons,
    ),
    column(
      chances,
      legend(
        'Line: <span class="is-target">the target t</span>. ' +
          'Arrow: <span class="is-gradient">p − t</span>, at four times the scale of the arrows on the left.',
      ),
      table,
      loss,
      detail,
    ),
  );
  pictures.className = "softmax-pictures";
  widget.host.append(widget.status);

  // Softmax in f32 in two ways.
  const ways = [
    ["as written, eᶻ / Σ eᶻ", ["z", "eᶻ", "Σ", "p"]],
    ["largest logit m taken off first", ["z − m", "eᶻ⁻ᵐ", "Σ", "p"]],
  ].map(([title, rows]) => {
    const made = numbers(rows, false);
    made.element.createCaption().innerHTML = `In <code>f32</code>, ${title}`;
    return made;
  });
  widget.row(...ways).className = "softmax-ways";

  /** The logits, which descent moves by less than a slider can show. */
  let z = START;
  /** The steps since the reader last moved anything: how many, and the loss before them. */
  let descent = null;
  let shown;
  widget.controls.set("z", {
    initial: String(START),
    get value() {
      return String(z);
    },
    set value(list) {
      const given = list.split(",").map((text) => (text.trim() === "" ? NaN : Number(text)));
      const areLogits = given.length === 3 && given.every((x) => Math.abs(x) <= FAR);
      z = areLogits ? given : START;
    },
  });
  widget.controls.get("z").value = widget.remembered("z") ?? "";
  // A link may give all three no part.
  if (parts.every(({ value }) => value === 0)) for (const part of parts) part.value = part.initial;
  widget.begins(() => (descent = null));
  widget.host.addEventListener("input", stop);

  /** A table of numbers: a row for each name, a column for each class, and perhaps one for their sum. */
  function numbers(names, hasSum = true) {
    const made = element("table", { className: "softmax-table" });
    const head = made.createTHead().insertRow();
    head.append(element("th", { scope: "col", textContent: "class" }), ...CLASSES.map((k) => element("th", { scope: "col", textContent: k })));
    if (hasSum) head.append(element("th", { scope: "col", textContent: "Σ" }));
    else head.remove();
    const body = made.createTBody();
    const rows = names.map((name) => {
      const row = body.insertRow();
      const title = element("th", { scope: "row", textContent: name });
      row.append(title);
      return { row, title };
    });
    return {
      element: made,
      rows,
      /** Writes these texts, a list for each row. */
      show(texts) {
        texts.forEach((row, k) => {
          const cells = row.map((textContent) => element("td", { textContent }));
          if (row.length === 1) cells[0].colSpan = 3;
          rows[k].row.replaceChildren(rows[k].title, ...cells);
        });
      },
    };
  }

  /** The reader moves something: the descent ends. */
  function stop() {
    widget.rests();
    descent = null;
  }

  /** Moves a logit as far as the reader may. */
  function move(k, value) {
    stop();
    z = z.with(k, Math.max(-REACH, Math.min(REACH, Number(value.toFixed(1)))));
    widget.chose();
  }

  /** Of three parts, one is more than nothing: the last one that is moved stays. */
  function keep(k) {
    if (parts.every(({ value }) => value === 0)) parts[k].value = 1;
  }

  /** The loss and its target, as the crate takes them. */
  function chosen() {
    const one = (k) => (target.value === String(k) ? 1 : 0);
    const isMixed = target.value === "mixture";
    const given = CLASSES.map((k) => (isMixed ? parts[k].value : one(k)));
    return [judge.value === "log" ? 0 : 1, smoothing.value, ...given];
  }

  /** Takes steps of descent, one after the other where motion is wanted. */
  function descend(count) {
    descent = { from: shown.loss, taken: 0 };
    const start = performance.now();
    const advance = (steps) => {
      if (steps === 0) return;
      z = Array.from(widget.call("softmax_descend", ...chosen(), ...z, steps));
      descent.taken += steps;
      if (descent.taken === count) widget.chose();
    };
    if (count === 1 || widget.isCalm) {
      widget.rests();
      advance(count);
      return;
    }
    widget.works(() => {
      const wanted = Math.min(count, 1 + Math.floor((performance.now() - start) / APART));
      advance(wanted - descent.taken);
      return descent.taken < count;
    });
  }

  function compute() {
    const setting = [...chosen(), ...z];
    const all = Array.from(widget.call("softmax_pass", ...setting, added.value));
    const [moved, p, t, difference, dz] = [0, 3, 6, 9, 12].map((from) => all.slice(from, from + 3));
    const [loss, divergence] = all.slice(19);
    const single = Array.from(widget.call("softmax_single", ...z, added.value));
    shown = { setting, added: added.value, moved, p, t, difference, dz, sums: all.slice(15, 19) };
    Object.assign(shown, { loss, divergence, single });
  }

  /** A bar of a class, from zero. */
  const bar = (k, height) => [[k + LEFT, 0], [k + LEFT, height], [k + RIGHT, height], [k + RIGHT, 0]];

  function drawLogits() {
    const { moved, dz } = shown;
    // Zero and all that can be reached are in view, and the longest arrows too.
    const [low, top] = [
      Math.min(-REACH, added.value - REACH, ...moved),
      Math.max(REACH, added.value + REACH, ...moved),
    ];
    const unit = (UNIT * (top - low)) / (1 - 2 * UNIT);
    Object.assign(high, { min: low - unit, max: top + unit });
    high.label = added.value === 0 ? "logits z" : "logits z + c";
    const marks = [
      { areas: moved.map((height, k) => bar(k, height)), color: Z },
      { line: [[-0.6, 0], [2.6, 0]] },
    ];
    for (const k of CLASSES) {
      const after = moved[k] - dz[k];
      marks.push({ line: [[k + LEFT - 0.08, after], [k + RIGHT + 0.08, after]], dashed: true });
      const from = [k + ARROW, moved[k]];
      marks.push({ arrow: [from, [k + ARROW, moved[k] + unit * dz[k]]], color: GRADIENT, isBold: true });
    }
    logits.draw(marks, `${listed(moved)}; their gradients ${listed(dz)}`);
  }

  function drawChances() {
    const { p, t } = shown;
    const marks = [{ areas: p.map((height, k) => bar(k, height)), color: Z }];
    for (const k of CLASSES) {
      marks.push({ line: [[k + LEFT - 0.06, t[k]], [k + ARROW + 0.14, t[k]]], color: TARGET });
      marks.push({ arrow: [[k + ARROW, t[k]], [k + ARROW, p[k]]], color: GRADIENT, isBold: true });
    }
    chances.draw(marks, `${listed(p)}; the targets ${listed(t)}`);
  }

  /** A loss, with its unit where it has one. */
  const nats = (x) => `${number(x)}${judge.value === "log" ? " nats" : ""}`;

  function drawNumbers() {
    const { moved, p, t, difference, dz, sums, loss: value, divergence } = shown;
    table.rows[0].title.textContent = added.value === 0 ? "z" : "z + c";
    const row = (all, k) => [...all.map(number), fixed(sums[k], 3)];
    const rows = [p, t, difference, dz].map(row);
    table.show([[...moved.map((x) => fixed(x, 2)), ""], ...rows]);
    loss.element.firstChild.data = judge.value === "log" ? "L = −Σ t · ln p = " : "L = ½ Σ (p − t)² = ";
    loss.show(nats(value));
    const entropy = value - divergence;
    const isDivided = judge.value === "log" && entropy > 1e-9;
    detail.textContent = isDivided
      ? `The entropy of t, ${number(entropy)}, stays. Descent can take away the divergence, ${number(divergence)}.`
      : "";
    CLASSES.forEach((k) => {
      const { input, output } = sliders[k];
      input.value = z[k];
      output.textContent = fixed(z[k], 2);
      input.setAttribute("aria-valuetext", output.textContent);
    });
  }

  /** Both ways of `f32`. */
  function drawWays() {
    const { single } = shown;
    const steps = (from) => {
      const [exponents, powers, p] = [0, 3, 7].map((at) => single.slice(from + at, from + at + 3));
      const plain = exponents.map((x) => fixed(x, 2));
      return [plain, powers.map(number), [number(single[from + 6])], p.map(number)];
    };
    const names = added.value === 0 ? ["z", "eᶻ"] : ["z + c", "eᶻ⁺ᶜ"];
    names.forEach((text, k) => (ways[0].rows[k].title.textContent = text));
    ways[0].show(steps(0));
    ways[1].show(steps(10));
    ways[0].element.classList.toggle("is-wrong", fails() !== "");
  }

  /** What goes wrong in `f32` without the shift, in a sentence, or nothing. */
  function fails() {
    const { single } = shown;
    const [total, written, right] = [single[6], single.slice(7, 10), single.slice(17)];
    if (total === Infinity) return "As written, eᶻ overflows in f32, and ∞ / ∞ is not a number.";
    if (total === 0) return "As written, every eᶻ is rounded to 0 in f32, and 0 / 0 is not a number.";
    const isOff = written.some((p, k) => Math.abs(p - right[k]) > 0.01 * right[k]);
    return isOff ? "As written, some eᶻ is so small in f32 that its digits are lost." : "";
  }

  /** What there is to be seen, in a sentence or two. */
  function told() {
    const { difference, dz, loss } = shown;
    const [far, push] = [difference, dz].map((row) => Math.max(...row.map(Math.abs)));
    if (descent?.taken) {
      const steps = descent.taken === 1 ? "One step" : `${descent.taken} steps`;
      return `${steps}: the loss went from ${number(descent.from)} to ${nats(loss)}.`;
    }
    const wrong = fails();
    if (wrong) return `${wrong} With the largest logit taken off first, p is right.`;
    if (far < 0.01) return "p is nearly t: hardly anything pushes.";
    if (judge.value === "log") return "Cross-entropy: the gradient of each logit is its p − t.";
    const both = `p − t reaches ${number(far)}, the gradient of the logits only ${number(push)}`;
    return push < 0.1 * far ? `Sure and wrong, and it hardly moves: ${both}.` : `Squared error: ${both}.`;
  }

  widget.draws(() => {
    mixture.hidden = target.value !== "mixture";
    compute();
    drawLogits();
    drawChances();
    drawNumbers();
    drawWays();
    widget.say(told());
  });

  widget.values = () => ({ ...shown, taken: descent?.taken ?? 0, height: [high.min, high.max] });
});
