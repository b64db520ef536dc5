// Chapter 1's widget: a step, a weight moved, a way to the loss, two faults, and a whole training.

import { frames } from "../frames.js";

export async function operate({ page, host, isPhone, values, native, close, check, print }) {
  const press = (locator) => (isPhone ? locator.tap() : locator.press("Enter"));
  const button = (name) => host.getByRole("button", { name, exact: true });
  const compare = async (what, shown, how) => {
    const { weights, point, weight } = shown;
    const [score, forward, gradient, ways, shade] = await native([
      ["scalar_score", weights],
      ["scalar_forward", [...weights, point]],
      ["scalar_gradient", [...weights, how, point]],
      ["scalar_paths", [...weights, how, point, weight]],
      ["scalar_shade", [...weights, Math.sqrt(shown.shade.length), 3]],
    ]);
    close(`${what}: the score`, [shown.loss, shown.right], score);
    close(`${what}: the forward pass`, shown.forward, forward);
    close(`${what}: the gradient`, shown.gradient, gradient);
    close(`${what}: the ways`, shown.ways, ways);
    close(`${what}: the shade`, shown.shade, shade);
  };

  // The start, and one step.
  await host.scrollIntoViewIfNeeded();
  const first = await settled(page, values, () => true);
  const [start] = await native([["scalar_random", [0]]]);
  close("the start", first.weights, start);
  await compare("at the start", first, 0);
  await press(button("Step"));
  const second = await settled(page, values, (shown) => shown.step === 1);
  const [stepped] = await native([["scalar_learn", [...start, 0, 2, 1]]]);
  close("one step", second.weights, stepped);

  // A point and a weight are chosen, and the weight is moved.
  if (isPhone) {
    const plane = host.locator(".scalar-square svg");
    await plane.tap({ position: { x: 200, y: 200 } });
    await host.locator(".scalar-edge").nth(4).locator(".scalar-hit").tap();
  } else {
    await host.getByText("Look inside").press("Enter");
    await button("Next point").press("Enter");
    await host.getByLabel("Weight").selectOption("w11");
    await host.getByLabel("w₁₁, on a scale").press("ArrowRight");
    const pressed = await settled(page, values, (shown) => shown.weight === 4);
    check("an arrow key moves the weight up", pressed.weights[4] > second.weights[4]);
  }
  await settled(page, values, (shown) => shown.weight === 4);
  // Not at the top, where the page's bar lies over it.
  await host.locator(".scalar-label").evaluate((label) => label.scrollIntoView({ block: "center" }));
  const label = await host.locator(".scalar-label").boundingBox();
  const [x, y] = [label.x + label.width / 2, label.y + label.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x, y - 60, { steps: 6 });
  await page.mouse.up();
  // A pointer over another line would show that line's ways.
  await page.mouse.move(0, 0);
  // Its label, drawn up, raises it.
  const isMoved = ({ weight, weights }) => weight === 4 && weights[4] > second.weights[4] + 1;
  const moved = await settled(page, values, isMoved);
  await compare("a weight moved", moved, 0);
  check("two ways", moved.ways.length === 10);
  close("two ways make the gradient", moved.ways[4] + moved.ways[9], moved.gradient[4], 1e-12);
  const text = await host.locator(".scalar-ways").innerText();
  for (const way of ["do₀ · v₁₀ · h₁(1 − h₁) · x₁", "do₁ · v₁₁ · h₁(1 − h₁) · x₁"]) {
    check(`the way ${way} is shown`, text.includes(way));
  }

  // Both faults.
  await host.getByLabel("Forget").check();
  const wrong = await settled(page, values, (shown) => shown.gradient[4] !== moved.gradient[4]);
  await compare("the slope forgotten", wrong, 1);
  await host.getByLabel("Symmetric start").check();
  const even = await settled(page, values, (shown) => shown.step === 0);
  const [symmetric] = await native([["scalar_symmetric", []]]);
  close("the symmetric start", even.weights, symmetric);
  close("nothing comes back to the first layer", even.gradient.slice(0, 9), Array(9).fill(0), 1e-15);
  await page.waitForURL(/[?&]scalar\.symmetric=on/);

  // R is the first state again, and a thousand steps from there are the chapter's.
  await button("Step").press("r");
  const again = await settled(page, values, (shown) => shown.weights[0] === first.weights[0]);
  check("R brings the first point back", again.point === 0 && again.weight === first.weight);
  await press(button("Train"));
  print(`while it learns: ${await frames(page)}`);
  const trained = await settled(page, values, (shown) => shown.step === 1000);
  const [learned] = await native([["scalar_learn", [...start, 0, 2, 1000]]]);
  const [[loss, right]] = await native([["scalar_score", learned]]);
  close("the loss after a thousand steps", trained.loss, loss, 1e-3);
  close("the share right after a thousand steps", trained.right, right, 0.005);
  await compare("after a thousand steps", trained, 0);

  // It is left in use, with the mean of all gradients.
  await host.getByLabel("all 500, on average").check();
  const mean = await settled(page, values, (shown) => shown.gradient[0] !== trained.gradient[0]);
  const [gradient] = await native([["scalar_mean_gradient", [...mean.weights, 0]]]);
  close("the mean gradient", mean.gradient, gradient);
}

/** The widget's values, once they are as `are` says and two frames have passed. */
async function settled(page, values, are) {
  const twoFrames = () =>
    page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
  for (let count = 0; count < 1200; count += 1) {
    await twoFrames();
    const shown = await values();
    if (are(shown)) return shown;
  }
  throw new Error("the widget did not come to what was waited for");
}
