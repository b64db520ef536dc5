// Chapter 2: a tape that the reader writes, read backwards one visit at a time.

chainrule.widget("tape", (widget) => {
  const doublings = (count) =>
    Array.from({ length: count }, (_, k) => `x${k + 1} = x${k} + x${k}`).join("\n");
  /** Formulas to begin with, and the numbers of their leaves where these are not the usual ones. */
  const EXAMPLES = {
    "Used twice": ["s = a + b\nL = a * s", {}],
    "Shared node": ["b = a + a\nc = b * b\nL = b + c", { a: 3 }],
    "Sigmoid": ["z = w * x + b\np = sigmoid(z)\nL = -ln(p)", { w: 0.5, x: 2, b: -0.5 }],
    "Doublings": [doublings(10), {}],
  };
  const [FIRST] = EXAMPLES["Used twice"];
  const USUAL = { a: 2, b: 3 };
  /** The most nodes that are drawn as a graph too. */
  const MOST_BOXES = 9;
  /** The most doublings, whose paths fill a bar. */
  const MOST_DOUBLINGS = 30;

  /** How an op is written, by its number. */
  const OPS = [
    () => "leaf",
    () => "number",
    (x, y) => `${x} + ${y}`,
    (x, y) => `${x} − ${y}`,
    (x, y) => `${x} · ${y}`,
    (x, y) => `${x} / ${y}`,
    (x) => `−${x}`,
    (x) => `sigmoid(${x})`,
    (x) => `tanh(${x})`,
    (x) => `exp(${x})`,
    (x) => `ln(${x})`,
  ];
  const [LEAF, ADD, SUBTRACT, MULTIPLY, NEGATE] = [0, 2, 3, 4, 6];

  let recording, drawn, mistake, pass, counts, step;
  const numbers = new Map();

  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  const format = (x, digits = 6) => {
    const rounded = Number.isInteger(x) ? x : Number(x.toPrecision(digits));
    const isPlain = rounded === 0 || (Math.abs(rounded) >= 1e-4 && Math.abs(rounded) < 1e15);
    const options = { maximumSignificantDigits: Number.isInteger(x) ? 15 : digits };
    return (isPlain ? rounded.toLocaleString("en", options) : String(rounded)).replace("-", "−");
  };
  const factor = (x) => (x < 0 ? `(${format(x)})` : format(x));

  // The formula, and numbers for its leaves.
  const examples = Object.entries(EXAMPLES).map(([label, [formula, leaves]]) =>
    widget.button(label, () => {
      numbers.clear();
      for (const [name, number] of Object.entries(leaves)) numbers.set(name, number);
      doubled.value = doubled.initial;
      text.value = formula;
      read();
      widget.chose();
    }),
  );
  widget.row(...examples).classList.add("tape-examples");
  const text = widget.text({ key: "text", label: "Formula", value: FIRST, rows: 3, changes: read });
  const fault = element("pre", { className: "tape-mistake", hidden: true });
  widget.host.append(fault);
  const doubled = widget.slider({
    key: "doublings",
    label: "Doublings",
    min: 1,
    max: MOST_DOUBLINGS,
    step: 1,
    value: 10,
    changes(count) {
      const isDone = step === pass.visits.length;
      text.value = doublings(count);
      read();
      if (isDone) step = pass.visits.length;
    },
  });
  const leaves = element("div", { className: "widget-row tape-leaves" });
  widget.host.append(leaves);

  /** The numbers of the leaves as one input, for the address: "a=3,w=0.5". */
  const usual = (name) => (Object.hasOwn(USUAL, name) ? USUAL[name] : 1);
  const numberOf = (name) => numbers.get(name) ?? usual(name);
  const written = {
    initial: "",
    get value() {
      const kept = recording.leaves.filter((name) => numberOf(name) !== usual(name));
      return kept.map((name) => `${name}=${numberOf(name)}`).join(",");
    },
    set value(list) {
      numbers.clear();
      for (const [name, number] of list.split(",").map((one) => one.split("="))) {
        if (name && number && Number.isFinite(Number(number))) numbers.set(name, Number(number));
      }
    },
  };
  written.value = widget.remembered("leaves") ?? "";
  widget.controls.set("leaves", written);

  // The tape as a list, with what goes back over it; the graph beside it.
  const rows = element("tbody");
  const titles = ["Visit", "Node", "Op", "Value", "Gradient", "This visit", "Differences"];
  const head = element("tr");
  head.append(...titles.map((textContent) => element("th", { scope: "col", textContent })));
  const list = element("div", { className: "tape-list", tabIndex: 0, role: "region" });
  list.setAttribute("aria-label", "The tape");
  list.append(element("table", {}, element("thead", {}, head), rows));
  const back = widget.button("Back one step", () => goTo(step + 1));
  back.element.classList.add("is-first");
  const undo = widget.button("Undo", () => goTo(step - 1));
  const all = widget.button("All the way", () => goTo(pass.visits.length));
  const ways = widget.row(back, undo, all);
  ways.classList.add("tape-ways");
  const assign = widget.toggle({ key: "assign", label: "= in place of +=", changes: compute });
  const tooEarly = "visit a node as soon as it is reached";
  const early = widget.toggle({ key: "early", label: tooEarly, changes: compute });
  const faults = widget.row(element("span", { textContent: "Plant a fault:" }), assign, early);
  faults.classList.add("tape-faults");
  const bars = element("ul", { className: "tape-bars" });
  bars.setAttribute("aria-label", "Counts, with bars on a logarithmic scale");
  const graph = element("div", { className: "tape-graph" });
  const column = element("div", { className: "tape-column" });
  column.append(list, ways, widget.status, faults, bars);
  widget.row(column, graph).classList.add("tape-parts");

  function goTo(wanted) {
    step = Math.max(0, Math.min(pass.visits.length, wanted));
    widget.changed();
  }

  /** A text of the module's, whose length stands at `at`, and the place after it. */
  function words(results, at) {
    const end = at + 1 + results[at];
    return [String.fromCodePoint(...results.slice(at + 1, end)), end];
  }

  /** Records the formula. One with a mistake leaves the tape as it is. */
  function record(formula) {
    const results = widget.call("tape_record", ...Array.from(formula, (c) => c.codePointAt(0)));
    if (results[0] === 0) {
      mistake = { at: results[1], end: results[2], message: words(results, 3)[0] };
      return;
    }
    mistake = null;
    const nodes = [];
    for (let at = 2; at < results.length; ) {
      const [kind, isWanted, count] = results.slice(at, at + 3);
      const inputs = Array.from(results.slice(at + 3, at + 3 + count));
      const [name, end] = words(results, at + 3 + count);
      nodes.push({ kind, isWanted: isWanted === 1, inputs, name });
      at = end;
    }
    const names = nodes.filter(({ kind }) => kind === LEAF).map(({ name }) => name);
    recording = { nodes, result: results[1], leaves: names };
  }

  /** Reads the formula that stands there. Until one can be read, the tape is of another. */
  function read() {
    if (!recording) begin(FIRST);
    begin(text.value);
  }

  /** Begins at the end of the tape of a formula. */
  function begin(formula) {
    record(formula);
    if (mistake) return;
    step = 0;
    compute();
    leaves.replaceChildren(...recording.leaves.map(input));
  }

  /** The input for a leaf's number. */
  function input(name) {
    const made = element("input", { type: "number", step: 0.5, value: numberOf(name) });
    made.addEventListener("input", () => {
      if (!Number.isFinite(made.valueAsNumber)) return;
      numbers.set(name, made.valueAsNumber);
      compute();
      widget.chose();
    });
    return element("label", { className: "tape-leaf" }, `${name} = `, made);
  }

  /** Both passes, with the numbers and the faults that there are now. */
  function compute() {
    const { nodes, leaves } = recording;
    const results = widget.call("tape_set", ...leaves.map(numberOf));
    for (const [k, node] of nodes.entries()) {
      [node.value, node.gradient, node.difference] = results.slice(3 * k, 3 * k + 3);
    }
    const faults = [assign, early].map((one) => (one.value === "on" ? 1 : 0));
    const passed = widget.call("tape_pass", ...faults);
    pass = { gradients: [], isSame: [], visits: [] };
    for (let k = 0; k < nodes.length; k += 1) {
      pass.gradients.push(passed[2 * k]);
      pass.isSame.push(passed[2 * k + 1] === 1);
    }
    for (let at = 2 * nodes.length; at < passed.length; ) {
      const [node, upstream, count] = passed.slice(at, at + 3);
      const terms = [];
      for (at += 3; terms.length < count; at += 4) {
        const [input, local, term, gradient] = passed.slice(at, at + 4);
        terms.push({ input, local, term, gradient });
      }
      pass.visits.push({ node, upstream, terms });
    }
    step = Math.min(step, pass.visits.length);
    const [paths, arrows, visits] = widget.call("tape_counts");
    counts = { paths, arrows, visits };
    drawn = nodes.length <= MOST_BOXES ? words(widget.call("tape_drawing"), 0)[0] : "";
  }

  /** The tape after the visits that were made: gradients, and of each node the visits so far. */
  function reached() {
    const gradients = recording.nodes.map((_, k) => (k === recording.result ? 1 : 0));
    const visits = recording.nodes.map(() => 0);
    for (const [k, { node, terms }] of pass.visits.slice(0, step).entries()) {
      visits[node] = k + 1;
      for (const { input, gradient } of terms) gradients[input] = gradient;
    }
    return { gradients, visits };
  }

  /** The last visit in words, one sentence for each term. */
  function told() {
    const { nodes, result } = recording;
    const end = `d${nodes[result].name}`;
    if (pass.visits.length === 0) return "There is nothing to visit: no op leads from a leaf here.";
    if (step === 0) return `Nothing is visited yet. ${end} is 1, and every other gradient is 0.`;
    const { node, upstream, terms } = pass.visits[step - 1];
    const { name, kind, inputs } = nodes[node];
    const wanted = inputs.map((_, k) => k).filter((k) => nodes[inputs[k]].isWanted);
    const before = [];
    const earlier = pass.visits.slice(0, step - 1);
    for (const visit of earlier) for (const term of visit.terms) before[term.input] = term.gradient;
    const sentences = terms.map(({ input, local, term, gradient }, k) => {
      const x = nodes[input].name;
      const product = `d${name} · ${localInWords(nodes[node], wanted[k])}`;
      const inNumbers = `${factor(upstream)} · ${factor(local)} = ${format(term)}`;
      const had = before[input] ?? 0;
      before[input] = gradient;
      const isAssigned = assign.value === "on";
      const now = isAssigned ? `in place of the ${format(had)} that it had` : `and has ${format(gradient)}`;
      const sum = had === 0 ? "" : `, ${now}`;
      const isLast = terms.findLastIndex((one) => one.input === input) === k;
      const isLate = isLast && earlier.some((visit) => visit.node === input);
      const late = isLate ? ` But ${x} was visited before: this goes no further.` : "";
      return `${x} gets ${product} = ${inNumbers}${sum}.${late}`;
    });
    const count = `Visit ${step} of ${pass.visits.length}`;
    const visit = `${count}: ${name} = ${op(nodes[node])}, with d${name} = ${format(upstream)}.`;
    const all = step === pass.visits.length ? [judged()] : [];
    return [visit, ...sentences, ...all].join(" ");
  }

  /** What came of all visits. */
  function judged() {
    if (!isFaulty()) return "Every gradient is whole.";
    const wrong = [];
    for (const [k, { name, difference, isWanted }] of recording.nodes.entries()) {
      if (!isWanted || pass.isSame[k]) continue;
      const [found, right] = [format(pass.gradients[k]), format(difference, 5)];
      wrong.push(`d${name} is ${found}, but differences give ${right}`);
    }
    if (wrong.length === 0) return "The fault does not show here: every gradient is right.";
    const others = wrong.length - 1;
    const also = ["", " One other gradient is wrong."][others] ?? ` ${others} others are wrong.`;
    return `Wrong: ${wrong[0]}.${also}`;
  }

  const isFaulty = () => assign.value === "on" || early.value === "on";
  const op = ({ kind, inputs }) => OPS[kind](...inputs.map((place) => recording.nodes[place].name));

  /** The local derivative of a node in its input `k`, as it is written. */
  function localInWords({ kind, inputs, name }, k) {
    if (kind === MULTIPLY) return recording.nodes[inputs[1 - k]].name;
    if (kind === ADD || (kind === SUBTRACT && k === 0)) return "1";
    if (kind === NEGATE || kind === SUBTRACT) return "(−1)";
    return `∂${name}/∂${recording.nodes[inputs[k]].name}`;
  }

  function drawList({ gradients, visits }) {
    const { nodes } = recording;
    const last = pass.visits[step - 1];
    const isDone = step === pass.visits.length;
    list.classList.toggle("is-faulty", isFaulty());
    rows.replaceChildren(
      ...nodes.map((node, k) => {
        const terms = last?.terms.filter(({ input }) => input === k) ?? [];
        const sign = assign.value === "on" ? "=" : "+";
        const upstream = last && factor(last.upstream);
        const added = terms.map(({ local }) => `${sign} ${upstream} · ${factor(local)}`);
        const isWrong = isDone && isFaulty() && node.isWanted && !pass.isSame[k];
        const gradient = node.isWanted ? format(gradients[k]) : "–";
        const difference = node.isWanted ? format(node.difference, 5) : "–";
        const cells = [
          visits[k] || "",
          node.name,
          op(node),
          format(node.value),
          isWrong ? `${gradient} ≠` : gradient,
          added.join(" "),
          difference,
        ];
        const row = element("tr");
        row.append(...cells.map((textContent) => element("td", { textContent })));
        row.classList.toggle("is-visited", last?.node === k);
        row.classList.toggle("is-reached", terms.length > 0);
        row.classList.toggle("is-wrong", isWrong);
        row.classList.toggle("is-empty", gradients[k] === 0);
        return row;
      }),
    );
    const shown = rows.querySelector(".is-visited") ?? rows.lastChild;
    const [top, bottom] = [shown.offsetTop, shown.offsetTop + shown.offsetHeight];
    const [first, end] = [list.scrollTop + head.offsetHeight, list.scrollTop + list.clientHeight];
    if (top < first || bottom > end) list.scrollTop = shown.offsetTop - list.clientHeight / 2;
  }

  /** The library's drawing, with the gradients that there are after these visits. */
  function drawGraph({ gradients, visits }) {
    if (graph.drawn !== drawn) graph.innerHTML = graph.drawn = drawn;
    graph.hidden = !drawn;
    if (!drawn) return;
    const last = pass.visits[step - 1];
    // Boxes stand in the order of the nodes. The lines of a box follow it, its gradient as the last.
    for (const [k, box] of [...graph.querySelectorAll("rect")].entries()) {
      const { name, isWanted } = recording.nodes[k];
      let line = box;
      while (line.nextElementSibling?.tagName === "text") line = line.nextElementSibling;
      if (isWanted) line.textContent = `d${name} = ${format(gradients[k], 4)}`;
      box.classList.toggle("is-visited", last?.node === k);
      box.classList.toggle("is-reached", last?.terms.some(({ input }) => input === k) ?? false);
    }
    for (const arrow of graph.querySelectorAll("[data-edge]")) {
      const [, to] = arrow.dataset.edge.split("-").map(Number);
      arrow.classList.toggle("is-used", visits[to] > 0);
      arrow.classList.toggle("is-now", last?.node === to);
    }
  }

  function drawBars() {
    const most = Math.log(2 ** MOST_DOUBLINGS);
    const bar = ([title, count]) => {
      const share = Math.min(1, Math.log(Math.max(1, count)) / most);
      const line = element("span");
      line.style.setProperty("--share", share);
      // The crate counts no further than the largest number of 64 bits.
      const shown = count >= 2 ** 64 ? "2⁶⁴ or more" : format(count);
      const number = element("data", { value: count, textContent: shown });
      return element("li", {}, title, line, number);
    };
    const { paths, arrows, visits } = counts;
    const { name } = recording.nodes[recording.result];
    const lines = [[`paths to ${name}`, paths], ["arrows", arrows], ["visits", visits]];
    bars.replaceChildren(...lines.map(bar));
  }

  /** The number of the line with a mistake, and the character that it begins with. */
  function placeOf({ at }) {
    const before = Array.from(text.value).slice(0, at);
    const number = before.filter((c) => c === "\n").length + 1;
    return { number, from: before.lastIndexOf("\n") + 1 };
  }

  /** The line with the mistake, and a mark under it. */
  function drawMistake() {
    fault.hidden = !mistake;
    text.element.lastChild.setAttribute("aria-invalid", Boolean(mistake));
    if (!mistake) return;
    const characters = Array.from(text.value);
    const { from } = placeOf(mistake);
    const line = characters.slice(from).join("").split("\n")[0];
    const mark = " ".repeat(mistake.at - from) + "^".repeat(Math.max(1, mistake.end - mistake.at));
    fault.textContent = `${line}\n${mark}\n${mistake.message}`;
  }

  widget.begins(read);

  widget.draws(() => {
    const now = reached();
    drawMistake();
    drawList(now);
    drawGraph(now);
    drawBars();
    doubled.element.hidden = text.value !== doublings(doubled.value);
    back.element.setAttribute("aria-disabled", step === pass.visits.length);
    all.element.setAttribute("aria-disabled", step === pass.visits.length);
    undo.element.setAttribute("aria-disabled", step === 0);
    if (!mistake) return widget.say(told());
    const { number, from } = placeOf(mistake);
    const place = `Line ${number}, character ${mistake.at - from + 1}`;
    widget.say(`${place}: ${mistake.message}. The tape shows the last formula that could be read.`);
  });

  widget.values = () => ({
    text: text.value,
    numbers: recording.leaves.map(numberOf),
    names: recording.nodes.map(({ name }) => name),
    values: recording.nodes.map(({ value }) => value),
    library: recording.nodes.map(({ gradient }) => gradient),
    differences: recording.nodes.map(({ difference }) => difference),
    step,
    gradients: reached().gradients,
    last: pass.gradients,
    visits: pass.visits.map(({ node }) => node),
    terms: pass.visits.flatMap(({ terms }) => terms.map(({ term }) => term)),
    counts,
    mistake,
  });
});
