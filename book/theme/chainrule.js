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

// The solutions are printed unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
