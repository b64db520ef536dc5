// One look at one page: at one width, in one theme, on the screen or on paper.

import axe from "axe-core";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { layout } from "./layout.js";

/** What axe-core looks for: WCAG 2.0 to 2.2 at the levels A and AA, and its own best practices. */
export const ALL_RULES = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  rules: {
    // axe-core leaves this rule of WCAG 2.2 out unless it is asked for.
    "target-size": { enabled: true },
    // axe-core does not read MathML, and takes the header of a column for empty that is a formula.
    "empty-table-header": { enabled: false },
  },
  resultTypes: ["violations"],
};

/** The rules that depend on the theme. */
export const RULES_OF_COLOR = {
  runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] },
  resultTypes: ["violations"],
};

/** Photographs are cut at this height, to be looked at on a screen. */
const HIGHEST_PICTURE = 1800;

/**
 * Opens a page at one width, in one theme after the other, and returns its faults, each with the
 * theme, the place, what is wrong and the way out.
 *
 * `view` has the page's `name` and `path` (its address within the site), `width`, `themes`,
 * `medium` ("screen" or "print"), whether the page is `missing` (it is the one that says so) and
 * whether it `isWholeBook`: its parts are the other pages, which have their own accessibility.
 */
export async function look(browser, origin, view, screenshots) {
  const context = await browser.newContext({
    viewport: { width: view.width, height: 900 },
    isMobile: view.width < 600,
    hasTouch: view.width < 600,
    serviceWorkers: "block",
  });
  context.setDefaultTimeout(120_000);
  try {
    const [first, ...others] = view.themes;
    const page = await context.newPage();
    await page.addInitScript((theme) => localStorage.setItem("mdbook-theme", theme), first);
    await page.emulateMedia({ media: view.medium, reducedMotion: "reduce" });
    const faults = [];
    const note = (theme, found) => faults.push(...found.map((fault) => ({ ...fault, theme })));
    await listen(page, origin, view, (fault) => note(first, [fault]));
    await page.goto(`${origin}/${view.path}`, { waitUntil: "load" });
    await page.evaluate(() => document.fonts.ready);

    const folded = await page.evaluate(layout);
    note(first, folded.faults);
    if (screenshots) await photograph(page, view, first, screenshots);
    const solutions = await page.evaluate(() => {
      const all = [...document.querySelectorAll("details:not([open])")];
      for (const one of all) one.open = true;
      return all.length;
    });
    if (solutions > 0) {
      const known = new Set(folded.faults.map((fault) => JSON.stringify(fault)));
      const { faults } = await page.evaluate(layout);
      note(first, faults.filter((fault) => !known.has(JSON.stringify(fault))));
    }
    const isJudged = view.medium === "screen" && !view.isWholeBook;
    if (isJudged) {
      await page.evaluate(axe.source);
      note(first, await accessibility(page, ALL_RULES));
    }
    for (const theme of others) {
      // As its button in the menu does.
      await page.evaluate((theme) => document.getElementById(`mdbook-theme-${theme}`).click(), theme);
      if (isJudged) note(theme, await accessibility(page, RULES_OF_COLOR));
      if (screenshots) await photograph(page, view, theme, screenshots);
    }
    return { faults, formulas: folded.formulas };
  } finally {
    await context.close();
  }
}

/** Notes what the page logs and what it asks for. Nothing leaves the machine. */
export async function listen(page, origin, view, note) {
  const console = "open the page with the browser's console; a page of the book logs nothing";
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    // The answer 404 is this page's purpose, and the browser logs it.
    if (view.missing && message.location().url === `${origin}/${view.path}`) return;
    note({ where: "console", what: message.text(), wayOut: console });
  });
  page.on("pageerror", (error) => {
    note({ where: "script", what: String(error), wayOut: console });
  });
  page.on("response", (response) => {
    const url = response.url();
    if (response.status() < 400 || (view.missing && url === `${origin}/${view.path}`)) return;
    note({
      where: "request",
      what: `${url.replace(origin, "")} is answered with ${response.status()}`,
      wayOut: "correct the address, or add the file",
    });
  });
  page.on("requestfailed", (request) => {
    const url = request.url();
    if (!url.startsWith(origin)) return;
    const what = `${url.replace(origin, "")} fails: ${request.failure()?.errorText}`;
    note({ where: "request", what, wayOut: "correct the address, or add the file" });
  });
  await page.route(
    (url) => url.origin !== origin && /^(https?|wss?|ftp):$/.test(url.protocol),
    (route) => {
      note({
        where: "request",
        what: `${route.request().url()} is asked for: it is not of this site`,
        wayOut: "put a copy into `book/theme`, or leave it out",
      });
      return route.abort();
    },
  );
}

export async function accessibility(page, rules) {
  const { violations } = await page.evaluate((rules) => window.axe.run(document, rules), rules);
  return violations.flatMap(({ id, nodes, helpUrl }) =>
    nodes.map((node) => ({
      where: node.target.flat().join(" "),
      what: `${id}: ${firstAdvice(node.failureSummary)}`,
      wayOut: helpUrl.split("?")[0],
    })),
  );
}

/** axe-core's summary is a heading and one line for each advice. */
function firstAdvice(summary) {
  return summary.split("\n")[1]?.trim() ?? summary;
}

async function photograph(page, view, theme, folder) {
  await mkdir(folder, { recursive: true });
  const name = `${view.name}-${view.width}-${theme}`;
  if (view.medium === "print") {
    await page.pdf({ path: join(folder, `${view.name}.pdf`), preferCSSPageSize: true });
  }
  if (view.isWholeBook) return;
  const height = await page.evaluate(() => document.scrollingElement.scrollHeight);
  for (let top = 0, part = 1; top < height; top += HIGHEST_PICTURE, part += 1) {
    const path = join(folder, height > HIGHEST_PICTURE ? `${name}-${part}.png` : `${name}.png`);
    const clip = { x: 0, y: top, width: view.width, height: Math.min(HIGHEST_PICTURE, height - top) };
    await page.screenshot({ path, clip, fullPage: true });
  }
}
