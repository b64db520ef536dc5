// The widgets: each is operated by its own file in `widgets/`, and what it shows is compared with
// what the crate gives natively.
//
// A file exports `operate(tools)`. `tools` has the `page`, the widget's element as a locator (`host`),
// whether the reader has a finger (`isPhone`), and
//
//   await tools.values()                what the widget shows, in full precision
//   await tools.native([["f", [1]]])    the results of these calls, made natively
//   tools.close("p", shown, wanted)     a fault where these numbers, or lists, differ by more than a
//                                       millionth; a fourth argument is another difference, in itself
//   tools.check("words", condition)     a fault where it does not hold
//   tools.print("words")                what is measured and fails nothing
//   tools.hands                         what a reader does: choose, slide, read what is said (hands.js)

import axe from "axe-core";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { hands } from "./hands.js";
import { layout } from "./layout.js";
import { ALL_RULES, RULES_OF_COLOR, accessibility, listen } from "./look.js";
import { serve } from "./server.js";

const TOP = fileURLToPath(new URL("../../..", import.meta.url));
const VIEWS = [
  { width: 1280, theme: "light" },
  { width: 390, theme: "navy" },
];
/** Kilobytes of a module as it is sent. Above it the size is said, and nothing fails. */
const MOST_KILOBYTES = 200;

/** The widgets of the pages of `site`: `[page, widget]`. */
export async function widgets(site) {
  const found = [];
  for (const file of await readdir(site)) {
    if (!file.endsWith(".html") || file === "print.html") continue;
    const text = await readFile(`${site}/${file}`, "utf8");
    for (const [, name] of text.matchAll(/data-widget="([^"]+)"/g)) found.push([file, name]);
  }
  return found;
}

/** Whether the site was built with what moves its widgets. */
export async function areIn(site) {
  return (await readdir(site)).includes("widgets");
}

/** Planted faults of the opening page's widget: what is served in the place of which file. */
const FAULTS = [
  ["a widget that fails", "index.js", () => "chainrule.widget('index', () => nothing.here);", /nothing is not defined/],
  [
    "a number that is off by a hundred thousandth",
    "index.js",
    (text) => text.replace("Array.from(reading?.probabilities ?? [])", "$&.map((p) => 1.00001 * p)"),
    /the probabilities, number \d+: .* natively/,
  ],
  [
    "a picture that is lost on paper",
    "widgets.css",
    (text) => `${text}@media print { .picture { display: none !important; } }`,
    /on paper the recorded picture is not shown/,
  ],
  ["a module that is none", "index.module.js", () => 'chainrule.modules.index = "AAAA";', /does not run in this browser/],
];

/** Plants each fault, which must be found, and returns the names of those that were not. */
export async function selfTest(browser, site, print) {
  const missed = [];
  for (const [name, file, change, expected] of FAULTS) {
    const text = change(await readFile(`${site}/widgets/${file}`, "utf8"));
    const server = await serve(site, { [`/widgets/${file}`]: text });
    const faults = await operate(browser, server.origin, site, ["index.html", "index"], () => {}, VIEWS.slice(0, 1));
    await server.close();
    const found = faults.map((fault) => fault.what);
    const isFound = found.some((what) => expected.test(what));
    if (!isFound) missed.push(name);
    print(`${isFound ? "ok  " : "FAIL"} ${name}: ${found.join("; ") || "nothing"}`);
  }
  return missed;
}

/** The size of the module of a widget, in words. */
export async function size(site, name) {
  const script = await readFile(`${site}/widgets/${name}.module.js`, "utf8");
  const module = Buffer.from(script.split('"')[3], "base64");
  const [raw, sent] = [module.length, gzipSync(module, { level: 9 }).length].map((n) => n / 1000);
  const judged = sent > MOST_KILOBYTES ? `, more than the ${MOST_KILOBYTES} kB that it should have` : "";
  return `module ${raw.toFixed(0)} kB, compressed ${sent.toFixed(0)} kB${judged}`;
}

