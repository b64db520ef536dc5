// What all widgets share: a widget's life in the page, and its calls into the crate.
//
//   chainrule.widget("scalar", (widget) => { … });
//
// is all that a widget's own file has. It makes its inputs (controls.js) and pictures (plot.js), and
// says what is drawn and from what: mathematics is the crate's. The page holds an empty element
// `data-widget="scalar"` within a figure. Where the module runs, it takes the place of the recorded
// picture, which comes back on paper.

window.chainrule = (() => {
  const builders = new Map();

  /** A widget in the page: `build` fills it. */
  class Widget {
    #exports;
    #draw = () => {};
    #begin = () => {};
    #frame = 0;
    #work = null;
    #said = { text: "", timer: 0 };
    /** Every input, by its key in the address. */
    controls = new Map();
    /** What the widget shows, in full precision, for the check in a browser. */
    values = () => ({});

    constructor(name, host, exports) {
      this.name = name;
      this.host = host;
      this.#exports = exports;
      this.status = document.createElement("p");
      this.status.className = "widget-status";
      this.status.role = "status";
    }

    /** What the crate's function `name` makes of these numbers. */
    call(name, ...numbers) {
      const { memory, buffer, [name]: run } = this.#exports;
      const at = buffer(numbers.length);
      new Float64Array(memory.buffer, at, numbers.length).set(numbers);
      const count = run();
      if (count === 0) throw new Error(`${name} cannot use these ${numbers.length} numbers`);
      return new Float64Array(memory.buffer, buffer(count), count).slice();
    }

    /** Says how a state that is no input begins: now, and at each reset. */
    begins(begin) {
      this.#begin = begin;
      begin();
    }

    /** Says how the widget is drawn: in the next frame, and in one after each change. */
    draws(draw) {
      this.#draw = draw;
      this.changed();
    }

    /** Something changed: the widget is drawn once before the next frame, however often. */
    changed() {
      this.#request();
    }

    /** Works in slices, one a frame, as long as `slice` returns true. */
    works(slice) {
      this.#work = slice;
      this.#request();
    }

    /** Ends that work. */
    rests() {
      this.#work = null;
    }

    /** Whether `works` is at it. */
    get isWorking() {
      return this.#work !== null;
    }

    #request() {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        if (this.#work && !this.#work()) this.#work = null;
        if (this.#work) this.#request();
        this.#draw();
      });
    }

    /** Whether the reader asked for less motion: then show the end, not the way. */
    get isCalm() {
      return matchMedia("(prefers-reduced-motion: reduce)").matches;
    }

    /** Says something, seen and read aloud, at most twice a second. */
    say(text) {
      this.#said.text = text;
      const write = () => {
        this.#said.timer = 0;
        if (this.status.textContent === this.#said.text) return;
        this.status.textContent = this.#said.text;
        this.#said.timer = setTimeout(write, 500);
      };
      if (!this.#said.timer) write();
    }

    /** Puts elements beside each other, as far as there is room. */
    row(...parts) {
      const row = document.createElement("div");
      row.className = "widget-row";
      row.append(...parts.map((part) => part.element ?? part));
      this.host.append(row);
      return row;
    }

    /** A color of the theme, such as "--widget-up". */
    color(name) {
      return getComputedStyle(this.host).getPropertyValue(name).trim();
    }

    /** Every input and state as it was at first. */
    reset() {
      this.rests();
      for (const control of this.controls.values()) control.value = control.initial;
      this.#begin();
      this.#remember();
      this.changed();
    }

    /** An input was changed: the address keeps it, so that the state can be linked to. */
    chose() {
      this.changed();
      this.#remember();
    }

    #remember() {
      const url = new URL(location.href);
      for (const [key, control] of this.controls) {
        const parameter = `${this.name}.${key}`;
        if (control.value === control.initial) url.searchParams.delete(parameter);
        else url.searchParams.set(parameter, control.value);
      }
      clearTimeout(this.remembering);
      // Browsers refuse many changes in a short time, and some refuse any of a file's address.
      this.remembering = setTimeout(() => {
        try {
          history.replaceState(history.state, "", url);
        } catch (error) {
          if (error.name !== "SecurityError") throw error;
        }
      }, 300);
    }

    /** What the address says of an input, or null. */
    remembered(key) {
      return new URLSearchParams(location.search).get(`${this.name}.${key}`);
    }
  }

  /** A module's bytes, which stand in a script so that a page from the disk has them too. */
  function bytes(name) {
    const text = atob(chainrule.modules[name]);
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < bytes.length; k += 1) bytes[k] = text.charCodeAt(k);
    return bytes;
  }

  function open(name, host, exports) {
    const widget = new Widget(name, host, exports);
    host.role = "group";
    host.setAttribute("aria-label", "Interactive figure");
    host.addEventListener("keydown", (event) => {
      // Beyond the widget arrows turn pages, and letters open the search.
      const isText = event.target.matches("textarea, input[type=text]");
      const isTyping = isText || event.target.matches("input[type=number]");
      if (event.key.startsWith("Arrow") || isTyping) event.stopPropagation();
      if (isText) return;
      if (event.key.toLowerCase() !== "r" || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      widget.reset();
    });
    builders.get(name)(widget);
    const reset = widget.button("Reset", () => widget.reset());
    reset.element.title = "Key R, within the widget";
    reset.element.setAttribute("aria-keyshortcuts", "R");
    // Where the widget did not put it in a place of its own.
    if (!widget.status.isConnected) host.append(widget.status);
    const figure = host.closest("figure");
    figure.classList.add("is-live");
    for (const caption of figure.querySelectorAll(".of-widget")) caption.hidden = false;
    new MutationObserver(() => widget.changed()).observe(document.documentElement, {
      attributeFilter: ["class"],
    });
    host.widget = widget;
    performance.mark(`widget ${name}`);
  }

  async function start(host) {
    const name = host.dataset.widget;
    try {
      const { instance } = await WebAssembly.instantiate(bytes(name), {});
      open(name, host, instance.exports);
    } catch (error) {
      host.textContent = `What moves here does not run in this browser (${error.message}). `;
      host.closest("figure").classList.add("is-refused");
    }
  }

  // After all of these scripts, which are deferred.
  addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-widget]").forEach(start);
  });

  return { Widget, modules: {}, widget: (name, build) => builders.set(name, build) };
})();
