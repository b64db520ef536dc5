// The opening page: train a network, then write a digit for it.

chainrule.widget("index", (widget) => {
  /** Milliseconds of a frame that go into learning: the rest is for drawing and the reader. */
  const SLICE = 12;
  /** New digits that the trained network is tested on. */
  const TEST = 1000;
  /** Side of an image, in pixels, and how far an arrow key moves the pen over the paper's side. */
  const [SIDE, STEP] = [28, 0.04];

  let last, steps, curve, strokes, pen, reading, ends;

  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  // Learning: a button, three numbers, a curve.
  const train = widget.button("Train a network", learn);
  train.element.classList.add("is-first");
  const seed = widget.seed({ changes: begin });
  widget.row(train, seed);
  const seen = widget.number("Digits seen");
  const loss = widget.number("Loss");
  const right = widget.number("Right of the last 1,000");
  widget.row(seen, loss, right);
  const x = { label: "digits seen", min: 0, max: 1 };
  const y = { label: "read right, %", min: 0, max: 100 };
  const plot = widget.plot({ label: "Share of new digits read right", x, y, height: 0.36 });

  // Writing: paper and pen, what the network sees, what it says.
  const paper = chainrule.svg("svg", { viewBox: "0 0 1 1", class: "index-paper", tabindex: 0, role: "application" });
  paper.setAttribute(
    "aria-label",
    "Paper. Arrow keys move the pen, space puts it down and lifts it.",
  );
  const ink = chainrule.svg("g", { class: "index-ink" });
  const tip = chainrule.svg("circle", { r: 0.02, class: "index-tip" });
  paper.append(ink, tip);
  const sight = widget.canvas({ label: "What the network sees", columns: SIDE, rows: SIDE });
  const bars = document.createElement("ol");
  bars.className = "index-bars";
  bars.start = 0;
  for (let digit = 0; digit < 10; digit += 1) {
    const bar = document.createElement("li");
    bar.append(`${digit} `, document.createElement("span"), document.createElement("output"));
    bar.lastChild.setAttribute("aria-live", "off");
    bars.append(bar);
  }
  const clear = widget.button("Clear the paper", () => {
    strokes = [];
    pen.isDown = false;
    widget.changed();
  });
  widget.row(
    titled("Write a digit", paper, clear.element),
    titled("What the network sees", sight.element, legend()),
    titled("What it reads", bars),
  );

  /** Parts below a title. */
  function titled(title, ...parts) {
    const made = document.createElement("div");
    const heading = document.createElement("p");
    heading.className = "index-title";
    heading.textContent = title;
    made.append(heading, ...parts);
    return made;
  }

  function legend() {
    const word = (text, className) =>
      Object.assign(document.createElement("span"), { textContent: text, className });
    const made = document.createElement("p");
    made.className = "index-legend";
    made.append("ink ", word("for", "index-up"), " and ", word("against", "index-down"), " its answer");
    return made;
  }

  function begin() {
    widget.rests();
    [steps] = widget.call("index_begin", seed.value);
    [last, curve, reading] = [{ step: 0 }, [], null];
    train.element.disabled = false;
  }

  widget.begins(() => {
    begin();
    strokes = [];
    pen = { at: [0.5, 0.2], isDown: false };
    widget.say("Press the button, then write a digit.");
  });

  function learn() {
    if (last.step === steps) begin();
    train.element.disabled = true;
    const start = performance.now();
    let count = 1;
    widget.works(() => {
      const from = performance.now();
      const [step, loss, accuracy] = widget.call("index_learn", count);
      last = { step, loss, accuracy };
      const seconds = (performance.now() - start) / 1000;
      curve.push([step, accuracy, seconds]);
      // As many steps as fit into the next frame, on this machine.
      const took = performance.now() - from;
      count = Math.max(1, Math.min(2 * count, Math.floor((count * SLICE) / took)));
      if (step < steps) return true;
      [last.test] = widget.call("index_test", TEST);
      train.element.disabled = false;
      widget.say(`Learned in ${seconds.toFixed(1)} s. Write a digit.`);
      return false;
    });
  }

  // The pen, held by a pointer or moved by keys.
  const corner = (value) => Math.max(0, Math.min(1, value));
  function moveTo(at) {
    pen.at = at.map(corner);
    if (pen.isDown) strokes.at(-1).push(pen.at);
    widget.changed();
  }
  function put(isDown) {
    pen.isDown = isDown;
    if (isDown) strokes.push([]);
    widget.changed();
  }
  chainrule.drag(
    paper,
    (px, py) => moveTo([px / paper.clientWidth, py / paper.clientHeight]),
    () => put(true),
    () => put(false),
  );
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  paper.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      put(!pen.isDown);
      moveTo(pen.at);
    } else if (ways[event.key]) {
      moveTo(pen.at.map((at, axis) => at + STEP * ways[event.key][axis]));
    } else return;
    event.preventDefault();
  });

  function read() {
    const written = strokes.filter((stroke) => stroke.length > 0);
    if (written.length === 0) return null;
    const numbers = written.flatMap((stroke) => [...stroke.flat(), NaN, NaN]);
    const results = widget.call("index_read", ...numbers);
    const [pixels, answers] = [SIDE * SIDE, SIDE * SIDE + 10];
    return {
      image: results.slice(0, pixels),
      probabilities: results.slice(pixels, answers),
      effects: results.slice(answers),
    };
  }

  /** Ink in the color of what it did; the ground, where nothing is, as it is. */
  function drawSight() {
    const [up, down, ground] = ["--widget-up", "--widget-down", "--widget-paper"].map(rgb);
    const pixels = sight.paper.createImageData(SIDE, SIDE);
    const most = reading ? reading.effects.reduce((most, dx) => Math.max(most, Math.abs(dx)), 0) : 0;
    for (let i = 0; i < SIDE * SIDE; i += 1) {
      const [amount, effect] = reading ? [reading.image[i], reading.effects[i] / most || 0] : [0, 0];
      const color = effect < 0 ? down : up;
      const strength = amount * (0.15 + 0.85 * Math.abs(effect));
      for (let k = 0; k < 3; k += 1) {
        pixels.data[4 * i + k] = ground[k] + strength * (color[k] - ground[k]);
      }
      pixels.data[4 * i + 3] = 255;
    }
    sight.paper.putImageData(pixels, 0, 0);
  }

  /** A color of the theme as three numbers, as the canvas reads them. */
  function rgb(name) {
    sight.paper.fillStyle = widget.color(name);
    const hex = sight.paper.fillStyle;
    return [1, 3, 5].map((k) => Number.parseInt(hex.slice(k, k + 2), 16));
  }

  widget.draws(() => {
    seen.show((100 * last.step).toLocaleString("en"));
    loss.show(last.loss?.toFixed(3) ?? "–");
    right.show(last.step ? percent(last.accuracy) : "–");
    x.max = 100 * steps;
    if (!widget.isCalm || !widget.isWorking) {
      const line = curve.map(([step, accuracy]) => [100 * step, 100 * accuracy]);
      const words = last.step ? `${percent(last.accuracy)} after ${100 * last.step} digits` : "nothing yet";
      plot.draw([{ line, color: "--widget-up" }], words);
    }

    ink.replaceChildren(
      ...strokes
        .filter((stroke) => stroke.length > 0)
        // A line of no length has round ends: a dot.
        .map((stroke) => chainrule.svg("polyline", { points: [stroke[0], ...stroke].join(" ") })),
    );
    tip.setAttribute("cx", pen.at[0]);
    tip.setAttribute("cy", pen.at[1]);
    tip.classList.toggle("is-down", pen.isDown);
    reading = read();
    drawSight();
    const best = reading ? reading.probabilities.indexOf(Math.max(...reading.probabilities)) : -1;
    for (const [digit, bar] of [...bars.children].entries()) {
      const p = reading?.probabilities[digit] ?? 0;
      bar.children[0].style.setProperty("--share", p);
      bar.children[1].textContent = reading ? percent(p) : "–";
      bar.classList.toggle("is-best", digit === best);
    }
    sight.describe(reading ? `the digit, most like a ${best}` : "nothing yet");
    if (reading && !widget.isWorking && !pen.isDown) {
      const skill = last.test
        ? `Of 1,000 new digits it reads ${percent(last.test)} right.`
        : "It has not learned yet.";
      widget.say(`It reads a ${best}, with ${percent(reading.probabilities[best])}. ${skill}`);
    }
  });

  widget.values = () => ({
    seed: seed.value,
    ...last,
    curve,
    strokes,
    image: Array.from(reading?.image ?? []),
    probabilities: Array.from(reading?.probabilities ?? []),
    effects: Array.from(reading?.effects ?? []),
  });
});