/** Operates the widget `name` of the page `file` in every way, and returns its faults. */
export async function operate(browser, origin, site, [file, name], print, views = VIEWS) {
  const faults = [];
  const { operate } = await import(`./widgets/${name}.js`);
  for (const view of views) {
    const at = `${view.width} px, ${view.theme}`;
    const wayOut = `operate it by hand on ${file}; book/widgets/js/${name}.js draws it`;
    const note = (what) => faults.push({ at, where: `widget ${name}`, what, wayOut });
    await opened(browser, { view, javaScript: true }, async (page) => {
      await listen(page, origin, view, (fault) => faults.push({ at, ...fault }));
      await page.goto(`${origin}/${file}`);
      const host = page.locator(`[data-widget="${name}"]`);
      await page.locator(`:is(.is-live, .is-refused) > [data-widget="${name}"]`).waitFor();
      if ((await page.locator(".is-refused").count()) > 0) return note(await host.innerText());
      const measured = (text) => print(`${name}, ${at}: ${text}`);
      const [{ startTime }] = await marks(page, `widget ${name}`);
      measured(`ready ${startTime.toFixed(0)} ms after the page was asked for`);
      await operate(tools({ page, host, isPhone: view.width < 600, note, print: measured }));
      for (const fault of (await page.evaluate(layout)).faults) faults.push({ at, ...fault });
      await page.evaluate(axe.source);
      for (const fault of await accessibility(page, ALL_RULES)) faults.push({ at, ...fault });
      const other = view.theme === "light" ? "navy" : "light";
      await page.evaluate((theme) => document.getElementById(`mdbook-theme-${theme}`).click(), other);
      const inOther = await accessibility(page, RULES_OF_COLOR);
      for (const fault of inOther) faults.push({ ...fault, at: `${view.width} px, ${other}` });
      await page.emulateMedia({ media: "print" });
      if (!(await hasPicture(page, name))) note("on paper the recorded picture is not shown");
    }).catch((error) => note(String(error).split("\n")[0]));
  }
  const [view] = VIEWS;
  const note = (what) =>
    faults.push({ at: "elsewhere", where: `widget ${name}`, what, wayOut: "see book/widgets/js/widget.js" });
  await opened(browser, { view, javaScript: false }, async (page) => {
    await page.goto(`${origin}/${file}`);
    if (!(await hasPicture(page, name))) note("without JavaScript the recorded picture is not shown");
  });
  await opened(browser, { view, javaScript: true }, async (page) => {
    await page.goto(pathToFileURL(`${site}/${file}`).href);
    const host = page.locator(`.is-live [data-widget="${name}"]`);
    await host.waitFor({ timeout: 10_000 }).catch(() => note("a page from the disk has no widget"));
  });
  return faults;
}

/** What the page noted of its own times under this name. */
function marks(page, name) {
  return page.evaluate((name) => performance.getEntriesByName(name).map((one) => one.toJSON()), name);
}

/** Opens a page in a view, and closes it after `use`. */
async function opened(browser, { view, javaScript }, use) {
  const isPhone = view.width < 600;
  const context = await browser.newContext({
    viewport: { width: view.width, height: 900 },
    javaScriptEnabled: javaScript,
    isMobile: isPhone,
    hasTouch: isPhone,
    serviceWorkers: "block",
  });
  context.setDefaultTimeout(60_000);
  try {
    const page = await context.newPage();
    await page.addInitScript((theme) => localStorage.setItem("mdbook-theme", theme), view.theme);
    await use(page);
  } finally {
    await context.close();
  }
}

/** Whether the picture of the figure is seen, and the widget is not. */
async function hasPicture(page, name) {
  const figure = page.locator("figure", { has: page.locator(`[data-widget="${name}"]`) });
  const isSeen = await figure.locator(".picture").isVisible();
  return isSeen && !(await page.locator(`[data-widget="${name}"]`).isVisible());
}

function tools({ page, host, isPhone, note, print }) {
  return {
    page,
    host,
    isPhone,
    print,
    native,
    hands: hands({ page, host, isPhone }),
    values: () => host.evaluate((element) => element.widget.values()),
    check: (what, holds) => holds || note(`${what}: it does not hold`),
    close(what, shown, wanted, most) {
      const [a, b] = [[shown].flat(Infinity), [wanted].flat(Infinity)];
      if (a.length !== b.length) return note(`${what}: ${a.length} numbers, natively ${b.length}`);
      // Of a list the largest number is the measure: zero has no relative error.
      const scale = Math.max(...b.map(Math.abs));
      const far = a.findIndex((x, k) => !(Math.abs(x - b[k]) <= (most ?? 1e-6 * scale)));
      if (far >= 0) note(`${what}, number ${far}: ${a[far]}, natively ${b[far]}`);
    },
  };
}

/** What the crate's functions give natively: `calls` are names with their numbers. */
export function native(calls) {
  const run = ["run", "--quiet", "--package", "widgets", "--example", "native"];
  return new Promise((resolve, reject) => {
    const child = execFile("cargo", run, { cwd: TOP, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`\`cargo ${run.join(" ")}\` failed: ${stderr.trim()}`));
      else resolve(JSON.parse(stdout));
    });
    // NaN is null in JSON.
    child.stdin.end(JSON.stringify(calls));
  });
}
