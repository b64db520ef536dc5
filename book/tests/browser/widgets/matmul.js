// The widget of chapter 5: entries by keys and by a pointer, with their sums; a number that is typed, one
// that is dragged; dX without its transpose, refused by the shapes and not.

import { frame, frames } from "../frames.js";

/** Of each product, its place among those of the crate, and what its terms are made of. */
const ORDER = { y: 0, dx: 1, dw: 2 };
const UNTRANSPOSED = 3;

export async function operate(tools) {
  const { page, host, isPhone, values, native, close, check, print } = tools;
  const { choose, says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  const grid = (name) => host.getByRole("grid", { name });
  const cell = (name, at) => grid(name).getByRole("gridcell").nth(at);
  const input = (name) => host.getByRole("spinbutton", { name, exact: true });
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
    await frame(page);
  };

  /** Compares all that is shown with the native numbers, the sum that is written out among them. */
  const compare = async (what, isUntransposed = false) => {
    const shown = await values();
    const { product, at } = shown.entry;
    const isFaulty = isUntransposed && product === "dx";
    const order = isFaulty ? UNTRANSPOSED : ORDER[product];
    const [products, untransposed, terms] = await native([
      ["matmul_products", shown.given],
      ["matmul_untransposed", shown.given],
      ["matmul_terms", [order, ...at, ...shown.given]],
    ]);
    const { y, dx, dw, inX, inW } = shown;
    close(`${what}: Y, dX and dW`, [y, dx, dw], products.slice(0, [y, dx, dw].flat(2).length));
    // Rounding may differ from one machine to the next.
    close(`${what}: the differences`, [inX, inW], products.slice(-[inX, inW].flat(2).length), 1e-6);
    const [isProduct, ...others] = untransposed;
    const message = isProduct ? "" : String.fromCodePoint(...others);
    check(`${what}: the library's message`, shown.message === message);
    const column = (k) => (isProduct ? others.filter((_, i) => i % 2 === k) : []);
    close(`${what}: dY W`, shown.untransposed, column(0));
    close(`${what}: what of it is right`, shown.isRight.flat().map(Number), column(1));
    close(`${what}: the terms`, shown.terms, terms);
    // What is read is that sum.
    const found = isFaulty && isProduct ? shown.untransposed : shown[product];
    const result = String(Number(found[at[0]][at[1]].toFixed(2))).replace("-", "−");
    if (terms.length) check(`${what}: the sum says ${result}`, shown.sum.trim().endsWith(`= ${result}`));
    const count = shown.terms.length;
    check(`${what}: ${count} terms are written`, shown.sum.split("·").length - 1 === 2 * count);
    return shown;
  };
  const lit = (what, shown, rows, columns) => {
    const is = [shown.rows, shown.columns].map((names) => [...new Set(names)].sort().join(" "));
    check(`${what}: ${is.join(", ")} are lit`, is[0] === rows && is[1] === columns);
  };

  // By keys, from entry to entry: each lights its row and its column, wherever they stand.
  const first = await compare("at first");
  lit("dx₀₁", first, "dy₀₀ dy₀₁", "w₁₀ w₁₁");
  check("the row of W is told", await says(/Column 1 of Wᵀ is row 1 of W/));
  await cell("dX", 1).focus();
  await press("ArrowDown", "ArrowRight", "ArrowRight");
  const moved = await compare("by arrows");
  lit("dx₁₂", moved, "dy₁₀ dy₁₁", "w₂₀ w₂₁");
  await page.waitForURL(/[?&]matmul\.entry=dx12/);
  await cell("dW", 0).focus();
  await press("ArrowDown");
  const samples = await compare("a weight's gradient");
  lit("dw₁₀", samples, "x₀₁ x₁₁ x₂₁ x₃₁", "dy₀₀ dy₁₀ dy₂₀ dy₃₀");
  check("the samples are told", await says(/input 1 in all 4 samples/));

  // By a pointer, or a finger.
  if (isPhone) await cell("Y", 3).tap();
  else for (const x of [5, 15]) await cell("Y", 3).hover({ position: { x, y: 10 } });
  await frame(page);
  lit("y₁₁", await compare("under a pointer"), "x₁₀ x₁₁ x₁₂", "w₀₁ w₁₁ w₂₁");
  if (!isPhone) {
    await page.mouse.move(2, 2);
    await frame(page);
    check("without a pointer it is the chosen one", (await values()).entry.product === "dw");
  }

  // A number is typed, stepped, dragged; what is none changes nothing.
  await input("w₁₀").fill("-2.5");
  await frame(page);
  const typed = await compare("a number typed");
  close("y₁₀ follows", typed.y[1][0], 0 - 7.5 - 3);
  await input("w₁₀").press("ArrowUp");
  await frame(page);
  close("a key steps by one", (await compare("a number stepped")).given[3 + 12 + 2], -1.5);
  await input("w₁₀").press("ArrowRight");
  const isNext = await input("w₁₁").evaluate((one) => one === document.activeElement);
  check("an arrow goes to the next", isNext);
  await input("w₁₁").fill("40");
  await frame(page);
  close("what is too large is not taken", (await values()).given[3 + 12 + 3], -1);
  check("it is told what is allowed", await says(/A number from −9 to 9/));
  await input("w₁₁").blur();
  await frame(page);
  check("and not left there", (await input("w₁₁").inputValue()) === "-1");
  await page.waitForURL(/[?&]matmul\.numbers=w10%3D-1\.5/);
  const box = await input("x₀₀").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const times = frames(page);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 100, y, { steps: 40 });
  await page.mouse.up();
  print(`a frame while a number is dragged: ${await times}`);
  await frame(page);
  close("a pointer drags by a fortieth a pixel", (await compare("a number dragged")).given[3], 4.5);

  // Without its transpose: no product of these shapes, and a wrong one where W is square.
  await choose("dY W");
  const refused = await compare("refused", true);
  check("there is a message", /must equal rows of the right/.test(refused.message));
  check("it is on the page", (await host.innerText()).includes(refused.message));
  check("no entry is lit", refused.rows.length + refused.columns.length === 0);
  check("it is told", await says(/Here the shapes show the fault/));
  await choose("[2, 2], square");
  await host.getByRole("button", { name: "Reset" }).press("r");
  await frame(page);
  check("R is the first state", JSON.stringify(await values()) === JSON.stringify(first));
  await input("x₁₀").fill("5");
  await input("x₁₀").press("r");
  await frame(page);
  check("also from within a number", (await input("x₁₀").inputValue()) === "0");
  await choose("[2, 2], square");
  await choose("dY W");
  const wrong = await compare("a wrong product", true);
  lit("dx₀₁ without the transpose", wrong, "dy₀₀ dy₀₁", "w₀₁ w₁₁");
  close("the wrong number", wrong.untransposed[0][1], 10);
  close("the right one", wrong.dx[0][1], 4);
  close("the difference agrees with it", wrong.inX[0][1], 4, 1e-6);
  check("all three are read", /dY W\s+10\s+dY WT\s+4\s+central difference\s+4\.000000/.test(wrong.results));
  check("it is told that the shapes fit", await says(/The shapes fit, but column 1 of W/));

  // A symmetric W is its own transpose: the fault hides.
  await input("w₁₀").fill("4");
  await frame(page);
  const hidden = await compare("a symmetric W", true);
  check("every entry is right", hidden.isRight.flat().every(Boolean));
  check("it is told that nothing shows", await says(/does not show the fault/));

  // It is left with the fault, to be looked at.
  await input("w₁₀").fill("2");
  await frame(page);
}
