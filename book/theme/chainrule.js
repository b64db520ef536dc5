// mdBook has a book.js of its own, which a file of that name in this folder would replace.

// A formula that is copied arrives as LaTeX: alone between its dollars, within text among it.
document.addEventListener("copy", (event) => {
  const selection = getSelection();
  if (selection.isCollapsed || !event.clipboardData) return;
  const range = selection.getRangeAt(0).cloneRange();
  const formula = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest(".tex");
  // A formula is copied whole or not at all.
  const [first, last] = [formula(range.startContainer), formula(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  const copy = range.cloneContents();
  const formulas = copy.querySelectorAll(".tex");
  if (formulas.length === 0) return;
  for (const formula of formulas) {
    const dollars = formula.querySelector(".katex-display") ? "$$" : "$";
    formula.textContent = dollars + formula.dataset.latex + dollars;
  }
  event.clipboardData.setData("text/plain", copy.textContent);
  event.preventDefault();
});

// mdBook's bar is no landmark, and its button for the contents is a label, which no key reaches.
{
  document.getElementById("mdbook-menu-bar").role = "banner";
  const label = document.getElementById("mdbook-sidebar-toggle");
  const contents = document.createElement("button");
  for (const name of ["class", "title", "aria-label", "aria-controls"]) {
    contents.setAttribute(name, label.getAttribute(name));
  }
  contents.id = "contents-toggle";
  contents.type = "button";
  contents.append(...label.childNodes);
  contents.addEventListener("click", () => label.click());
  label.style.display = "none";
  label.after(contents);
  const sidebar = document.getElementById("mdbook-sidebar-toggle-anchor");
  const showState = () => contents.setAttribute("aria-expanded", sidebar.checked);
  sidebar.addEventListener("change", showState);
  showState();
}

// The first thing that Tab reaches leads past the contents to the text.
{
  const main = document.querySelector("main");
  main.id ||= "text";
  main.tabIndex = -1;
  const skip = document.createElement("a");
  skip.className = "skip-link";
  skip.href = `#${main.id}`;
  skip.textContent = "Skip to the text";
  // The page "not found" has a base, against which its own anchors would be resolved.
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
    main.scrollIntoView();
  });
  document.body.prepend(skip);
}

// Readers move through text by the arrow keys, with a screen reader or a caret, and Ctrl, Alt and Shift
// with them are taken too. So they turn pages only where the reader asks for it, in the help that `?`
// shows, and nowhere from a control, which they move.
{
  const KEY = "chainrule.arrows-turn-pages";
  const CONTROLS = "input, select, textarea, button, summary, [contenteditable], [tabindex='0']";
  const box = document.createElement("input");
  box.type = "checkbox";
  try {
    box.checked = localStorage.getItem(KEY) === "yes";
  } catch {
    // The browser keeps nothing for this site: the choice holds until the page is left.
  }
  const announce = () => {
    for (const [link, key] of [["next", "ArrowRight"], ["previous", "ArrowLeft"]]) {
      for (const at of document.querySelectorAll(`.nav-chapters.${link}, .mobile-nav-chapters.${link}`)) {
        if (box.checked) at.setAttribute("aria-keyshortcuts", key);
        else at.removeAttribute("aria-keyshortcuts");
      }
    }
  };
  box.addEventListener("change", () => {
    announce();
    try {
      localStorage.setItem(KEY, box.checked ? "yes" : "no");
    } catch {
      // As above.
    }
  });
  announce();
  const label = document.createElement("label");
  label.append(box, " Turn pages with ← and →");
  document.querySelector("#mdbook-help-popup p").replaceChildren(label);
  // mdBook listens at the document, which the event reaches after this.
  document.documentElement.addEventListener("keydown", (event) => {
    const isArrow = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (isArrow && (!box.checked || event.target.closest(CONTROLS))) event.stopPropagation();
  });
}

// Two themes, both with enough contrast. Another book of this address may have chosen a third.
for (const theme of ["rust", "coal", "ayu"]) {
  const button = document.getElementById(`mdbook-theme-${theme}`);
  if (document.documentElement.classList.contains(theme)) {
    document.getElementById("mdbook-theme-default_theme").click();
  }
  button.parentElement.remove();
}
document.getElementById("mdbook-theme-navy").textContent = "Dark";

// The solutions are printed unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});

// What scrolls sideways can be reached by Tab and says what it is, as long as it scrolls. Figures
// have words of their own.
const scrollers = {
  "pre > code": "Code",
  ".katex-display": "Formula",
  ".table-wrapper": "Table",
  ".picture": null,
};
for (const [selector, kind] of Object.entries(scrollers)) {
  const names = kind ? { role: "group", "aria-label": `${kind}, scrolls sideways` } : {};
  const attributes = Object.entries({ tabindex: "0", ...names });
  const describe = (element) => {
    const scrolls = element.scrollWidth > element.clientWidth + 1;
    for (const [name, value] of attributes) {
      if (scrolls) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
  };
  const elements = document.querySelectorAll(`main ${selector}`);
  const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => describe(target)));
  for (const element of elements) observer.observe(element);
  // A font that arrives late changes what is in an element, not its own size.
  document.fonts.ready.then(() => elements.forEach(describe));
}
