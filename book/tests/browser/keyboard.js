// What a reader does without a mouse: skip to the text, turn pages, search, choose a theme, open the contents.

/** Walks through the book by keyboard from its first page, and returns what did not work. */
export async function walk(browser, origin) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const faults = [];
  const wayOut = "try it by hand; `book/theme` changed what mdBook does here";
  async function step(where, what, act) {
    try {
      await act();
    } catch (error) {
      faults.push({ where, what: `${what}: ${String(error).split("\n")[0]}`, wayOut });
    }
  }
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    await page.goto(`${origin}/index.html`);
    const address = await page.getAttribute(".nav-chapters.next", "href");
    await step("skip link", "the first Tab does not lead to the text", async () => {
      await page.keyboard.press("Tab");
      const link = page.locator(".skip-link:focus");
      await link.waitFor();
      const box = await link.boundingBox();
      if (box.width < 24 || box.height < 24) throw new Error("it is not seen");
      await page.keyboard.press("Enter");
      await page.locator("main:focus").waitFor();
      await page.keyboard.press("Tab");
      await page.locator("main :focus").waitFor();
    });
    const turnsPage = async (key) => {
      const before = page.url();
      await page.keyboard.press(key);
      // A page from this server is there sooner.
      await page.waitForTimeout(300);
      return page.url() !== before;
    };
    await step("arrow keys", "they turn the page though nobody asked for it", async () => {
      await page.goto(`${origin}/index.html`);
      if (await turnsPage("ArrowRight")) throw new Error("→ does");
    });
    await step("arrow keys", "→ and ← do not turn the page where the reader wants it", async () => {
      await page.keyboard.press("?");
      await page.getByLabel("Turn pages with ← and →").focus();
      await page.keyboard.press("Space");
      if (await turnsPage("ArrowRight")) throw new Error("a control loses them");
      await page.keyboard.press("Escape");
      await page.locator("#mdbook-help-popup").waitFor({ state: "hidden" });
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("ArrowRight");
      await page.waitForURL(`${origin}/${address}`);
      await page.keyboard.press("ArrowLeft");
      await page.waitForURL(`${origin}/index.html`);
    });
    await step("search", "/ finds nothing", async () => {
      await page.goto(`${origin}/${address}`);
      await page.keyboard.press("/");
      await page.keyboard.type("derivative");
      await page.locator("#mdbook-searchresults a").first().waitFor();
      await page.keyboard.press("Escape");
      await page.locator("#mdbook-search-wrapper").waitFor({ state: "hidden" });
    });
    await step("themes", "the menu does not offer what is looked at, or does not choose", async () => {
      const offered = await page.locator(".theme-popup button").allTextContents();
      if (offered.join() !== "Auto,Light,Dark") throw new Error(offered.join());
      await page.focus("#mdbook-theme-toggle");
      await page.keyboard.press("Enter");
      await page.focus("#mdbook-theme-navy");
      await page.keyboard.press("Enter");
      await page.locator("html.navy").waitFor();
    });
    await step("themes", "the theme of another book stays", async () => {
      await page.evaluate(() => localStorage.setItem("mdbook-theme", "ayu"));
      await page.reload();
      await page.locator("html.light").waitFor();
    });
    await step("contents", "the sidebar does not close and open", async () => {
      await page.focus("#contents-toggle");
      await page.keyboard.press("Enter");
      await page.locator("#mdbook-sidebar").waitFor({ state: "hidden" });
      await page.keyboard.press("Enter");
      await page.locator("#mdbook-sidebar").waitFor();
    });
    await step("solutions", "a folded solution does not open", async () => {
      await page.locator("details summary").first().focus();
      await page.keyboard.press("Enter");
      await page.locator("details[open]").first().waitFor();
    });
    await step("scrolling", "what scrolls cannot be reached by Tab", async () => {
      await page.setViewportSize({ width: 390, height: 900 });
      await page.waitForTimeout(200);
      const unreachable = await page.evaluate(() =>
        [...document.querySelectorAll("main *")]
          .filter((at) => at.checkVisibility() && at.scrollWidth > at.clientWidth + 1)
          .filter((at) => ["auto", "scroll"].includes(getComputedStyle(at).overflowX))
          .filter((at) => at.tabIndex < 0).length,
      );
      if (unreachable > 0) throw new Error(`${unreachable} of them`);
    });
  } finally {
    await context.close();
  }
  return faults;
}
