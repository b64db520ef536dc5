// The widget of chapter 8: points and arrows by keys and by a pointer, the steps of the gradient, what does
// not come back, the wrong gradient, a scale, and a column of equal numbers.

import { frame, frames } from "../frames.js";

const [ROWS, SIZE] = [8, 16];
/** Half the width of both pictures, in their own units. */
const [REACH, REACH_HAT] = [4, 3];
/** The margins of a picture, in pixels. */
const MARGIN = { left: 52, right: 26, top: 12, bottom: 44 };
/** The kind of dy that is one sample's. */
const ONE = 3;
/** The parts of the crate's answer. */
const MATRICES = ["x", "xHat", "centered", "projected", "dx", "constant", "slopes"];
const OF_COLUMNS = ["mean", "deviation", "sum", "along", "constantSum", "constantAlong"];

export async function operate(tools) {
  const { page, host, isPhone, values, native, close, check, print } = tools;
  const { slider, slide, slideTo, says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  const press = async (role, name) => {
    const input = host.getByRole(role, { name, exact: true });
    if (isPhone) await input.tap();
    else await input.press("Space");
    await frame(page);
  };

  /** Compares all that is shown with the native numbers. Differences have an error of rounding. */
  const compare = async (what) => {
    const shown = await values();
    const own = shown.kind === ONE ? shown.sample : shown.seed;
    const [upstream, batch] = await native([
      ["normalize_upstream", [shown.kind, own, shown.scale, ...shown.points]],
      ["normalize_batch", [shown.scale, ...shown.points, ...shown.dy]],
    ]);
    MATRICES.forEach((name, k) => {
      const most = name === "slopes" ? 1e-6 * Math.max(1, ...shown.dx.map(Math.abs)) : undefined;
      close(`${what}: ${name}`, shown[name], batch.slice(k * SIZE, (k + 1) * SIZE), most);
    });
    OF_COLUMNS.forEach((name, k) => {
      const first = MATRICES.length * SIZE + 2 * k;
      close(`${what}: ${name}`, shown[name], batch.slice(first, first + 2), 1e-9);
    });
    const error = Math.max(...shown.dx.map((dx, k) => Math.abs(dx - shown.slopes[k])));
    check(`${what}: dx is the slope`, error < 1e-4 * Math.max(1, ...shown.dx.map(Math.abs)));
    return { ...shown, upstream };
  };
  const movedRows = (a, b) =>
    Array.from({ length: ROWS }, (_, i) => i).filter((i) => Math.abs(a[2 * i] - b[2 * i]) > 1e-6);

  // By keys: one number moves, every output of its column moves, and none of the other column.
  const first = await compare("at first");
  close("dy is what the seed draws", first.dy, first.upstream);
  await slide("x, column 0", ...Array(40).fill("ArrowRight"));
  const moved = await compare("one x moved");
  close("it moved alone", movedRows(moved.x, first.x), [2]);
  close("all of its outputs moved", movedRows(moved.xHat, first.xHat).length, ROWS);
  const second = (matrix) => matrix.filter((_, k) => k % 2 === 1);
  close("those of the other column did not", second(moved.xHat), second(first.xHat));
  close("a trail leads to each", moved.moved.length, ROWS);
  check("it is told", await says(/One point has moved on the left, and 8 of 8 on the right/));

  // The steps of the gradient, whose sums become 0 one after the other.
  const sums = (gradient, xHat) => {
    const terms = gradient.map((entry, k) => entry * (xHat?.[k] ?? 1));
    return [0, 1].map((j) => terms.filter((_, k) => k % 2 === j).reduce((sum, term) => sum + term));
  };
  await press("radio", "without its mean");
  close("the trail is gone", (await values()).moved, []);
  check("the step is told", (await values()).step === "mean" && (await says(/sum to 0 in each column/)));
  close("its sums are 0", sums(moved.centered), [0, 0], 1e-12);
  check("not yet along x̂", sums(moved.centered, moved.xHat).some((sum) => Math.abs(sum) > 0.01));
  await press("radio", "and without its part along x̂");
  check("the last step is told", await says(/divided by σ, is dx/));
  close("both are 0", [...sums(moved.projected), ...sums(moved.projected, moved.xHat)], [0, 0, 0, 0], 1e-3);
  close("it is dx · σ", moved.projected, moved.dx.map((dx, k) => dx * moved.deviation[k % 2]));

  // Constants: the sums are not 0, and the differences disagree.
  await press("checkbox", "Treat μ and σ as constants (wrong)");
  const wrong = await compare("constants");
  check("they are told to be wrong", wrong.isConstant && (await says(/the differences disagree/)));
  check("four numbers are wrong", (await host.locator("td.is-wrong").count()) >= 4);
  await press("checkbox", "Treat μ and σ as constants (wrong)");
  close("no number is wrong", await host.locator("td.is-wrong").count(), 0);

  // A scale that stays in no output.
  await slideTo("All x times", 0.5);
  const half = await compare("half");
  close("x is halved", half.x, moved.x.map((x) => x / 2));
  close("the outputs are the same", half.xHat, moved.xHat, 1e-3);
  close("the gradient is twice as long", half.dx, moved.dx.map((dx) => 2 * dx), 1e-3);
  check("it is told", await says(/the gradient is divided by 0\.5/));
  await page.waitForURL(/[?&]normalize\.scale=0\.5/);
  await slideTo("All x times", 1);
  await slideTo("x, column 0", 3.5);
  await slideTo("All x times", 2);
  close("twice as far", (await compare("twice")).x[4], 7);
  check("a point outside the picture is told", await says(/1 of 8 points are outside/));
  await slideTo("All x times", 1);

  // What a shift or a stretch undoes does not come back; what pulls one sample moves all.
  await press("radio", "all equal");
  const equal = await compare("all equal");
  close("nothing comes back", equal.dx, Array(SIZE).fill(0), 1e-12);
  check("it is told", await says(/asks x̂ for a shift/));
  await press("radio", "x̂ itself");
  close("nothing but what ε leaves", (await compare("x̂ itself")).dx, Array(SIZE).fill(0), 1e-3);
  await press("radio", "one sample");
  await press("radio", "5");
  const one = await compare("one sample");
  close("one is pulled", one.dy.filter((dy) => dy !== 0).length, 2);
  check("every sample has a gradient", one.dx.every((dx) => Math.abs(dx) > 1e-3));

  // A column of equal numbers.
  await press("button", "All of column 0 equal");
  const flat = await compare("equal numbers");
  close("their outputs are 0", flat.xHat.filter((_, k) => k % 2 === 0), Array(ROWS).fill(0), 1e-12);
  close("σ is √ε", flat.deviation[0], Math.sqrt(1e-5));
  check("it is told", await says(/Column 0 does not vary.*0\.00316|Column 0 does not vary.*3\.16 · 10⁻³/));

  // A pointer: a point on the left, and the tip of an arrow on the right.
  await slide("x, column 0", "r");
  const again = await compare("R");
  close("R is the first state", [...again.x, ...again.dy], [...first.x, ...first.dy]);
  check("with its choices", again.step === "dy" && again.kind === 0 && !again.isConstant);
  close("and its scale", again.scale, 1);
  const drag = async (picture, reach, from, to) => {
    await picture.scrollIntoViewIfNeeded();
    const box = await picture.boundingBox();
    const [width, height] = [box.width - MARGIN.left - MARGIN.right, box.height - MARGIN.top - MARGIN.bottom];
    const spot = ([x, y]) => [
      box.x + MARGIN.left + (width * (x + reach)) / (2 * reach),
      box.y + MARGIN.top + (height * (reach - y)) / (2 * reach),
    ];
    await page.mouse.move(...spot(from));
    await page.mouse.down();
    await page.mouse.move(...spot(to), { steps: 40 });
    await page.mouse.up();
    await frame(page);
  };
  const [left, right] = await host.locator(".is-draggable").all();
  const times = frames(page);
  await drag(left, REACH, [again.x[0], again.x[1]], [-3, 2]);
  print(`a frame while a point is dragged: ${await times}`);
  const dragged = await compare("a point dragged");
  close("the point is where the pointer is", dragged.x.slice(0, 2), [-3, 2], 0.1);
  close("and is chosen", dragged.sample, 0);
  close("all outputs moved", movedRows(dragged.xHat, again.xHat).length, ROWS);
  const [x, y, dx, dy] = [...dragged.xHat.slice(12, 14), ...dragged.dy.slice(12, 14)];
  await drag(right, REACH_HAT, [x + dx, y + dy], [x + 0.5, y - 1.5]);
  const pulled = await compare("an arrow dragged");
  close("the arrow ends at the pointer", pulled.dy.slice(12, 14), [0.5, -1.5], 0.1);
  close("the outputs stay", pulled.xHat, dragged.xHat);
  await page.waitForURL(/[?&]normalize\.numbers=x00%3D.*dy60%3D/);
  await slideTo("dy, column 1", 0.75);
  close("a slider pulls the same arrow", (await compare("dy by a slider")).dy[13], 0.75);

  // Another seed forgets what was set by hand. It is left with the last step, to be looked at.
  await host.getByRole("spinbutton", { name: "Seed" }).fill("7");
  await frame(page);
  const seeded = await compare("another seed");
  close("dy is drawn anew", seeded.dy, seeded.upstream);
  await press("radio", "and without its part along x̂");
}
