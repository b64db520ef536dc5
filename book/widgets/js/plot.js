// A widget's pictures: a plot with axes as SVG, and a canvas for many pixels.

{
  /** An element of a drawing. */
  const svg = (kind, attributes = {}, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  chainrule.svg = svg;

  /** An arrow between two places, in pixels. The head of a short one is all of it. */
  function arrow([x1, y1], [x2, y2], paint, isBold) {
    const width = isBold ? 5 : 2.5;
    const made = svg("g", { fill: paint, stroke: paint, "stroke-width": width });
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (length === 0) return made;
    const [head, dx, dy] = [Math.min(isBold ? 15 : 11, length), (x2 - x1) / length, (y2 - y1) / length];
    const [neckX, neckY] = [x2 - head * dx, y2 - head * dy];
    const corner = (side) => `${neckX - side * head * dy},${neckY + side * head * dx}`;
    made.append(
      svg("line", { x1, y1, x2: neckX, y2: neckY }),
      svg("polygon", { "stroke-width": 0, points: `${x2},${y2} ${corner(0.5)} ${corner(-0.5)}` }),
    );
    return made;
  }

  /** Round numbers of an axis, about `count` of them, and how each is written. */
  function ticks({ min, max, format, ticks }, count) {
    if (ticks) return ticks;
    const rough = (max - min) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => power * factor >= rough);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const plain = (value) =>
      value.toLocaleString("en", { maximumFractionDigits: digits }).replace(/^-/, "−");
    const all = [];
    for (let k = Math.ceil(min / step - 1e-9) || 0; k * step <= max + 1e-9 * step; k += 1) {
      all.push([k * step, (format ?? plain)(k * step)]);
    }
    return all;
  }

  const MARGIN = { left: 52, right: 26, top: 12, bottom: 44 };

  Object.assign(chainrule.Widget.prototype, {
    /**
     * A plot. `x` and `y` are `{ label, min, max }` and can be changed; their `format`, if any, is how
     * a number is written beside the axis, and `apart` about how many pixels lie between two of them;
     * or `ticks` are all that are written, `[[at, text], …]`.
     * `height` is a share of the width; where the plot `isEven`, units of both axes are equally long
     * instead. Where it `isClipped`, lines end at the frame. Draw it anew by `plot.draw(marks, words)`,
     * where `words` say what is to be seen, and each mark is one of
     *
     *   { line: [[x, y], …], color: "--widget-up" }     also `dashed: true`
     *   { areas: [[[x, y], …], …], color }              filled, below all lines
     *   { arrow: [[x, y], [x, y]], color }              also `isBold: true`
     *   { dots: [[x, y], …], color, radius }
     *   { text: "loss", at: [x, y], color }
     *
     * `plot.drags(({ x, y }) => …)` hears of a pointer that is pressed or drawn over it; a second function,
     * if any, is called before, once for each press.
     */
    plot({ label, x, y, height = 0.5, isEven = false, isClipped = false }) {
      const made = svg("svg", { role: "img", "aria-label": label, class: "widget-plot" });
      this.host.append(made);
      new ResizeObserver(() => this.changed()).observe(made);
      const place = () => {
        const width = Math.max(240, made.clientWidth);
        const [left, across] = [MARGIN.left, width - MARGIN.left - MARGIN.right];
        const even = (across * (y.max - y.min)) / (x.max - x.min) + MARGIN.top + MARGIN.bottom;
        const size = [width, isEven ? even : Math.max(180, Math.round(width * height))];
        const bottom = size[1] - MARGIN.bottom;
        const up = bottom - MARGIN.top;
        return {
          size,
          frame: [left, MARGIN.top, left + across, bottom],
          x: (value) => left + (across * (value - x.min)) / (x.max - x.min),
          y: (value) => bottom - (up * (value - y.min)) / (y.max - y.min),
          ofX: (at) => x.min + ((at - left) / across) * (x.max - x.min),
          ofY: (at) => y.min + ((bottom - at) / up) * (y.max - y.min),
        };
      };
      const axes = (at) => {
        const [left, top, right, bottom] = at.frame;
        const parts = svg("g", { class: "widget-axes" });
        for (const [value, text] of ticks(x, Math.max(2, (right - left) / (x.apart ?? 90)))) {
          parts.append(svg("line", { x1: at.x(value), x2: at.x(value), y1: top, y2: bottom }));
          parts.append(svg("text", { x: at.x(value), y: bottom + 16, "text-anchor": "middle" }, text));
        }
        for (const [value, text] of ticks(y, Math.max(2, (bottom - top) / (y.apart ?? 45)))) {
          parts.append(svg("line", { x1: left, x2: right, y1: at.y(value), y2: at.y(value) }));
          parts.append(svg("text", { x: left - 6, y: at.y(value) + 4, "text-anchor": "end" }, text));
        }
        const [middle, center] = [(left + right) / 2, (top + bottom) / 2];
        const turn = `translate(13 ${center}) rotate(-90)`;
        parts.append(svg("text", { x: middle, y: bottom + 36, "text-anchor": "middle" }, x.label));
        parts.append(svg("text", { transform: turn, "text-anchor": "middle" }, y.label));
        return parts;
      };
      const mark = (at, { line, arrow: ends, dots, text, at: where, color = "--fg", ...style }) => {
        const { radius = 4, dashed, isBold } = style;
        const paint = `var(${color})`;
        const spot = ([px, py]) => `${at.x(px).toFixed(2)},${at.y(py).toFixed(2)}`;
        if (line) {
          const dash = dashed ? { "stroke-dasharray": "6 4" } : {};
          return svg("polyline", { points: line.map(spot).join(" "), stroke: paint, ...dash });
        }
        if (ends) return arrow(...ends.map(([px, py]) => [at.x(px), at.y(py)]), paint, isBold);
        if (text) return svg("text", { x: at.x(where[0]), y: at.y(where[1]), fill: paint }, text);
        const group = svg("g", { fill: paint });
        for (const [px, py] of dots) group.append(svg("circle", { cx: at.x(px), cy: at.y(py), r: radius }));
        return group;
      };
      /** What shows no more of its lines than what lies in the frame. */
      const glass = ({ frame: [left, top, right, bottom] }) => {
        const [width, height] = [right - left, bottom - top];
        const viewBox = [left, top, width, height].join(" ");
        return svg("svg", { x: left, y: top, width, height, viewBox });
      };
      /** All areas as one shape: there may be many. */
      const filled = (at, { areas, color }) => {
        const spot = ([px, py]) => `${at.x(px).toFixed(1)},${at.y(py).toFixed(1)}`;
        const d = areas.map((spots) => `M${spots.map(spot).join("L")}Z`).join("");
        return svg("path", { d, fill: `var(${color})` });
      };
      return {
        element: made,
        x,
        y,
        draw(marks, words) {
          const at = place();
          made.setAttribute("viewBox", `0 0 ${at.size.join(" ")}`);
          made.style.aspectRatio = at.size.join(" / ");
          made.setAttribute("aria-label", words ? `${label}: ${words}` : label);
          const lines = isClipped ? glass(at) : svg("g");
          const isLine = ({ line, arrow }) => line || arrow;
          lines.append(...marks.filter(({ areas }) => areas).map((one) => filled(at, one)));
          lines.append(...marks.filter(isLine).map((one) => mark(at, one)));
          const others = marks.filter((one) => !isLine(one) && !one.areas).map((one) => mark(at, one));
          made.replaceChildren(axes(at), lines, ...others);
        },
        drags(hear, begin) {
          made.classList.add("is-draggable");
          const heard = (px, py) => {
            const at = place();
            hear({ x: at.ofX(px), y: at.ofY(py) });
          };
          chainrule.drag(made, heard, begin);
        },
      };
    },

    /** A canvas of `columns` and `rows` pixels, stretched as the style sheet says. */
    canvas({ label, columns, rows }) {
      const made = document.createElement("canvas");
      Object.assign(made, { width: columns, height: rows, className: "widget-canvas", role: "img" });
      made.setAttribute("aria-label", label);
      this.host.append(made);
      const paper = made.getContext("2d");
      /** A color of the theme as three numbers, as the canvas reads them. */
      const rgb = (name) => {
        paper.fillStyle = this.color(name);
        return [1, 3, 5].map((k) => Number.parseInt(paper.fillStyle.slice(k, k + 2), 16));
      };
      const describe = (words) => made.setAttribute("aria-label", `${label}: ${words}`);
      return { element: made, paper, rgb, describe };
    },
  });

  /**
   * Calls `hear` with the place, in pixels of the element, of a pointer that is pressed on it, and
   * wherever it is drawn to until it is lifted. `begin` and `end` are called before and after.
   */
  chainrule.drag = (element, hear, begin = () => {}, end = () => {}) => {
    const at = (event) => {
      const box = element.getBoundingClientRect();
      hear(event.clientX - box.left, event.clientY - box.top);
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      begin();
      at(event);
    });
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      // A fast pointer was in more places than there are frames.
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) at(one);
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      element.addEventListener(kind, (event) => {
        if (element.hasPointerCapture(event.pointerId)) end();
      });
    }
  };
}
