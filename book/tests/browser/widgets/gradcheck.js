// The widget of chapter 3: the step down the V and up again, by keys and by a pointer; a constant that
// costs digits; a kink; a step that rounding swallows.

import { frame, frames } from "../frames.js";

/** What is measured, in the crate's order. */
const MEASURED = "h x0 f0 x1 f1 rise slope derivative error truncation rounding".split(" ");
/** The steps of the widget's axis. */
const [FIRST, APART] = [-16, 0.05];

export async function operate(tools) {
  const { page, host, isPhone, values, native, close, check, print } = tools;
  const { choose, slide, slideTo, says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  /**
   * Compares all that is shown with the native numbers. Two machines' functions differ in the last
   * digit, which the slope sees as rounding: its bound is what may lie between them.
   */
  const compare = async (what) => {
    const shown = await values();
    const [measured, curve, window, best] = await native([
      ["gradcheck_measure", [...shown.choice, shown.exponent]],
      ["gradcheck_curve", [...shown.choice, FIRST, APART, shown.errors.length]],
      ["gradcheck_window", [...shown.choice, shown.exponent, 2.5, 401]],
      ["gradcheck_best_step", shown.choice],
    ]);
    const numbers = Object.fromEntries(MEASURED.map((name, k) => [name, measured[k]]));
    const relative = 4 * numbers.rounding;
    const absolute = relative * Math.max(1e-3, Math.abs(numbers.derivative));
    for (const name of ["h", "x0", "f0", "x1", "f1", "derivative", "truncation", "rounding"]) {
      close(`${what}: ${name}`, shown[name], numbers[name]);
    }
    close(`${what}: the slope`, shown.slope, numbers.slope, absolute);
    close(`${what}: the relative error`, shown.error, numbers.error, relative);
    close(`${what}: the best step`, shown.best, best);
    close(`${what}: what is seen`, shown.window, window, absolute + 1e-6);
    const far = shown.errors.findIndex((error, k) => {
      const [natively, , rounding] = curve.slice(3 * k, 3 * k + 3);
      if (natively === null || rounding === null) return Number.isFinite(error) && natively !== null;
      return !(Math.abs(10 ** error - 10 ** natively) <= 4 * 10 ** rounding + 1e-15);
    });
    check(`${what}: the curve, step ${far}`, far < 0);
    return shown;
  };

  // Down the V, with a tenth of the step a hundredth of the error, and up again.
  const first = await compare("a step of 0.1");
  const tenth = Array(20).fill("ArrowLeft");
  await slide("Step h", ...tenth);
  const second = await compare("a step of 0.01");
  close("a tenth of the step", second.h, 0.01);
  close("leaves a hundredth of the error", first.error / second.error, 100, 0.5);
  check("it is told what rules", await says(/Truncation rules/));
  const button = host.getByRole("button", { name: "h by the rule" });
  if (isPhone) await button.tap();
  else await button.press("Enter");
  await frame(page);
  const best = await compare("the step by the rule");
  check("the rule leaves ten digits", best.error < 1e-10);
  await slideTo("Step h", -12);
  const narrow = await compare("a short step");
  check("a shorter step is worse", narrow.error > 100 * best.error);
  close("eleven digits cancel", narrow.cancelled, 11, 1);
  check("they are grayed in both values", narrow.lost[1].length >= 11 && narrow.lost[1] === narrow.lost[2]);
  check("it is told that they cancel", await says(/of 17 digits cancel\. Rounding rules/));
  await page.waitForURL(/[?&]gradcheck\.h=-12/);

  // The same by a pointer, to the left edge and back.
  const box = await host.locator(".is-draggable").boundingBox();
  const height = box.y + box.height / 2;
  const times = frames(page);
  await page.mouse.move(box.x + box.width - 80, height);
  await page.mouse.down();
  await page.mouse.move(box.x + 10, height, { steps: 40 });
  await page.mouse.up();
  print(`a frame while the step is dragged: ${await times}`);
  await frame(page);
  close("a pointer takes the shortest step", (await values()).exponent, FIRST);

  // A constant that costs three digits; half of a type's digits; the difference to one side.
  await slideTo("Step h", -8);
  await choose("eˣ");
  const plain = await compare("eˣ");
  await choose("eˣ + 1000");
  const raised = await compare("eˣ + 1000");
  check("the constant costs digits", raised.cancelled >= plain.cancelled + 2);
  close("the rise is the same", raised.rise, plain.rise, 1e-12);
  await choose("x³");
  await choose("one-sided");
  await compare("to one side");
  await choose("f32");
  await slideTo("Step h", -3);
  await compare("f32");
  await slideTo("Step h", -12);
  check("f32 has no such step", Number.isNaN((await values()).slope));
  check("it is told", await says(/rounded to x: there is no step/));

  // The kink: a mean of two slopes, and at 0 half of them.
  await choose("f64");
  await choose("central");
  await choose("max(0, x)");
  await slideTo("Place x", 0.25);
  await slideTo("Step h", 0);
  const kink = await compare("a kink");
  close("the slope over a kink", kink.slope, 0.625);
  check("the kink is told", await says(/lies between the two points/));
  await slideTo("Place x", 0);
  close("the slope at the kink", (await values()).slope, 0.5);
  check("no derivative is told", await says(/has no derivative at 0/));

  // R is the first state. It is left on the left side of the V, to be looked at.
  await slide("Step h", "r");
  const again = await values();
  close("R is the first state", [...again.choice, again.exponent], [0, 64, 2, 1, -1]);
  await choose("eˣ + 1000");
  await slideTo("Step h", -12.5);
}
