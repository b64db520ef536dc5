// Looks at every page of the built book in Chromium: `node check.js [SITE]`.
//
// Each page is opened at the width of a desk and of a phone, in the light and the dark theme, with
// its solutions folded and unfolded. It may log nothing, miss nothing, ask nobody else, scroll
// sideways nowhere and set no text over another; axe-core must find nothing; every formula must be
// set, in the site's own fonts. Each question that is asked before its answer is answered by keyboard.
// `--self-test` plants each of these faults, which must be found. `--page 05-matmul` looks at one page,
// and `--screenshots DIR` keeps what is seen. Widgets are operated (widgets.js); where the site was
// built without them, `--widgets` makes that a fault.

import { access, readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { launch } from "./chromium.js";
import { readFromDisk } from "./disk.js";
import { FAULTS, PREDICTIONS, page } from "./faults.js";
import { walk } from "./keyboard.js";
import { look } from "./look.js";
import { answer } from "./predict.js";
import { serve } from "./server.js";
import * as widgets from "./widgets.js";

const DESK = 1280;
const PHONE = 390;
const [LIGHT, DARK] = ["light", "navy"];
// A sheet of A4 within the margins of `@page`, at 96 pixels an inch.
const PAPER = 642;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "self-test": { type: "boolean" },
    screenshots: { type: "string" },
    page: { type: "string", multiple: true },
    widgets: { type: "boolean" },
  },
});
const site = positionals[0] ?? fileURLToPath(new URL("../../site", import.meta.url));

try {
  await access(`${site}/index.html`);
} catch {
  stop(`${site} has no index.html: build the book first (\`cargo run --release -p book\`)`);
}
const browser = await launch().catch((error) => stop(error.message));
try {
  process.exitCode = (options["self-test"] ? await selfTest() : await check()) ? 0 : 1;
} finally {
  await browser.close();
}

function stop(message) {
  console.error(message);
  process.exit(2);
}

/** All views of all pages, those of a page together. */
async function views() {
  const files = (await readdir(site)).filter((file) => file.endsWith(".html")).sort();
  // The frame that shows the contents where a browser has no JavaScript is no page.
  const names = files.filter((file) => file !== "toc.html").map((file) => file.replace(".html", ""));
  const wanted = names.filter((name) => !options.page || options.page.includes(name));
  return wanted.map((name) => {
    const missing = name === "404";
    const view = { name, path: missing ? "not/here.html" : `${name}.html`, missing, medium: "screen" };
    view.isWholeBook = name === "print";
    const all = [
      { ...view, width: DESK, themes: [LIGHT, DARK] },
      { ...view, width: PHONE, themes: [DARK, LIGHT] },
    ];
    if (view.isWholeBook) all.push({ ...view, medium: "print", width: PAPER, themes: [DARK] });
    return { name, all };
  });
}

async function check() {
  const server = await serve(site);
  const pages = await views();
  let [formulas, bad] = [0, 0];
  await inParallel(pages, async ({ name, all }) => {
    const start = Date.now();
    const failures = [];
    for (const view of all) {
      const seen = await look(browser, server.origin, view, options.screenshots).catch((error) => {
        const what = String(error).split("\n")[0];
        const fault = { theme: view.themes[0], where: "page", what, wayOut: "open it by hand" };
        return { faults: [fault], formulas: 0 };
      });
      formulas += seen.formulas;
      for (const fault of seen.faults) {
        const at = `${view.width} px, ${view.medium === "print" ? "on paper" : fault.theme}`;
        failures.push({ ...fault, at });
      }
    }
    // The whole book is opened to be printed, with every answer unfolded.
    const guessed = all[0].isWholeBook ? [] : await answer(browser, server.origin, all[0].path);
    failures.push(...guessed.map((fault) => ({ ...fault, at: `${DESK} px, ${LIGHT}` })));
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    console.log(`${failures.length ? "FAIL" : "ok  "} ${name}.html, ${seconds} s`);
    print(failures);
    bad += failures.length;
  });
  if (!options.page) {
    const ways = [
      ["by keyboard", () => walk(browser, server.origin)],
      ["from the disk", () => readFromDisk(browser, site)],
    ];
    for (const [way, read] of ways) {
      const failures = await read();
      console.log(`${failures.length ? "FAIL" : "ok  "} ${way}`);
      print(failures.map((fault) => ({ ...fault, at: `${DESK} px, ${LIGHT}` })));
      bad += failures.length;
    }
    if (formulas === 0) {
      console.log("FAIL no page has a formula: the preprocessor did not run");
      bad += 1;
    }
  }
  bad += await operateWidgets(server.origin, pages);
  await server.close();
  console.log(`${pages.length} pages, ${formulas} formulas looked at, ${bad} faults`);
  return bad === 0;
}

