// A widget's inputs: the browser's own, each with a label and its value in full view.
//
// Each has a key in the address, so that its state can be linked to, and a `value`. `changes` is
// called after the reader changed it.

{
  const element = (kind, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(kind), properties);
    made.append(...children);
    return made;
  };
  let count = 0;

  /** Adds an input to the widget. `read` and `write` are its value, in the form of the address. */
  function add(widget, { key, value, changes }, made, read, write, isValid) {
    const control = {
      element: made,
      initial: value,
      get value() {
        return read();
      },
      set value(value) {
        write(value);
      },
    };
    const remembered = widget.remembered(key);
    const wanted = typeof value === "number" ? Number(remembered) : remembered;
    const isGiven = remembered !== null && remembered !== "" && isValid(wanted);
    write(isGiven ? wanted : value);
    made.addEventListener("input", () => {
      if (!isValid(read())) return;
      write(read());
      changes?.(read());
      widget.chose();
    });
    widget.controls.set(key, control);
    widget.host.append(made);
    return control;
  }

  Object.assign(chainrule.Widget.prototype, {
    /** A number on a scale. `format` is how it is shown. */
    slider({ key, label, min, max, step, value, format = String, changes }) {
      const id = `widget-${this.name}-${key}-${(count += 1)}`;
      const input = element("input", { type: "range", id, min, max, step });
      const output = element("output", { htmlFor: id });
      output.setAttribute("aria-live", "off");
      const made = element("div", { className: "widget-slider" });
      made.append(element("label", { htmlFor: id, textContent: label }), input, output);
      const write = (value) => {
        input.value = value;
        output.textContent = format(input.valueAsNumber);
        input.setAttribute("aria-valuetext", output.textContent);
      };
      const isValid = (value) => value >= min && value <= max;
      return add(this, { key, value, changes }, made, () => input.valueAsNumber, write, isValid);
    },

    /** One of several: `options` maps a value to its words. */
    choice({ key, label, options, value, changes }) {
      const name = `widget-${this.name}-${key}-${(count += 1)}`;
      const made = element("fieldset", { className: "widget-choice" });
      made.append(element("legend", { textContent: label }));
      for (const [option, words] of Object.entries(options)) {
        const input = element("input", { type: "radio", name, value: option });
        made.append(element("label", {}, input, ` ${words}`));
      }
      const read = () => made.querySelector(":checked").value;
      const write = (value) => (made.querySelector(`[value="${value}"]`).checked = true);
      const isValid = (value) => Object.hasOwn(options, value);
      return add(this, { key, value, changes }, made, read, write, isValid);
    },

    /** One of many, in a list that opens: `format` is how each is shown. */
    list({ key, label, options, value, format = String, changes }) {
      const input = element("select");
      for (const option of options) input.append(element("option", { value: option, textContent: format(option) }));
      const made = element("label", { className: "widget-list" }, `${label} `, input);
      const write = (value) => (input.value = value);
      const isValid = (value) => options.includes(value);
      return add(this, { key, value, changes }, made, () => input.value, write, isValid);
    },

    /** On or off: in the address "on" and "off", as `value` is. */
    toggle({ key, label, value = "off", changes }) {
      const input = element("input", { type: "checkbox" });
      const made = element("label", { className: "widget-toggle" }, input, ` ${label}`);
      const read = () => (input.checked ? "on" : "off");
      const write = (value) => (input.checked = value === "on");
      return add(this, { key, value, changes }, made, read, write, (value) => /^o(n|ff)$/.test(value));
    },

    /** The seed: a whole number. The same one gives the same bits. */
    seed({ key = "seed", value = 1, changes }) {
      const [min, max] = [0, 9999];
      const input = element("input", { type: "number", min, max, step: 1, inputMode: "numeric" });
      const made = element("label", { className: "widget-seed" }, "Seed ", input);
      const write = (value) => {
        if (input.valueAsNumber !== value) input.value = value;
      };
      const isValid = (value) => Number.isInteger(value) && value >= min && value <= max;
      return add(this, { key, value, changes }, made, () => input.valueAsNumber, write, isValid);
    },

    /** A text of some lines. */
    text({ key, label, value, rows, changes }) {
      const id = `widget-${this.name}-${key}-${(count += 1)}`;
      const input = element("textarea", { id, rows, spellcheck: false, autocapitalize: "off" });
      const made = element("div", { className: "widget-text" });
      made.append(element("label", { htmlFor: id, textContent: label }), input);
      const write = (value) => {
        if (input.value !== value) input.value = value;
      };
      return add(this, { key, value, changes }, made, () => input.value, write, () => true);
    },

    /** A button. */
    button(label, action) {
      const made = element("button", { type: "button", className: "widget-button", textContent: label });
      made.addEventListener("click", action);
      this.host.append(made);
      return { element: made };
    },

    /** A number that the widget shows, with its label: write it by `show`. */
    number(label) {
      const output = element("output", { textContent: "–" });
      output.setAttribute("aria-live", "off");
      const made = element("p", { className: "widget-number" }, `${label} `, output);
      this.host.append(made);
      return { element: made, show: (text) => (output.textContent = text) };
    },
  });

  const signed = (text) => text.replace("-", "−");
  const superscript = (character) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(character)];
  const power = (exponent) => (exponent === 0 ? "1" : `10${String(exponent).replace(/./g, superscript)}`);

  /** How numbers are written. */
  chainrule.written = {
    /** A number's text with a minus for its hyphen. */
    signed,
    /** Ten to the power of a whole number. */
    power,
    /** A number of any size in few digits: 3.16 · 10⁻⁹. */
    short(x) {
      const isPlain = x === 0 || (Math.abs(x) >= 0.01 && Math.abs(x) < 1000);
      if (isPlain) return signed(String(Number(x.toPrecision(3))));
      const [digits, exponent] = x.toExponential(2).split("e");
      return signed(`${digits} · ${power(Number(exponent))}`);
    },
  };
}
