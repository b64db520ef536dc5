// Chapter 6: a deep network at its start. Its values by layer, its gradients by layer, and where on the
// activation's curve the values of one layer lie.

chainrule.widget("activation", (widget) => {
  const NAMES = { sigmoid: "sigmoid", tanh: "tanh", relu: "ReLU", selu: "SELU", none: "none" };
  const { signed, power, short } = chainrule.written;
  const [LAYERS, UNITS] = [30, 64];
  /** The crate's numbers of the parts of a layer, and of the scales. */
  const PARTS = { z: 0, h: 1, gradient: 2 };
  const SCALES = { linear: 0, logarithmic: 1, signed: 2 };
  /** Numbers of a layer, in the crate's order. */
  const SUMMARY = ["largest", "output", "gradient", "flat", "dead"];
  /** Bins of a histogram by layer, and of the one under the curve. */
  const [BINS, FINE] = [40, 80];
  /** How far the curve is seen on both sides. */
  const REACH = 8;
  /** Heights of the curves, and of their outputs where these have bounds. */
  const HEIGHTS = { sigmoid: [-0.1, 1.1], tanh: [-1.2, 1.2], relu: [-1, 8], selu: [-2.5, 8], none: [-8, 8] };
  const BOUNDS = { sigmoid: [0, 1], tanh: [-1, 1] };

  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };

  const activation = widget.choice({ key: "f", label: "Activation", options: NAMES, value: "sigmoid" });
  const slider = (key, label, min, max, step, value, format) =>
    widget.slider({ key, label, min, max, step, value, format });
  const depth = slider("depth", "Layers", 1, LAYERS, 1, 10);
  const gain = slider("gain", "Gain", -2, 2, 0.05, 0, (e) => widget.call("activation_gain", e)[0].toFixed(2));
  const chosen = slider("layer", "Look at layer", 0, LAYERS - 1, 1, 0);
  const seed = widget.seed({ value: 1 });
  widget.row(activation, seed);

  const across = { label: "layer", min: -0.5, max: 0.5, ticks: [] };
  const pictured = { x: across, height: 0.46, isClipped: true };
  const values = { label: "output h", min: 0, max: 1, ticks: [] };
  const forward = widget.plot({ label: "Outputs by layer", y: values, ...pictured });
  const sizes = { label: "gradient |∂L/∂z|", min: -10, max: 0, format: power, apart: 26 };
  const backward = widget.plot({ label: "Gradients by layer", y: sizes, ...pictured });
  for (const plot of [forward, backward]) plot.drags(({ x }) => look(Math.round(x)));
  const curve = widget.plot({
    label: "The activation",
    x: { label: "z", min: -REACH, max: REACH, apart: 50 },
    y: { label: "f(z)", min: 0, max: 1 },
    height: 0.66,
    isClipped: true,
  });

  const title = (html) => element("p", { className: "activation-title", innerHTML: html });
  const ratio = widget.number("");
  const factor = widget.number("A layer multiplies it by, on average");
  const flat = widget.number("");
  const dead = widget.number("");
  const numbers = widget.row(ratio, factor, flat, dead);
  numbers.className = "activation-numbers";
  const pictures = widget.row(
    element(
      "div",
      {},
      title('Forward: <span class="activation-up">the outputs</span> of each layer →'),
      forward.element,
      title(
        'Backward: <span class="activation-down">the gradients</span> of each layer ←, ' +
          "and their size (line)",
      ),
      backward.element,
    ),
    element(
      "div",
      {},
      chosen.element,
      curve.element,
      title(
        "f and, dashed, its slope f′. Below: " +
          '<span class="activation-third">where this layer’s z lie</span>, ' +
          '<span class="activation-flat">gray where f is flat</span>: ' +
          "its slope is below a tenth of the steepest.",
      ),
      numbers,
    ),
  );
  pictures.className = "activation-pictures";
  widget.host.append(widget.status);

  let shown;

  /** Chooses the nearest layer that there is. */
  function look(layer) {
    chosen.value = Math.max(0, Math.min(depth.value - 1, layer));
    widget.chose();
  }

  const setting = () => [Object.keys(NAMES).indexOf(activation.value), depth.value, gain.value, seed.value];

  /** The histogram of each layer: shares below the axis, in each bin, and above. */
  function histograms(part, scale, low, high, bins) {
    const all = widget.call("activation_histograms", PARTS[part], SCALES[scale], low, high, bins);
    const length = bins + 2;
    return Array.from({ length: depth.value }, (_, k) => all.slice(k * length, (k + 1) * length));
  }

  /** The axis of the outputs: their bounds, or far enough for the largest of them, on both sides of 0. */
  function axisOfOutputs(layers) {
    const bounds = BOUNDS[activation.value];
    if (bounds) {
      const [low, high] = bounds;
      const margin = 0.03 * (high - low);
      const ticks = [low, (low + high) / 2, high].map((x) => [x, signed(String(x))]);
      return { scale: "linear", min: low - margin, max: high + margin, ticks };
    }
    const decades = Math.log10(Math.max(...layers.map(({ largest }) => largest)));
    const most = [1, 2, 4, 8, 12, 16, 20].find((k) => k >= decades);
    const apart = Math.ceil(most / 3);
    // Next to higher powers of ten there is no room for 1.
    const marks = most > 2 ? [0] : [0, 1];
    for (let k = apart; k <= most; k += apart) marks.push(10 ** k);
    const least = { relu: -0.3, selu: -2, none: -(10 ** most) }[activation.value];
    const negative = marks.filter((x) => x > 0 && -x >= least).map((x) => -x);
    const at = [...negative, ...marks];
    const places = Array.from(widget.call("activation_places", SCALES.signed, least, 10 ** most, ...at));
    const words = (x) => {
      const isPlain = Math.abs(x) <= 10;
      if (isPlain) return signed(String(x));
      return `${x < 0 ? "−" : ""}${power(Math.round(Math.log10(Math.abs(x))))}`;
    };
    const ticks = at.map((x, k) => [places[k + 2], words(x)]);
    return { scale: "signed", min: places[0], max: places[1], ticks };
  }

  /** The axis of the gradients, in decades: from 10⁻⁴ to 100, or further in steps of two. */
  function axisOfGradients(layers) {
    const sizes = layers.map(({ gradient }) => Math.log10(gradient)).filter(Number.isFinite);
    const min = Math.min(-4, 2 * Math.floor((Math.min(...sizes) - 2.5) / 2));
    const max = Math.max(2, 2 * Math.ceil((Math.max(...sizes) + 0.8) / 2));
    return { scale: "logarithmic", min, max };
  }

  /** Both passes, from the crate, and all that is drawn of them, whatever layer is looked at. */
  function compute() {
    const of = setting();
    if (String(shown?.of) === String(of)) return;
    const [ratio, factor, ...all] = widget.call("activation_run", ...of);
    const layers = Array.from({ length: depth.value }, (_, k) =>
      Object.fromEntries(SUMMARY.map((name, j) => [name, all[k * SUMMARY.length + j]])),
    );
    const [outputs, gradients] = [axisOfOutputs(layers), axisOfGradients(layers)];
    const seen = (part, { scale, min, max }) => histograms(part, scale, min, max, BINS);
    shown = {
      of,
      ratio,
      factor,
      layers,
      axes: { outputs, gradients },
      h: seen("h", outputs),
      gradient: seen("gradient", gradients),
      z: histograms("z", "linear", -REACH, REACH, FINE),
      curve: widget.call("activation_curve", of[0], REACH, 2 * FINE + 1),
    };
  }

  /** A histogram as a shape that stands upright at its layer and is the same on both sides. */
  function violin(shares, layer, { min, max }) {
    const bins = shares.slice(1, -1);
    const first = bins.findIndex((share) => share > 0);
    if (first < 0) return null;
    const last = bins.findLastIndex((share) => share > 0);
    const size = (max - min) / BINS;
    // One bin may be cut off, that of ReLU's zeros: all else would be a thread beside it.
    const [most, second] = bins.toSorted((a, b) => b - a);
    const widest = second || most;
    const half = (k) => 0.46 * Math.min(1, bins[k] / widest);
    const right = [[half(first), min + first * size]];
    for (let k = first; k <= last; k += 1) right.push([half(k), min + (k + 0.5) * size]);
    right.push([half(last), min + (last + 1) * size]);
    const left = right.toReversed().map(([width, y]) => [layer - width, y]);
    return [...right.map(([width, y]) => [layer + width, y]), ...left];
  }

  /** A shape for each layer, that of the chosen one in another color. */
  function violins(all, axis, color) {
    const shapes = all.map((shares, k) => violin(shares, k, axis));
    const others = shapes.filter((shape, k) => shape && k !== chosen.value);
    const one = shapes[chosen.value];
    return [{ areas: others, color }, { areas: one ? [one] : [], color: "--widget-third" }];
  }

  function drawLayers() {
    const { layers, axes, h, gradient } = shown;
    across.max = depth.value - 0.5;
    const isMarked = (layer) => depth.value <= 12 || layer % 5 === 0;
    across.ticks = layers.map((_, k) => k).filter(isMarked).map((layer) => [layer, String(layer)]);
    Object.assign(values, axes.outputs);
    const { output: first } = layers[0];
    const { output: last } = layers.at(-1);
    const outputs = `typically ${short(first)} in layer 0 and ${short(last)} in layer ${depth.value - 1}`;
    forward.draw(violins(h, axes.outputs, "--widget-up"), outputs);
    Object.assign(sizes, axes.gradients);
    const line = layers.map(({ gradient }, k) => [k, Math.max(sizes.min, Math.log10(gradient))]);
    const [atFirst, atLast] = [layers[0], layers.at(-1)].map(({ gradient }) => short(gradient));
    backward.draw(
      [...violins(gradient, axes.gradients, "--widget-down"), { line }, { dots: line, radius: 2.5 }],
      `typically ${atLast} in layer ${depth.value - 1} and ${atFirst} in layer 0`,
    );
  }

  /** The histogram of the chosen layer's z, in two parts: where the activation is flat, and elsewhere. */
  function ground(shares, [low, high]) {
    // Where few lie within the frame, their bars are low.
    const tallest = Math.max(0.03, ...shares.slice(1, -1));
    const parts = { flat: [], steep: [] };
    const size = (2 * REACH) / FINE;
    for (let k = 0; k < FINE; k += 1) {
      const share = shares[k + 1];
      if (share === 0) continue;
      const [left, top] = [k * size - REACH, low + 0.5 * (high - low) * (share / tallest)];
      const isFlat = shown.curve[3 * (2 * k + 1) + 2] === 1;
      const bar = [[left, low], [left, top], [left + size, top], [left + size, low]];
      parts[isFlat ? "flat" : "steep"].push(bar);
    }
    return [{ areas: parts.steep, color: "--widget-third" }, { areas: parts.flat, color: "--faint" }];
  }

  const percent = (share) => {
    if (share > 0 && share < 0.001) return "< 0.1 %";
    return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  };

  function drawCurve() {
    const heights = HEIGHTS[activation.value];
    [curve.y.min, curve.y.max] = heights;
    const shares = shown.z[chosen.value];
    const places = 2 * FINE + 1;
    const xOf = (k) => REACH * ((2 * k) / (places - 1) - 1);
    const line = (column) => Array.from({ length: places }, (_, k) => [xOf(k), shown.curve[3 * k + column]]);
    const marks = [...ground(shares, heights), { line: line(0) }, { line: line(1), dashed: true }];
    // What lies beyond the frame is said at its edges, where no curve passes.
    const up = (share) => heights[0] + share * (heights[1] - heights[0]);
    const [below, above] = [shares[0], shares.at(-1)];
    if (below > 0) marks.push({ text: `← ${percent(below)}`, at: [-REACH + 0.3, up(0.72)] });
    if (above > 0) marks.push({ text: `${percent(above)} →`, at: [REACH - 4.5, up(0.42)] });
    const { flat } = shown.layers[chosen.value];
    const where = `${percent(flat)} of the z of layer ${chosen.value} lie where it is flat`;
    curve.draw(marks, `${NAMES[activation.value]}; ${where}`);
  }

  function drawNumbers() {
    const { layers, ratio: share, factor: each } = shown;
    const layer = layers[chosen.value];
    ratio.element.firstChild.data = `Gradient of layer 0 ÷ that of layer ${depth.value - 1} `;
    ratio.show(short(share));
    factor.show(depth.value > 1 ? short(each) : "–");
    flat.element.firstChild.data = `Layer ${chosen.value}: values where f is flat `;
    flat.show(percent(layer.flat));
    dead.element.firstChild.data = `Layer ${chosen.value}: units flat for every input `;
    dead.show(`${layer.dead} of ${UNITS}`);
  }

  /** What there is to be seen, in a sentence or two. */
  function told() {
    const { ratio, layers } = shown;
    const last = depth.value - 1;
    if (last === 0) return "One layer: nothing lies between the first gradient and the last. Add layers.";
    const { flat, dead, output } = layers.at(-1);
    const units = `${UNITS} units of layer ${last}`;
    const still = activation.value === "relu" ? "dead" : "saturated";
    const growth = output / layers[0].output;
    const scale = [[0.1, "vanishes"], [0.5, "shrinks"], [2, "keeps its size"], [10, "grows"], [Infinity, "explodes"]];
    const [, becomes] = scale.find(([most]) => ratio < most) ?? scale.at(-1);
    const share = `it is ${short(ratio)} times as large in layer 0 as in layer ${last}`;
    const sentences = [`The gradient ${becomes}: ${share}.`];
    if (growth < 0.01) sentences.push("The outputs vanish on their way forward.");
    else if (growth > 100) sentences.push("The outputs explode on their way forward.");
    else if (dead > UNITS / 4) sentences.push(`${dead} of the ${units} are ${still} for every input.`);
    else if (flat > 0.25) sentences.push(`${percent(flat)} of the values of layer ${last} are saturated.`);
    return sentences.join(" ");
  }

  widget.draws(() => {
    // There are as many layers to look at as the network has.
    chosen.element.querySelector("input").max = depth.value - 1;
    chosen.value = Math.min(chosen.value, depth.value - 1);
    compute();
    drawLayers();
    drawCurve();
    drawNumbers();
    widget.say(told());
  });

  widget.values = () => {
    const { of, ratio, factor, layers, axes, h, gradient, z, curve } = shown;
    const flatten = (all) => all.flatMap((one) => Array.from(one));
    return {
      setting: of,
      layer: chosen.value,
      ratio,
      factor,
      layers,
      axes,
      h: flatten(h),
      gradient: flatten(gradient),
      z: flatten(z),
      curve: Array.from(curve),
    };
  };
});
