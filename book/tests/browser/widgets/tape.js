// The widget of chapter 2: both of the chapter's examples, one visit at a time; the planted faults;
// a formula with a mistake; doublings.

import { frame } from "../frames.js";

const SHARED = "b = a + a\nc = b * b\nL = b + c";
const LOGISTIC = "z = w * x + b; p = sigmoid(z); L = -ln(p)";

const codes = (text) => Array.from(text, (character) => character.codePointAt(0));

export async function operate(tools) {
  const { page, host, isPhone, values, native, close, check, print } = tools;
  const { says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  const press = async (name) => {
    const button = host.getByRole("button", { name, exact: true });
    // A button that has nothing to do says so, and can be pressed.
    if (isPhone) await button.tap({ force: true });
    else await button.press("Enter");
    await frame(page);
  };
  const toggle = async (name) => {
    const box = host.getByRole("checkbox", { name });
    if (isPhone) await box.tap();
    else await box.press("Space");
    await frame(page);
  };
  const write = async (formula) => {
    await host.getByRole("textbox", { name: "Formula" }).fill(formula);
    await frame(page);
  };
  /** Compares all that is shown with what the crate makes of it. */
  const compare = async (what, faults) => {
    const shown = await values();
    const [recorded, set, pass, counts] = await native([
      ["tape_record", codes(shown.text)],
      ["tape_set", shown.numbers],
      ["tape_pass", faults],
      ["tape_counts", []],
    ]);
    check(`${what} is recorded`, recorded[0] === 1);
    const column = (k) => set.filter((_, i) => i % 3 === k);
    const count = shown.names.length;
    close(`${what}: the values`, shown.values, column(0));
    close(`${what}: the gradients`, shown.library, column(1));
    close(`${what}: the differences`, shown.differences, column(2));
    const last = pass.filter((_, i) => i < 2 * count && i % 2 === 0);
    close(`${what}: after all visits`, shown.last, last);
    close(`${what}: the counts`, Object.values(shown.counts), counts);
    return shown;
  };

  // The first example of the chapter: 5, then 7.
  await press("Back one step");
  close("da after one visit", (await values()).gradients[0], 5);
  check("the visit is told", await says(/a gets dL · s = 1 · 5 = 5/));
  await press("Back one step");
  close("the gradients", (await values()).gradients, [7, 2, 2, 1]);
  await press("Undo");
  close("da after one visit undone", (await values()).gradients[0], 5);
  await press("Back one step");
  await press("Back one step");
  close("a step after the last", (await values()).step, 2);
  await compare("used twice", [0, 0]);

  // The second one: b visited too early hands on 1 of 13.
  await press("Shared node");
  check("an example is written", (await values()).text === SHARED);
  await press("All the way");
  close("da in the right order", (await values()).gradients[0], 26);
  await toggle("as soon as it is reached");
  const early = await compare("too early", [0, 1]);
  close("da too early", early.gradients, [2, 13, 1, 1]);
  close("the order of visits", early.visits, [3, 1, 2]);
  check("it is told what is wrong", await says(/Wrong: da is 2, but differences give 26\./));
  await toggle("as soon as it is reached");
  await toggle("in place of");
  close("da assigned", (await compare("assigned", [1, 0])).gradients[0], 6);
  await toggle("in place of");

  // A formula of the reader's; a mistake in it leaves the tape.
  await write(LOGISTIC);
  await host.getByRole("spinbutton", { name: "w =" }).fill("0.75");
  await press("All the way");
  const logistic = await compare("a loss", [0, 0]);
  close("all visits give the library's gradient", logistic.gradients, logistic.library);
  await page.waitForURL(/[?&]tape\.leaves=/);
  await write("L = a * (a +");
  const mistaken = await values();
  close("the place of the mistake", mistaken.mistake?.at, 12);
  close("the tape before it", mistaken.values, logistic.values);
  check("it is told", await says(/Line 1, character 13/));

  // R in the text is a letter, and elsewhere the first state.
  await host.getByRole("textbox", { name: "Formula" }).press("r");
  check("R can be typed", (await values()).text.endsWith("r"));
  await host.getByRole("button", { name: "Undo", exact: true }).press("r");
  await frame(page);
  close("R is the first state", (await values()).values, [2, 3, 5, 10]);

  // Thirty doublings.
  await press("Doublings");
  await host.getByRole("slider", { name: "Doublings" }).press("End");
  const from = Date.now();
  await press("All the way");
  print(`all the way through 30 doublings in ${Date.now() - from} ms`);
  const { counts, gradients } = await compare("doublings", [0, 0]);
  close("paths, arrows, visits", Object.values(counts), [2 ** 30, 60, 30]);
  close("the gradient is the number of paths", gradients[0], 2 ** 30);

  // It is left in use, to be looked at.
  await press("Shared node");
  await toggle("as soon as it is reached");
  await press("All the way");
}
