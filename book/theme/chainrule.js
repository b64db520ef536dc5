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
