// The widget of chapter 7: one step and ten of both losses from sure and wrong; a bar that is dragged; a
// smoothed target and a mixture; what is added to all logits, up to where f32 overflows.

import { frame, frames } from "../frames.js";

/** Rows of a pass, in the crate's order. */
const ROWS = ["moved", "p", "t", "difference", "dz"];

export async function operate(tools) {
  const { page, host, isPhone, values, native, close, check, print } = tools;
  const { choose, slider, slide, slideTo, says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  const press = async (name) => {
    const button = host.getByRole("button", { name, exact: true });
    if (isPhone) await button.tap();
    else await button.press("Enter");
    await frame(page);
  };
  /** The values after this many steps of descent. */
  const taken = async (steps) => {
    for (let count = 0; count < 600; count += 1) {
      const shown = await values();
      if (shown.taken === steps) return shown;
      await frame(page);
    }
    throw new Error(`${steps} steps were not taken`);
  };
  const logits = ({ setting }) => setting.slice(5);

  /** Compares all that is shown with the native numbers. */
  const compare = async (what) => {
    const shown = await values();
    const [pass, single] = await native([
      ["softmax_pass", [...shown.setting, shown.added]],
      ["softmax_single", [...logits(shown), shown.added]],
    ]);
    ROWS.forEach((name, k) => close(`${what}: ${name}`, shown[name], pass.slice(3 * k, 3 * k + 3)));
    close(`${what}: the sums`, shown.sums, pass.slice(15, 19), 1e-12);
    close(`${what}: dz sums to zero`, shown.sums[3], 0, 1e-12);
    close(`${what}: the loss`, shown.loss, pass[19]);
    close(`${what}: the divergence`, shown.divergence, pass[20], 1e-9);
    // What is no number, or infinite, is null natively.
    const finite = (x) => (Number.isFinite(x) ? x : null);
    single.forEach((x, k) => {
      const here = finite(shown.single[k]);
      const isSame = here === x || Math.abs(here - x) <= 1e-5 * Math.abs(x);
      check(`${what}: softmax in f32, number ${k}: ${here}, natively ${x}`, isSame);
    });
    return shown;
  };

  // Sure and wrong: a step of cross-entropy moves by p − t, and ten turn the answer over.
  const first = await compare("at first");
  close("cross-entropy hands on p − t", first.dz, first.difference, 1e-12);
  await press("One step of descent");
  const once = await compare("after one step");
  close("a step of descent", logits(once), logits(first).map((z, k) => z - first.dz[k]));
  check("it is told", await says(/One step: the loss went from 7\.019 to/));
  await press("Ten steps");
  const ten = await taken(10);
  const [natively] = await native([["softmax_descend", [...once.setting, 10]]]);
  close("ten steps", logits(ten), natively);
  check("the answer is turned over", ten.p[1] > ten.p[0]);
  await page.waitForURL(/[?&]softmax\.z=/);

  // The squared error from the same place hardly moves.
  await slide("Logit z₀", "r");
  close("R is the first state", logits(await values()), logits(first));
  await choose("squared error");
  const squared = await compare("the squared error");
  close("it begins with the same p − t", squared.difference, first.difference);
  check("hardly anything comes back", Math.abs(squared.dz[1]) < 0.002 * Math.abs(first.dz[1]));
  check("it is told", await says(/Sure and wrong, and it hardly moves/));
  await press("Ten steps");
  const still = await taken(10);
  check("after ten steps it is still wrong", still.p[0] > 0.9 && logits(still)[1] < -2.9);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await press("Ten steps");
  const calm = await values();
  const [atOnce] = await native([["softmax_descend", [...still.setting, 10]]]);
  close("without motion all ten are taken at once", [calm.taken, ...logits(calm)], [10, ...atOnce], 1e-9);
  await page.emulateMedia({ reducedMotion: null });

  // Keys and a pointer move a logit; a descent ends.
  await slide("Logit z₁", "ArrowRight", "ArrowRight");
  const keyed = await compare("a logit by keys");
  check("an arrow key moves a logit up", logits(keyed)[1] > -2.9 && keyed.taken === 0);
  await host.locator(".is-draggable").evaluate((plot) => plot.scrollIntoView({ block: "center" }));
  const box = await host.locator(".is-draggable").boundingBox();
  // The last third of the frame, from its middle to its top.
  const x = box.x + 52 + (box.width - 78) * 0.8;
  const height = box.y + box.height / 2;
  await page.mouse.move(x, height);
  await page.mouse.down();
  const times = frames(page);
  await page.mouse.move(x - 60, box.y + 20, { steps: 30 });
  await page.mouse.up();
  print(`a frame while a bar is dragged: ${await times}`);
  await frame(page);
  const lifted = await compare("a bar is dragged");
  close("the bar that was pressed goes to the top", logits(lifted)[2], 6);
  close("and no other one", logits(lifted).slice(0, 2), logits(keyed).slice(0, 2), 0.1);

  // A target that is smoothed, and one that is a mixture: the loss has a floor.
  await choose("cross-entropy");
  await choose("class 2");
  check("right is told", await says(/hardly anything pushes|its p − t/));
  await slideTo("Smoothing ε", 0.3);
  const smooth = await compare("a smoothed target");
  close("the target", smooth.t, [0.1, 0.1, 0.8], 1e-12);
  await choose("a mixture");
  await slideTo("Smoothing ε", 0);
  const mixed = await compare("a mixture");
  close("its shares", mixed.t, [0.6, 0.3, 0.1], 1e-12);
  for (const k of [0, 1, 2]) await slideTo(`Parts t${"₀₁₂"[k]}`, 0);
  close("the last part stays", (await compare("one part")).t, [0, 0, 1]);
  await slideTo("Parts t₀", 1);
  check("the entropy is told", /entropy of t, 0\.693/.test(await host.locator(".softmax-detail").innerText()));

  // All logits are moved: p stays, and as it is written f32 overflows on one side and underflows on the other.
  const before = await values();
  check("f32 agrees with both", before.single.every(Number.isFinite));
  for (const [added, words] of [[200, /overflows in f32/], [-200, /rounded to 0 in f32/]]) {
    await slideTo("Add c to all", added);
    const far = await compare(`${added} is added`);
    close(`${added} is added, and p stays`, far.p, before.p, 1e-12);
    close(`${added} is added, and dz stays`, far.dz, before.dz, 1e-12);
    check("as written there is no p", far.single.slice(7, 10).every(Number.isNaN));
    close("with the shift there is", far.single.slice(17), before.p, 1e-4);
    check(`${added}: it is told`, await says(words));
    const text = await host.locator(".softmax-ways").innerText();
    check(`${added}: both are shown`, /NaN/.test(text) && text.includes(before.p[2].toFixed(3)));
  }
  await slideTo("Add c to all", -95);
  await slideTo("Logit z₁", -6);
  await compare("-95 is added");
  check("lost digits are told", await says(/digits are lost/));

  // R is the first state. It is left where f32 overflows, to be looked at.
  await slide("Add c to all", "r");
  const again = await values();
  close("R is the first state again", [...again.setting, again.added], [...first.setting, 0]);
  await choose("a mixture");
  await slideTo("Add c to all", 120);
}
