// What a reader finds who unpacked the book and opens its pages from the disk: no server, no network.

import { pathToFileURL } from "node:url";

/** Reads, searches and turns pages of the book in the folder `site`; returns what did not work. */
export async function readFromDisk(browser, site) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(10_000);
  const faults = [];
  const wayOut = "open book/site/index.html by hand; pages may load classic scripts alone";
  const fault = (where, what) => faults.push({ where, what, wayOut });
  try {
    const page = await context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) fault("console", message.text());
    });
    page.on("pageerror", (error) => fault("script", String(error)));
    page.on("requestfailed", (request) => fault("request", `${request.url()} is not there`));
    await page.goto(`${pathToFileURL(site)}/index.html`);
    const title = await page.title();
    await page.locator("[rel~=next]:visible").first().click();
    await page.waitForURL(/^file:.*\.html$/);
    if ((await page.title()) === title) fault("links", "the next page is this page");
    await page.evaluate(() => document.fonts.ready);
    await page.keyboard.press("/");
    await page.keyboard.type("derivative");
    await page.locator("#mdbook-searchresults a").first().click();
    await page.locator("main mark").first().waitFor();
  } catch (error) {
    fault("page", String(error).split("\n")[0]);
  } finally {
    await context.close();
  }
  return faults;
}
