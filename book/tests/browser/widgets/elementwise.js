// The widget of chapter 4: a quotient by keys and by a pointer, through zero; then the matrix over a
// row, whose entries are chosen by keys, pointed at, and changed.

import { frame, frames } from "../frames.js";

const ROWS = 4;
const COLUMNS = 3;

export async function operate(tools) {
  const { page, host, isPhone, values, native, close, check, print } = tools;
  const { slider, slide, slideTo, says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  const choose = async (label) => {
    const cell = host.locator("label", { has: page.getByRole("radio", { name: label }) });
    if (isPhone) await cell.tap();
    else await cell.click();
    await frame(page);
  };
  const tells = async (words) => words.test(await host.locator(".elementwise-told").innerText());
  /** JSON has no infinity: it is null there, as what is no number is. */
  const finite = (list) => [list].flat().map((x) => (Number.isFinite(x) ? x : null));

  /** Compares all that is shown with the native numbers. */
  const compare = async (what) => {
    const shown = await values();
    const [divided, curve, row] = await native([
      ["elementwise_divide", [shown.a, shown.b, shown.dy]],
      ["elementwise_curve", [shown.a, 4, shown.heights.length]],
      ["elementwise_row", [ROWS, COLUMNS, ...shown.numbers]],
    ]);
    const { y, slopeA, slopeB, da, db } = shown;
    close(`${what}: the quotient and its gradients`, finite([y, slopeA, slopeB, da, db]), divided);
    close(`${what}: the curve`, finite(shown.heights), curve);
    const { Y, dX, terms, sums, ds } = shown;
    close(`${what}: the matrices`, finite([Y, dX, terms, sums, ds].flat()), row);
    return shown;
  };

  // Keys: half the denominator is twice the one gradient and four times the other; through zero.
  await compare("at first");
  await slideTo("Denominator b", 0.5);
  const one = await compare("a half");
  await slide("Denominator b", ...Array(5).fill("ArrowLeft"));
  const half = await compare("a quarter");
  close("half of b, da", half.da, 2 * one.da);
  close("half of b, db", half.db, 4 * one.db);
  check("it is told", await says(/four times as large/));
  await slide("Denominator b", ...Array(5).fill("ArrowLeft"));
  const zero = await compare("zero");
  check("2/0", zero.y === Infinity && zero.da === Infinity && zero.db === -Infinity);
  check("it is told", await says(/Dividing by 0 is no error: y = ∞, da = ∞, db = −∞/));
  await slide("Denominator b", "ArrowLeft");
  close("beyond zero", (await compare("beyond zero")).y, -40);
  await slideTo("Numerator a", 0);
  await slideTo("Denominator b", 0);
  check("0/0", Number.isNaN((await compare("0/0")).y));
  await slideTo("Upstream dy", -0.5);
  await page.waitForURL(/[?&]elementwise\.dy=-0\.5/);

  // The same by a pointer: the point over the plane, and the denominator along the curve.
  const [plane, curve] = await host.locator(".is-draggable").all();
  const drag = async (picture, from, to) => {
    await picture.scrollIntoViewIfNeeded();
    const box = await picture.boundingBox();
    const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(from));
    await page.mouse.down();
    await page.mouse.move(...at(to), { steps: 40 });
    await page.mouse.up();
    await frame(page);
  };
  const times = frames(page);
  await drag(plane, [0.3, 0.3], [0.75, 0.2]);
  print(`a frame while the point is dragged: ${await times}`);
  const dragged = await compare("dragged");
  check("the point is where the pointer is", dragged.a > 1.5 && dragged.b > 1);
  await drag(curve, [0.8, 0.5], [0.3, 0.5]);
  const along = await compare("dragged along the curve");
  check("the curve moves b alone", along.b < -0.5 && along.a === dragged.a);

  // The row: a column's terms and their sum; an entry of X has one of its own.
  const first = await values();
  close("the gradients of the row", first.ds, [-0.875, -9, 0.25]);
  check("the sum is told", await tells(/is copied into 4 rows.*ds₀ = \(−0\.75\) \+ 0\.5 .* = −0\.875/));
  const marked = (kind) => host.locator(`.elementwise-cells .is-${kind}`).count();
  close("two columns and s make it", await marked("maker"), 2 * ROWS + 1);
  await host.getByRole("radio", { name: "s, column 0" }).press("ArrowRight");
  await frame(page);
  check("an arrow is the next entry", (await values()).entry === "s1");
  await slideTo("s₁", -0.25);
  const changed = await compare("a changed entry of s");
  close("it is changed", changed.numbers[ROWS * COLUMNS + 1], -0.25);
  await host.getByRole("radio", { name: "s, column 1" }).press("ArrowUp");
  await frame(page);
  check("up is a row", (await values()).entry === "X31");
  close("one entry of dY and one of s make it", await marked("maker"), 2);
  check("one term is told", await tells(/dX₃₁ = dY₃₁ \/ s₁ = 1 \/ \(−0\.25\) = −4/));
  await choose("dY, row 0, column 2");
  close("it goes to two places", await marked("made"), 2);
  check("which are told", await tells(/dY₀₂ goes to two places/));
  await choose("s, column 2");
  await slideTo("s₂", 0);
  check("a row's zero", (await compare("a zero in s")).dX.some((x) => x === Infinity));
  if (!isPhone) {
    await host.locator("label", { has: page.getByRole("radio", { name: "X, row 1, column 1" }) }).hover();
    await frame(page);
    check("a pointer shows an entry", (await values()).entry === "X11");
    await host.locator(".elementwise-told").hover();
    await frame(page);
    check("and then the chosen one", (await values()).entry === "s2");
  }
  await page.waitForURL(/[?&]elementwise\.numbers=s1%3D-0\.25%2Cs2%3D0/);

  // R is the first state. It is left near zero, to be looked at.
  await slide("Denominator b", "r");
  const again = await compare("R");
  close("R is the first state", [again.a, again.b, again.dy, ...again.ds], [2, 0.8, 1, -0.875, -9, 0.25]);
  check("and the first entry", again.entry === "s0");
  await slideTo("Denominator b", 0.35);
}
