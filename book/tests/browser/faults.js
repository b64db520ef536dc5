// Planted faults: each page must be refused, and for the reason that is meant.

/** A sound page: the book's style sheets, and `content`. */
export function page(content) {
  return `<!DOCTYPE html>
<html lang="en" class="light"><head><meta charset="utf-8"><title>A planted fault</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="css/variables.css"><link rel="stylesheet" href="css/general.css">
<link rel="stylesheet" href="fonts/fonts.css"><link rel="stylesheet" href="theme/katex.css">
<link rel="stylesheet" href="theme/chainrule.css"></head>
<body><main class="content"><h1>A planted fault</h1><p>Some <code>text</code>.</p>
${content}
</main></body></html>`;
}

/** A picture of two texts, at these places. */
const picture = (first, second) =>
  `<figure><svg width="300" height="60" role="img" aria-label="Two words">
   <text ${first} font-size="16">first</text><text ${second} font-size="16">second</text></svg></figure>`;

/** A formula as KaTeX sets it, with this style on what is seen of it. */
const formula = (style = "") =>
  `<span class="tex" data-latex="x"><span class="katex"><span class="katex-mathml"><math><mi>x</mi></math></span><span
   class="katex-html" aria-hidden="true"><span class="katex-base" style="${style}"><span
   class="mord mathnormal" style="${style}">x</span></span></span></span></span>`;

/** Each fault: its name, what the page has, and what the check must say. Sound pages say nothing. */
export const FAULTS = [
  ["a sound page", "", null],
  ["a sound picture", picture('x="10" y="20"', 'x="150" y="20"'), null],
  ["an error on the console", "<script>console.error('broken')</script>", /^broken/],
  ["a warning on the console", "<script>console.warn('doubtful')</script>", /^doubtful/],
  ["an exception", "<script>nothing.here()</script>", /nothing is not defined/],
  ["a missing image", '<img src="none.png" alt="none">', /none\.png is answered with 404/],
  ["a request to elsewhere", '<img src="http://192.0.2.1/a.png" alt="a">', /not of this site/],
  ["an element too wide", '<div style="width: 2000px">wide</div>', /wider than the window/],
  ["a line too wide", `<p style="white-space: nowrap">${"long ".repeat(300)}</p>`, /wider than the window/],
  [
    "hidden text",
    `<div style="overflow: hidden; white-space: nowrap">${"hidden ".repeat(60)}</div>`,
    /hides \d+ px/,
  ],
  [
    "text over text",
    '<p>The first line</p><p style="margin-top: -3.2rem">The second line</p>',
    /lies over “The first line”/,
  ],
  ["text over text in a picture", picture('x="10" y="20"', 'x="20" y="24"'), /lies over “first”/],
  ["text cut off in a picture", picture('x="10" y="20"', 'x="290" y="20"'), /“second” is cut off/],
  [
    "text too small in a picture",
    `<svg width="300" height="60" viewBox="0 0 3000 600" role="img" aria-label="small">
     <text x="10" y="60" font-size="20">small</text></svg>`,
    /too small to read/,
  ],
  [
    "text over text in a folded solution",
    '<details><summary>Solution</summary><p>A line</p><p style="margin-top: -3.2rem">B line</p></details>',
    /lies over “A line”/,
  ],
  ["pale text", '<p style="color: #bbb">Pale</p>', /^color-contrast/],
  ["an image without words", '<img src="favicon.svg">', /^image-alt/],
  ["a link without words", '<a href="index.html"></a>', /^link-name/],
  ["a heading left out", "<h4>Deep</h4>", /^heading-order/],
  ["a formula that is not set", '<span class="tex" data-latex="x^2">x^2</span>', /“x\^2” is not set/],
  ["a sound formula", `<p>As ${formula()}.</p>`, null],
  [
    "a formula in a font that is not there",
    `<p>As ${formula("font-family: KaTeX_None")}.</p>`,
    /the font KaTeX_None is not in a style sheet/,
  ],
  [
    "a full stop on the next line",
    `<p style="width: 5px">As ${formula("width: 60px")}. So</p>`,
    /“\.” begins the line/,
  ],
];

/** A question with its answer, as the book renders it, and the script that compares. */
const prediction = (answer, script = "theme/predict.js") => `
  <div class="predict" id="predict:a" role="group" aria-labelledby="predict:a-question"
   data-predict='{"kind":"number","answer":"64","page":"planted","id":"a","question":"How many?"}'>
  <div class="predict-question" id="predict:a-question"><p>How many?</p></div>
  <form class="predict-guess" hidden>
  <label>Your guess <input type="number" name="guess" step="any" required></label>
  <button type="submit">Compare</button>
  <button type="button" class="predict-clear" hidden>Clear</button></form>
  <p class="predict-comparison" role="status"></p>
  <details class="predict-answer"><summary>Answer</summary>
  <p><span class="predict-measured">${answer}</span></p></details></div>
  <script src="${script}"></script>`;

/** The same of questions that are asked before their answers. */
export const PREDICTIONS = [
  ["a sound prediction", prediction("64"), null],
  ["a prediction with another answer", prediction("46"), /the answer 64 is not shown/],
  ["a prediction without its script", prediction("64", "theme/none.js"), /Timeout/],
];
