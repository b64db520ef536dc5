// What a reader does with a question that is asked before its answer: guess by keyboard, compare,
// come back, clear, and export.

const WAY_OUT = "try it by hand; `book/theme/predict.js` and `book/src/predict.rs` make it";

/** Answers every question of the page at `path`, and returns what did not work. */
export async function answer(browser, origin, path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(10_000);
  const faults = [];
  try {
    const page = await context.newPage();
    await page.goto(`${origin}/${path}`);
    const ids = await page.locator("main .predict").evaluateAll((all) => all.map(({ id }) => id));
    for (const id of ids) {
      await answerOne(page, id).catch((error) => {
        faults.push({ where: id, what: String(error).split("\n")[0], wayOut: WAY_OUT });
      });
    }
  } finally {
    await context.close();
  }
  return faults;
}

async function answerOne(page, id) {
  const block = page.locator(`[id="${id}"]`);
  const data = JSON.parse(await block.getAttribute("data-predict"));
  const comparison = block.getByRole("status");
  const details = block.locator("details.predict-answer");
  expect(!(await isOpen(details)), "the answer is open before the guess");
  expect((await comparison.textContent()) === "", "something is compared before the guess");
  const shows = await block.evaluate(({ nextElementSibling: next }) =>
    Boolean(next?.matches("figure, .output") && !next.querySelector(".widget")));
  expect((await isCovered(block)) === shows, "what follows shows the answer before the guess");

  const guess = await type(page, block, data.kind);
  await block.getByRole("button", { name: "Compare" }).press("Enter");
  const compared = await comparison.textContent();
  expect(compared.includes(guess), `the guess ${guess} is not in “${compared}”`);
  for (const value of [data.answer].flat()) {
    const shown = await block.textContent();
    expect(plain(shown).includes(plain(value)), `the answer ${value} is not shown`);
  }
  expect(await isOpen(details), "the answer stays folded after the guess");
  expect(!(await isCovered(block)), "what follows stays covered after the guess");

  await page.reload();
  expect((await comparison.textContent()) === compared, "the guess is not there on the next visit");
  const file = await exported(page);
  const entry = file.answers.find((one) => one.page === data.page && one.id === data.id);
  expect(entry?.question === data.question, "the question is not in the exported file");
  expect([entry.guess].flat().includes(guess), "the guess is not in the exported file");
  expect(String(entry.answer) === String(data.answer), "the answer is not in the exported file");

  await block.getByRole("button", { name: "Clear" }).press("Enter");
  expect(!(await isOpen(details)), "the answer stays open after the guess is cleared");
  await page.reload();
  expect((await comparison.textContent()) === "", "the guess is not cleared");
}

/** Guesses by keyboard, and returns what the guess is. */
async function type(page, block, kind) {
  const first = block.locator("input").first();
  await first.focus();
  if (kind === "number") {
    await page.keyboard.type("60");
    return "60";
  }
  if (kind === "choice") {
    await page.keyboard.press("Space");
    return first.getAttribute("value");
  }
  await page.keyboard.press("End");
  const [value, high] = [await first.inputValue(), await first.getAttribute("max")];
  expect(value === high, `End leads to ${value}, not to ${high}`);
  const shown = await block.locator(".predict-value").first().textContent();
  expect(shown === value, `the slider is at ${value}, and ${shown} stands above it`);
  return value;
}

async function exported(page) {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export my guesses" }).press("Enter");
  const chunks = [];
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

const isOpen = (details) => details.evaluate((at) => at.open);

const isCovered = (block) =>
  block.evaluate((at) => Boolean(at.nextElementSibling?.classList.contains("predict-covered")));

/** Without spaces and the signs by which powers are written, which differ between HTML and text. */
const plain = (text) => text.replace(/[\s^]/g, "");

function expect(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
