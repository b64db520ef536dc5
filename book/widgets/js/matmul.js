// Chapter 5: a product and its two gradients; each entry is a row times a column, term by term.

chainrule.widget("matmul", (widget) => {
  /** The numbers at first. A square W has the first two rows, and X the first two columns. */
  const FIRST = {
    x: [[2, 1, -1], [0, 3, 1], [1, -2, 2], [3, 1, 0]],
    w: [[1, 4], [2, -1], [-3, 2]],
    dy: [[3, 2], [-1, 3], [2, -2], [-3, 1]],
  };
  const [SAMPLES, OUTPUTS] = [4, 2];
  /** The largest number that can be written, and one through the smallest difference of two. */
  const [MOST, PER_ONE] = [9, 10];
  /** How far a number moves for a pixel that it is dragged. */
  const PER_PIXEL = 0.025;
  /** The products: the matrix on the left of each, and the one above it. */
  const PRODUCTS = {
    y: { left: { of: "x", isEditable: true }, above: { of: "w", isEditable: true } },
    dx: { left: { of: "dy", isEditable: true }, above: { of: "w", isTurned: true } },
    dw: { left: { of: "x", isTurned: true }, above: { of: "dy" } },
  };
  const CAPITALS = { x: "X", w: "W", dy: "dY", y: "Y", dx: "dX", dw: "dW" };
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  /** At most two decimals, which is all of a product of numbers with one. */
  const format = (x) => String(Number(x.toFixed(2))).replace("-", "−");
  const factor = (x) => (x < 0 ? `(${format(x)})` : format(x));
  const entry = (name, [i, j]) => `${name}${"₀₁₂₃"[i]}${"₀₁₂₃"[j]}`;
  const matrixName = ({ of, isTurned }) => `${CAPITALS[of]}${isTurned ? "ᵀ" : ""}`;
  /** A text with its transposes as marks: the bold font has no letter for them. */
  const marked = (kind, text) => {
    const [first, ...others] = text.split("ᵀ");
    const mark = () => element("sup", { textContent: "T" });
    return element(kind, {}, first, ...others.flatMap((part) => [mark(), part]));
  };
  /** A list of numbers as rows of this many. */
  const rows = (list, columns) => {
    const row = (_, i) => Array.from(list.slice(i * columns, (i + 1) * columns));
    return Array.from({ length: list.length / columns }, row);
  };

  let numbers = structuredClone(FIRST);
  /** The chosen entry, and the one that a pointer is over, or null: a product, a row, a column. */
  let chosen = { product: "dx", at: [0, 1] };
  let hovered = null;
  let shown, built, cells;
  /** Whether all numbers are others, and the one that is just being typed too. */
  let isReplaced = false;

  // What can be chosen.
  const shape = widget.choice({
    key: "shape",
    label: "W is",
    options: { oblong: "[3, 2]", square: "[2, 2], square" },
    value: "oblong",
  });
  const way = widget.choice({
    key: "dx",
    label: "dX =",
    options: { transposed: "dY Wᵀ", untransposed: "dY W" },
    value: "transposed",
    changes() {
      hovered = null;
      if (chosen.product !== "dx") chosen = { product: "dx", at: [0, 1] };
    },
  });
  widget.row(shape, way);
  const schemes = element("div", { className: "matmul-schemes" });
  const sum = element("div", { className: "matmul-sum" });
  const results = element("div", { className: "matmul-results" });
  const panel = element("div", { className: "matmul-panel" }, sum, results, widget.status);
  schemes.append(panel);
  const hint = element("p", { className: "matmul-hint" });
  hint.textContent =
    `Framed numbers, from −${MOST} to ${MOST} with one decimal, can be changed: ` +
    "type, press ↑ or ↓, or drag sideways.";
  widget.host.append(schemes, hint);

  const inputs = () => (shape.value === "square" ? 2 : 3);
  /** Whether a product is shown without its transpose, and whether there is none then. */
  const isFaulty = (product) => product === "dx" && way.value === "untransposed";
  const isRefused = (product) => isFaulty(product) && shown.message !== "";

  /** Numbers that are not the first ones, for the address: "x00=3,dy31=2". */
  const written = {
    initial: "",
    get value() {
      const list = [];
      for (const [name, first] of Object.entries(FIRST)) {
        numbers[name].forEach((row, i) =>
          row.forEach((x, j) => x === first[i][j] || list.push(`${name}${i}${j}=${x}`)),
        );
      }
      return list.join(",");
    },
    set value(list) {
      numbers = structuredClone(FIRST);
      for (const [, name, i, j, x] of list.matchAll(/([a-z]+)(\d)(\d)=([-.\d]+)/g)) {
        if (isAllowed(Number(x)) && numbers[name]?.[i]?.[j] !== undefined) put(name, [i, j], Number(x));
      }
      isReplaced = true;
    },
  };
  const position = {
    initial: "dx01",
    get value() {
      return `${chosen.product}${chosen.at.join("")}`;
    },
    set value(text) {
      const [, product, i, j] = /^(y|dx|dw)([0-3])([0-2])$/.exec(text) ?? ["", "dx", 0, 1];
      [chosen, hovered] = [{ product, at: [Number(i), Number(j)] }, null];
    },
  };
  for (const [key, control] of Object.entries({ numbers: written, entry: position })) {
    control.value = widget.remembered(key) ?? control.initial;
    widget.controls.set(key, control);
  }

  function isAllowed(x) {
    return Number.isFinite(x) && Math.abs(x) <= MOST;
  }

  function put(name, [i, j], x) {
    numbers[name][i][j] = Math.round(x * PER_ONE) / PER_ONE;
  }

  function choose(product, at) {
    [chosen, hovered] = [{ product, at }, null];
    widget.chose();
  }

  const sizes = () => ({ x: [SAMPLES, inputs()], w: [inputs(), OUTPUTS], dy: [SAMPLES, OUTPUTS] });
  const sizeOf = ({ of, isTurned }) => (isTurned ? sizes()[of].toReversed() : sizes()[of]);
  /** The numbers of a matrix as far as they are used. */
  const used = (name) => {
    const [height, width] = sizes()[name];
    return numbers[name].slice(0, height).map((row) => row.slice(0, width));
  };
  /** What stands above a product, with its transpose or, in dX, without. */
  const aboveOf = (product) =>
    isFaulty(product) ? { of: "w" } : PRODUCTS[product].above;
  /** The rows and columns of a product. */
  const sizeOfProduct = (product) => {
    const { left, above } = PRODUCTS[product];
    return [sizeOf(left)[0], sizeOf(above)[1]];
  };

  /** Sizes and entries as the crate reads them. */
  const given = () => {
    const entries = Object.keys(FIRST).flatMap((name) => used(name).flat());
    return [SAMPLES, inputs(), OUTPUTS, ...entries];
  };

  /** The entry that is shown: one that there is. */
  function current() {
    const { product, at } = hovered ?? chosen;
    const size = sizeOfProduct(product);
    return { product, at: at.map((k, axis) => Math.min(k, size[axis] - 1)) };
  }

  function isCurrent({ product, at }) {
    const now = current();
    return product === now.product && String(at) === String(now.at);
  }

  /** All that is shown, from the crate. */
  function compute() {
    const [m, k, n] = [SAMPLES, inputs(), OUTPUTS];
    const all = widget.call("matmul_products", ...given());
    const lengths = { y: [m * n, n], dx: [m * k, k], dw: [k * n, n], inX: [m * k, k], inW: [k * n, n] };
    let from = 0;
    shown = {};
    for (const [name, [length, columns]] of Object.entries(lengths)) {
      shown[name] = rows(all.slice(from, (from += length)), columns);
    }
    const [isProduct, ...others] = widget.call("matmul_untransposed", ...given());
    shown.message = isProduct ? "" : String.fromCodePoint(...others);
    const pairs = isProduct ? rows(others, 2) : [];
    shown.untransposed = rows(pairs.map(([x]) => x), k);
    shown.isRight = rows(pairs.map(([, is]) => is === 1), k);
    shown.terms = terms();
  }

  /** The terms of the entry that is shown, each as its two factors and their product. */
  function terms() {
    const { product, at } = current();
    if (isRefused(product)) return [];
    const order = isFaulty(product) ? 3 : Object.keys(PRODUCTS).indexOf(product);
    return rows(widget.call("matmul_terms", order, ...at, ...given()), 3);
  }

  /** A number in the page: where it is, what it is of, and the input if it can be changed. */
  function cell(name, at, isEditable) {
    if (!isEditable) return element("span", { className: "matmul-cell" });
    const [i, j] = at;
    const input = element("input", { type: "number", min: -MOST, max: MOST, step: "any", required: true });
    Object.assign(input, { className: "matmul-cell", inputMode: "decimal", ariaLabel: entry(name, at) });
    input.value = numbers[name][i][j];
    const write = (x) => {
      if (isAllowed(x)) put(name, at, x);
      widget.chose();
    };
    input.addEventListener("input", () => write(input.valueAsNumber));
    input.addEventListener("focus", () => input.select());
    input.addEventListener("blur", () => widget.changed());
    let [start, before] = [null, 0];
    chainrule.drag(
      input,
      (x) => {
        start ??= x;
        if (x === start) return;
        write(Math.max(-MOST, Math.min(MOST, before + (x - start) * PER_PIXEL)));
        input.value = numbers[name][i][j];
      },
      () => ([start, before] = [null, numbers[name][i][j]]),
    );
    return input;
  }

  /** One of a product's two factors. */
  function factorMatrix({ of, isTurned, isEditable }) {
    const [height, width] = sizeOf({ of, isTurned });
    const made = element("div", { className: "matmul-matrix" });
    made.style.setProperty("--columns", width);
    made.role = isEditable ? "group" : "img";
    if (isEditable) made.ariaLabel = `${CAPITALS[of]}, ${height} rows of ${width}`;
    else cells.drawings.push({ element: made, of, isTurned });
    for (let r = 0; r < height; r += 1) {
      for (let c = 0; c < width; c += 1) {
        const at = isTurned ? [c, r] : [r, c];
        const one = cell(of, at, isEditable);
        made.append(one);
        cells.factors.push({ of, at, element: one, isEditable });
      }
    }
    if (isEditable) {
      const all = [...made.children];
      roving(all, ({ key }) => {
        const [down, right] = MOVES[key] ?? [0, 0];
        // Up and down are the input's own.
        return down ? 0 : right;
      });
    }
    return made;
  }

  /** One stop of the Tab key for many elements: arrows go from one to another, `step` places on. */
  function roving(all, step) {
    const stopAt = (one) => all.forEach((other) => (other.tabIndex = other === one ? 0 : -1));
    stopAt(all[0]);
    all.forEach((one, k) => {
      one.addEventListener("focus", () => stopAt(one));
      one.addEventListener("keydown", (event) => {
        const by = step(event, k);
        if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        all[k + by]?.focus();
      });
    });
  }

  /** The entries of a product, each of which can be looked into. */
  function productMatrix(product) {
    const [height, width] = sizeOfProduct(product);
    const made = element("div", { className: "matmul-matrix", role: "grid" });
    made.ariaLabel = `${CAPITALS[product]}, ${height} rows of ${width}`;
    made.style.setProperty("--columns", width);
    const all = [];
    for (let i = 0; i < height; i += 1) {
      const row = element("div", { className: "matmul-row", role: "row" });
      for (let j = 0; j < width; j += 1) {
        const one = element("span", { className: "matmul-cell", role: "gridcell" });
        const look = (where) => {
          hovered = where;
          widget.changed();
        };
        // Where the page changes under a pointer at rest, browsers report a move of no distance.
        one.addEventListener("pointermove", ({ pointerType, movementX, movementY }) => {
          if (pointerType === "mouse" && (movementX || movementY)) look({ product, at: [i, j] });
        });
        one.addEventListener("pointerleave", () => look(null));
        for (const kind of ["focus", "click"]) one.addEventListener(kind, () => choose(product, [i, j]));
        row.append(one);
        all.push(one);
        cells.products.push({ product, at: [i, j], element: one });
      }
      made.append(row);
    }
    roving(all, ({ key }, k) => {
      const [down, right] = MOVES[key] ?? [0, 0];
      const isInRow = (k % width) + right >= 0 && (k % width) + right < width;
      return isInRow ? down * width + right : 0;
    });
    return made;
  }

  /** A product with its factors: where a row and a column meet, their entry stands. */
  function scheme(product) {
    const { left } = PRODUCTS[product];
    const above = aboveOf(product);
    const [a, b] = [left, above].map(matrixName);
    const [sizeA, sizeB] = [left, above].map((matrix) => `[${sizeOf(matrix).join(", ")}]`);
    const isNone = isRefused(product);
    const size = isNone ? "?" : `[${sizeOfProduct(product).join(", ")}]`;
    const title = element("p", { className: "matmul-title" });
    title.append(
      marked("strong", `${CAPITALS[product]} = ${a} ${b}`),
      element("span", { textContent: `${size} = ${sizeA} · ${sizeB}` }),
    );
    const names = element("div", { className: "matmul-names", ariaHidden: "true" });
    names.append(marked("span", b), marked("span", a));
    const result = isNone
      ? element("p", { className: "matmul-refused", textContent: shown.message })
      : productMatrix(product);
    const [onTop, atLeft] = [factorMatrix(above), factorMatrix(left)];
    onTop.classList.add("is-above");
    atLeft.classList.add("is-left");
    result.classList.add("is-product");
    return element("div", { className: "matmul-scheme" }, title, names, onTop, atLeft, result);
  }

  /** The products anew, where their shapes or what can be read in them changed. */
  function build() {
    const wanted = `${inputs()} ${way.value}`;
    if (built === wanted) return;
    built = wanted;
    const hadFocus = schemes.contains(document.activeElement);
    cells = { factors: [], products: [], drawings: [] };
    schemes.replaceChildren(...Object.keys(PRODUCTS).map(scheme), panel);
    if (hadFocus) cells.products.find((one) => isCurrent(one))?.element.focus();
  }

  /** Which of the entries of a factor take part in the entry that is shown: in its row, its column. */
  function part(of, [i, j]) {
    const { product, at } = current();
    if (isRefused(product)) return "";
    const isIn = ({ of: name, isTurned }, axis) =>
      name === of && (isTurned ? [j, i] : [i, j])[axis] === at[axis];
    if (isIn(PRODUCTS[product].left, 0)) return "is-row";
    return isIn(aboveOf(product), 1) ? "is-column" : "";
  }

  function drawMatrices() {
    for (const { of, at, element: one, isEditable } of cells.factors) {
      const x = numbers[of][at[0]][at[1]];
      if (!isEditable) one.textContent = format(x);
      else if (isReplaced || (document.activeElement !== one && one.valueAsNumber !== x)) one.value = x;
      const is = part(of, at);
      one.classList.toggle("is-row", is === "is-row");
      one.classList.toggle("is-column", is === "is-column");
    }
    for (const { product, at, element: one } of cells.products) {
      const [i, j] = at;
      const isWrong = isFaulty(product) && !shown.isRight[i][j];
      const text = format(found(product, at));
      one.textContent = text;
      if (isWrong) one.append(element("small", { textContent: `≠ ${format(shown[product][i][j])}` }));
      one.classList.toggle("is-long", text.length > 5);
      one.classList.toggle("is-wrong", isWrong);
      const isNow = isCurrent({ product, at });
      one.classList.toggle("is-now", isNow);
      one.ariaSelected = isNow;
    }
    for (const { element: made, of, isTurned } of cells.drawings) {
      const inWords = used(of).map((row) => row.map(format).join(" ")).join("; ");
      const turned = isTurned ? `, its columns are the rows of ${CAPITALS[of]}` : "";
      made.ariaLabel = `${matrixName({ of, isTurned })}${turned}: ${inWords}`;
    }
    isReplaced = false;
    panel.style.setProperty("--place", 2 * Object.keys(PRODUCTS).indexOf(current().product) + 2);
  }

  /** The sum at an entry: the wrong one without the transpose. */
  function found(product, [i, j]) {
    return (isFaulty(product) ? shown.untransposed : shown[product])[i][j];
  }

  /** The names of the factors of the term `k`: of the row's and of the column's. */
  function factorNames(product, [i, j], k) {
    const { left } = PRODUCTS[product];
    const above = aboveOf(product);
    return [
      entry(left.of, left.isTurned ? [k, i] : [i, k]),
      entry(above.of, above.isTurned ? [j, k] : [k, j]),
    ];
  }

  /** The sum, term by term: in letters, in numbers. */
  function drawSum() {
    const { product, at } = current();
    if (isRefused(product)) {
      const name = element("b", { textContent: entry(product, at) });
      sum.replaceChildren(element("p", {}, name, ": there is no product dY W, and no sum to write out."));
      return;
    }
    const row = (text) => element("span", { className: "matmul-of-row", textContent: text });
    const column = (text) => element("span", { className: "matmul-of-column", textContent: text });
    const term = ([a, b]) => element("span", { className: "matmul-term" }, row(a), " · ", column(b));
    const joined = (pairs) => pairs.flatMap((pair, k) => [k ? " + " : " = ", term(pair)]);
    const names = shown.terms.map((_, k) => factorNames(product, at, k));
    const factors = shown.terms.map(([a, b]) => [factor(a), factor(b)]);
    sum.replaceChildren(
      element("p", {}, element("b", { textContent: entry(product, at) }), ...joined(names)),
      element("p", {}, ...joined(factors), " = ", element("b", { textContent: format(found(product, at)) })),
    );
  }

  /** What comes of the sum, the right number beside a wrong one, and what differences say. */
  function drawResults() {
    const { product, at } = current();
    const [i, j] = at;
    const { left, above } = PRODUCTS[product];
    const all = [[`${matrixName(left)} ${matrixName(above)}`, format(shown[product][i][j])]];
    if (isFaulty(product)) all.unshift(["dY W", isRefused(product) ? "none" : format(found(product, at))]);
    if (product !== "y") {
      const slope = shown[product === "dx" ? "inX" : "inW"][i][j];
      // Rounding leaves a sign before a zero.
      all.push(["central difference", slope.toFixed(6).replace(/^-(?=0\.0+$)/, "").replace("-", "−")]);
    }
    results.replaceChildren(
      ...all.map(([name, text]) => {
        const output = element("output", { textContent: text });
        output.setAttribute("aria-live", "off");
        const isWrong = isFaulty(product) && name === "dY W" && !shown.isRight[i]?.[j];
        output.classList.toggle("is-wrong", isWrong);
        const made = marked("p", name);
        made.append(" ", output);
        return made;
      }),
    );
  }

  /** What there is to be seen, in a sentence or two. */
  function told() {
    const { product, at } = current();
    const [i, j] = at;
    if (schemes.querySelector(":invalid")) return `A number from −${MOST} to ${MOST} is needed there.`;
    if (isRefused(product)) {
      const lengths = `A row of dY has ${OUTPUTS} entries and a column of W has ${inputs()}.`;
      return `${lengths} Here the shapes show the fault.`;
    }
    if (product === "y") return `Sample ${i} meets output ${j}: row ${i} of X, column ${j} of W.`;
    if (product === "dw") {
      const samples = `input ${i} in all ${SAMPLES} samples, each times its gradient at output ${j}`;
      return `Row ${i} of Xᵀ is column ${i} of X: ${samples}.`;
    }
    if (!isFaulty(product)) {
      const weights = `the weights of input ${j}, each times the gradient of its output`;
      return `Column ${j} of Wᵀ is row ${j} of W: ${weights}.`;
    }
    if (shown.isRight[i][j]) {
      return `Here column ${j} of W gives the same as row ${j}: this entry does not show the fault.`;
    }
    const fault = `The shapes fit, but column ${j} of W stands where row ${j} should`;
    return `${fault}: the sum is wrong, and the central difference shows it.`;
  }

  widget.draws(() => {
    compute();
    build();
    drawMatrices();
    drawSum();
    drawResults();
    widget.say(told());
  });

  const lit = (kind) => cells.factors.filter(({ element: one }) => one.classList.contains(kind));

  widget.values = () => ({
    ...shown,
    given: given(),
    entry: current(),
    rows: lit("is-row").map(({ of, at }) => entry(of, at)),
    columns: lit("is-column").map(({ of, at }) => entry(of, at)),
    sum: sum.innerText,
    results: results.innerText,
  });
});