/** Operates the widgets of these pages, one after the other, and counts their faults. */
async function operateWidgets(origin, pages) {
  const looked = new Set(pages.map(({ name }) => `${name}.html`));
  const found = (await widgets.widgets(site)).filter(([file]) => looked.has(file));
  if (found.length === 0) return 0;
  if (!(await widgets.areIn(site))) {
    const words = `widgets: left out of ${site}, ${found.length} recorded figures are shown`;
    console.log(options.widgets ? `FAIL ${words}` : words);
    return options.widgets ? 1 : 0;
  }
  let bad = 0;
  for (const [file, name] of found) {
    console.log(`widget ${name} of ${file}: ${await widgets.size(site, name)}`);
    const failures = await widgets.operate(browser, origin, site, [file, name], (text) => console.log(`    ${text}`));
    console.log(`${failures.length ? "FAIL" : "ok  "} widget ${name} of ${file}`);
    print(failures);
    bad += failures.length;
  }
  return bad;
}

/** The faults of a page; of many of a kind the first ones. */
function print(faults) {
  const kinds = new Map();
  for (const fault of faults) {
    const kind = `${fault.at}: ${fault.wayOut}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), fault]);
  }
  for (const alike of kinds.values()) {
    for (const { at, where, what } of alike.slice(0, 4)) console.log(`    ${at}: ${where}\n      ${what}`);
    if (alike.length > 4) console.log(`      … and ${alike.length - 4} more like these`);
    console.log(`      Way out: ${alike[0].wayOut}`);
  }
}

async function selfTest() {
  const planted = FAULTS.map(([, content], index) => [`/planted-${index}.html`, page(content)]);
  const server = await serve(site, Object.fromEntries(planted));
  let wrong = 0;
  await inParallel([...FAULTS.entries()], async ([index, [name, , expected]]) => {
    const view = { name, path: `planted-${index}.html`, width: DESK, themes: [LIGHT], medium: "screen" };
    const { faults } = await look(browser, server.origin, view);
    const found = faults.map((fault) => fault.what);
    const isRight = expected ? found.some((what) => expected.test(what)) : found.length === 0;
    if (!isRight) wrong += 1;
    console.log(`${isRight ? "ok  " : "FAIL"} ${name}: ${found.join("; ") || "nothing"}`);
  });
  for (const [name, content, expected] of PREDICTIONS) {
    const planted = await serve(site, { "/planted.html": page(content) });
    const found = (await answer(browser, planted.origin, "planted.html")).map((fault) => fault.what);
    await planted.close();
    const isRight = expected ? found.some((what) => expected.test(what)) : found.length === 0;
    if (!isRight) wrong += 1;
    console.log(`${isRight ? "ok  " : "FAIL"} ${name}: ${found.join("; ") || "nothing"}`);
  }
  await server.close();
  console.log(`${FAULTS.length + PREDICTIONS.length} planted pages, ${wrong} judged wrongly`);
  if (!(await widgets.areIn(site))) {
    console.log(`widgets: left out of ${site}, no fault of theirs is planted`);
    return wrong === 0 && !options.widgets;
  }
  const missed = await widgets.selfTest(browser, site, (text) => console.log(text));
  console.log(`${missed.length} faults of a widget were missed`);
  return wrong === 0 && missed.length === 0;
}

/** Does `work` on each of `items`, as many at a time as there are cores, but no more than four. */
async function inParallel(items, work) {
  const queue = [...items];
  const workers = Math.min(4, availableParallelism());
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let item = queue.shift(); item; item = queue.shift()) await work(item);
    }),
  );
}
