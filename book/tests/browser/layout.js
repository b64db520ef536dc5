// What a reader would see go wrong on a page. `layout` runs in the browser, by itself: it may use
// nothing from outside of it.

/** Every fault of the page's layout as `{ where, what, wayOut }`. */
export function layout() {
  const faults = [];
  const main = document.querySelector("main") ?? document.body;

  /** An element by its way down from the nearest id. */
  function name(element) {
    const steps = [];
    for (let at = element; at && at !== document.body && steps.length < 4; at = at.parentElement) {
      if (at.id) {
        steps.unshift(`#${at.id}`);
        break;
      }
      const kind = at.getAttribute("class")?.trim().split(/\s+/)[0];
      steps.unshift(at.localName + (kind ? `.${kind}` : ""));
    }
    return steps.join(" > ");
  }
  const excerpt = (text) => text.trim().replace(/\s+/g, " ").slice(0, 40);
  function fault(element, what, wayOut) {
    faults.push({ where: name(element), what, wayOut });
  }

  // Width. What holds a page together does not scroll sideways; what is in it may, and hides
  // nothing.
  const frame = [document.scrollingElement];
  for (let at = main; at; at = at.parentElement) frame.push(at);
  for (const element of new Set(frame)) {
    const excess = element.scrollWidth - element.clientWidth;
    const isWindow = element === document.scrollingElement;
    if (!isWindow && getComputedStyle(element).overflowX === "visible") continue;
    if (excess > 1 && element.clientWidth > 0) {
      const edge = element.getBoundingClientRect().left + element.clientLeft + element.clientWidth;
      const widest = [...main.querySelectorAll("*")]
        .filter((inner) => inner.getBoundingClientRect().right > edge + 1)
        .filter((inner) => !inner.closest(".katex-mathml, svg *"))
        .find((inner) => ![...inner.children].some((c) => c.getBoundingClientRect().right > edge + 1));
      fault(
        widest ?? element,
        `makes the page ${excess} px wider than the window`,
        "let it wrap, or scroll within itself (`overflow-x: auto`)",
      );
      break;
    }
  }
  for (const element of main.querySelectorAll("*:not(svg *)")) {
    const excess = element.scrollWidth - element.clientWidth;
    if (excess <= 1 || element.clientWidth <= 1) continue;
    if (["hidden", "clip"].includes(getComputedStyle(element).overflowX)) {
      fault(element, `hides ${excess} px of its width`, "let it wrap or scroll");
    }
  }

  // Text. Each line of each text node is a box, of the height of a capital above the line on which
  // it stands: what a font keeps free above and below may overlap.
  const shown = new Map();
  /** The part of the page in which `element` is visible, or null. */
  function window(element) {
    if (!element) return { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };
    if (shown.has(element)) return shown.get(element);
    let area = window(element.parentElement);
    const style = getComputedStyle(element);
    const hidden =
      !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) ||
      style.clipPath !== "none" ||
      style.clip !== "auto" ||
      element.matches("[aria-hidden] .hidden, .katex-mathml, script, style, title, desc");
    if (hidden) area = null;
    else if (area && style.display !== "contents" && style.overflow !== "visible") {
      const box = element.getBoundingClientRect();
      // In inline boxes nothing is cut off.
      if (style.display !== "inline" || element.localName === "svg") area = intersection(area, box);
    }
    shown.set(element, area);
    return area;
  }
  function intersection(a, b) {
    const left = Math.max(a.left, b.left);
    const top = Math.max(a.top, b.top);
    const right = Math.min(a.right, b.right);
    const bottom = Math.min(a.bottom, b.bottom);
    return right - left > 0 && bottom - top > 0 ? { left, top, right, bottom } : null;
  }
  /** The core of a box of text: without the room that fonts keep free. */
  function core(box, upright) {
    const across = upright ? box.bottom - box.top : box.right - box.left;
    const along = Math.min(1, (upright ? box.right - box.left : box.bottom - box.top) / 4);
    const [x, y] = upright ? [along, across * 0.2] : [across * 0.2, along];
    return { left: box.left + x, top: box.top + y, right: box.right - x, bottom: box.bottom - y };
  }

  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || node.data === "\u200b") continue;
    const area = window(element);
    if (!area) continue;
    // The bars and the menu lie above the page on purpose, and move.
    if (element.closest("#mdbook-menu-bar, #mdbook-sidebar, .nav-wide-wrapper, .buttons")) continue;
    const picture = element.closest("svg");
    let upright = true;
    if (picture) {
      const turn = element.getScreenCTM();
      upright = Math.abs(turn.a) >= Math.abs(turn.b);
    }
    range.selectNodeContents(node);
    const whole = picture ? picture.getBoundingClientRect() : null;
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.height < 1) continue;
      if (whole && !within(core(rect, upright), whole)) {
        fault(
          element,
          `“${excerpt(node.data)}” is cut off at the edge of its picture`,
          "leave it more room, or shorten it",
        );
      }
      const box = intersection(core(rect, upright), area);
      // A formula sets its signs over each other; it is one element.
      if (box) boxes.push({ ...box, node, element, group: element.closest(".katex") ?? element });
    }
  }
  function within(a, b) {
    return a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  }
  boxes.sort((a, b) => a.top - b.top);
  let open = [];
  const told = new Set();
  for (const box of boxes) {
    open = open.filter((other) => other.bottom > box.top);
    for (const other of open) {
      const overlap = intersection(box, other);
      if (!overlap || other.group === box.group || told.has(box.group)) continue;
      const [width, height] = [overlap.right - overlap.left, overlap.bottom - overlap.top];
      if (width < 1.5 || height < 1.5) continue;
      told.add(box.group);
      fault(
        box.element,
        `“${excerpt(box.node.data)}” lies over “${excerpt(other.node.data)}” (${name(other.element)})`,
        "give one of them more room",
      );
    }
    open.push(box);
  }

  // Pictures are to be read, on a phone too.
  for (const text of main.querySelectorAll("svg text")) {
    const turn = text.getScreenCTM();
    const size = parseFloat(getComputedStyle(text).fontSize) * Math.hypot(turn.a, turn.b);
    if (window(text) && size < 8) {
      fault(
        text,
        `“${excerpt(text.textContent)}” is ${size.toFixed(1)} px high, too small to read`,
        "give the picture a least width, and let it scroll",
      );
      break;
    }
  }

  // Mathematics. Each formula is there twice: drawn, and as MathML for those who hear it.
  for (const formula of main.querySelectorAll(".tex, .katex-error")) {
    const drawn = formula.querySelector(".katex-html");
    const spoken = formula.querySelector(".katex-mathml math");
    const visible = !window(formula) || drawn?.getClientRects().length > 0;
    if (!drawn || !spoken || !visible) {
      fault(
        formula,
        `the formula “${excerpt(formula.dataset.latex ?? formula.textContent)}” is not set`,
        "look at `theme/katex.css` and `src/mathematics.rs`",
      );
    }
    const bases = formula.querySelectorAll(".katex-html .katex-base");
    const last = bases[bases.length - 1];
    const next = formula.nextSibling;
    if (!last || next?.nodeType !== Node.TEXT_NODE || !/^[.,;:!?)]/.test(next.data)) continue;
    range.setStart(next, 0);
    range.setEnd(next, 1);
    const [mark, end] = [range.getBoundingClientRect(), last.getBoundingClientRect()];
    if (mark.left < end.right - 1) {
      fault(
        formula,
        `“${next.data[0]}” begins the line after the formula “${formula.dataset.latex}”`,
        "keep both together (`white-space: nowrap`)",
      );
    }
  }
  const families = new Set();
  for (const element of main.querySelectorAll(".katex-html, .katex-html *")) {
    if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE)) continue;
    families.add(getComputedStyle(element).fontFamily.split(",")[0].replaceAll('"', ""));
  }
  for (const element of [main, main.querySelector("code")]) {
    if (element) families.add(getComputedStyle(element).fontFamily.split(",")[0].replaceAll('"', ""));
  }
  const faces = [...document.fonts];
  for (const family of families) {
    const known = faces.filter((face) => face.family.replaceAll('"', "") === family);
    if (known.some((face) => face.status === "loaded")) continue;
    const state = known.length ? `has the state “${known[0].status}”` : "is not in a style sheet";
    fault(main, `the font ${family} ${state}`, "look at `theme/fonts/fonts.css`");
  }

  return { faults, formulas: main.querySelectorAll(".tex").length };
}
