// The opening page's widget: a 7 written with a pointer or by keys, before and after the training.

import { frame, frames } from "../frames.js";

/** The strokes of a 7, in shares of the paper's side. */
const SEVEN = [[0.3, 0.2], [0.7, 0.2], [0.45, 0.85]];

export async function operate({ page, host, isPhone, values, native, close, check, print }) {
  const paper = host.locator(".index-paper");
  await paper.scrollIntoViewIfNeeded();

  // Before the training the weights are the seed's, and every number must agree.
  if (isPhone) await writeByPointer(page, paper);
  else await writeByKeys(page, paper);
  const written = await settled(page, values, (shown) => shown.probabilities.length === 10);
  const pen = written.strokes.flatMap((stroke) => [...stroke.flat(), null, null]);
  const [, read] = await native([["index_begin", [1]], ["index_read", pen]]);
  close("the image", written.image, read.slice(0, 784));
  close("the probabilities", written.probabilities, read.slice(784, 794));
  close("the gradient", written.effects, read.slice(794));
  // What is said is held back while much is said.
  await host.getByText("has not learned").waitFor({ timeout: 5_000 });

  // Afterwards the order of sums, which differs from machine to machine, has had its say.
  const button = host.getByRole("button", { name: "Train a network" });
  if (isPhone) await button.tap();
  else await button.press("Enter");
  print(`a frame while it learns: ${await frames(page)}`);
  const trained = await settled(page, values, (shown) => shown.test !== undefined);
  const [[steps]] = await native([["index_begin", [1]]]);
  const results = await native([
    ["index_begin", [1]],
    ["index_learn", [steps]],
    ["index_test", [1000]],
    ["index_read", pen],
  ]);
  close("the share of new digits read right", trained.test, results[2][0], 0.005);
  check("at least 95 % of new digits are read right", trained.test >= 0.95);
  check("it reads a 7", trained.probabilities.indexOf(Math.max(...trained.probabilities)) === 7);
  const [, , reached] = trained.curve.find(([step, share]) => step >= 10 && share >= 0.95);
  const [, , all] = trained.curve.at(-1);
  print(`95 % of new digits ${reached.toFixed(1)} s after the click, all ${steps} steps after ${all.toFixed(1)} s`);

  // Another seed is another network; R, within the widget, is the first state again.
  await host.getByRole("spinbutton", { name: "Seed" }).fill("2");
  const other = await settled(page, values, (shown) => shown.seed === 2);
  const [, second] = await native([["index_begin", [2]], ["index_read", pen]]);
  close("the probabilities of seed 2", other.probabilities, second.slice(784, 794));
  await page.waitForURL(/[?&]index\.seed=2/);
  await host.getByRole("button", { name: "Clear the paper" }).press("r");
  const first = await settled(page, values, (shown) => shown.seed === 1);
  check("R empties the paper", first.strokes.length === 0);

  // It is left in use, to be looked at.
  const times = frames(page);
  await writeByPointer(page, paper);
  print(`a frame while one writes: ${await times}`);
  await settled(page, values, (shown) => shown.probabilities.length === 10);
}

/** The widget's values, once they are as `are` says and two frames have passed. */
async function settled(page, values, are) {
  for (let count = 0; count < 1200; count += 1) {
    await frame(page);
    const shown = await values();
    if (are(shown)) return shown;
  }
  throw new Error("the widget did not come to what was waited for");
}

async function writeByPointer(page, paper) {
  await paper.scrollIntoViewIfNeeded();
  const box = await paper.boundingBox();
  const [from, ...others] = SEVEN.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
  await page.mouse.move(...from);
  await page.mouse.down();
  for (const to of others) await page.mouse.move(...to, { steps: 20 });
  await page.mouse.up();
}

/** The pen begins in the middle, near the upper edge. */
async function writeByKeys(page, paper) {
  await paper.focus();
  const press = async (key, times) => {
    for (let k = 0; k < times; k += 1) await page.keyboard.press(key);
  };
  await press("ArrowLeft", 5);
  await press("Space", 1);
  await press("ArrowRight", 9);
  for (let k = 0; k < 8; k += 1) {
    await press("ArrowDown", 2);
    await press("ArrowLeft", 1);
  }
  await press("Space", 1);
}
