// The widget of chapter 6: a gradient that vanishes, one that explodes, one that keeps its size; units that
// saturate and units that die; a layer that is looked at, by keys and by a pointer.

import { frame, frames } from "../frames.js";

const SUMMARY = ["largest", "output", "gradient", "flat", "dead"];
const SCALES = { linear: 0, logarithmic: 1, signed: 2 };
const [BINS, FINE, REACH] = [40, 80, 8];

export async function operate(tools) {
  const { page, host, values, native, close, check, print } = tools;
  const { choose, slider, slide, slideTo, says } = tools.hands;
  await host.scrollIntoViewIfNeeded();
  /** Compares all that is shown with the native numbers. */
  const compare = async (what) => {
    const shown = await values();
    const { outputs, gradients } = shown.axes;
    const histogram = (part, { scale, min, max }, bins) => [
      "activation_histograms",
      [part, SCALES[scale], min, max, bins],
    ];
    const z = { scale: "linear", min: -REACH, max: REACH };
    const [run, ofZ, ofH, ofGradient, curve] = await native([
      ["activation_run", shown.setting],
      histogram(0, z, FINE),
      histogram(1, outputs, BINS),
      histogram(2, gradients, BINS),
      ["activation_curve", [shown.setting[0], REACH, 2 * FINE + 1]],
    ]);
    const [ratio, factor, ...summaries] = run;
    close(`${what}: the first gradient by the last`, shown.ratio / ratio, 1);
    close(`${what}: the factor of a layer`, shown.factor, factor);
    SUMMARY.forEach((name, k) => {
      const natively = summaries.filter((_, j) => j % SUMMARY.length === k);
      // Sizes differ by many powers of ten, and each of them counts.
      const measure = (x) => (k < 3 ? Math.log(x) : x);
      const here = shown.layers.map((layer) => layer[name]);
      close(`${what}: ${name}`, here.map(measure), natively.map(measure), 1e-6);
    });
    // A value on the edge of a bin may be on its other side on another machine.
    close(`${what}: the histograms of z`, shown.z, ofZ, 0.002);
    close(`${what}: those of h`, shown.h, ofH, 0.002);
    close(`${what}: those of the gradients`, shown.gradient, ofGradient, 0.002);
    close(`${what}: the curve`, shown.curve, curve);
    const all = shown.layers.length;
    const sum = [...shown.z, ...shown.h, ...shown.gradient].reduce((sum, share) => sum + share, 0);
    close(`${what}: all values are in a bin`, sum, 3 * all);
    return shown;
  };

  // Ten layers of sigmoids: less than a quarter is left at each.
  const first = await compare("ten layers");
  check("the slope of a sigmoid is at most 1/4", first.factor < 0.25);
  close("nine factors are the ratio", first.factor ** 9 / first.ratio, 1);
  check("it vanishes", await says(/vanishes: it is 1\.80 · 10⁻⁶/));
  await slide("Layers", ...Array(10).fill("ArrowRight"));
  const deep = await compare("twenty layers");
  check("deeper is worse", deep.layers.length === 20 && deep.ratio < 1e-5 * first.ratio);
  await page.waitForURL(/[?&]activation\.depth=20/);
  await slideTo("Gain", 2);
  const wide = await compare("a gain of four");
  check("no gain mends a sigmoid", wide.ratio < 0.01 && wide.ratio > 1e4 * deep.ratio);
  check("values saturate", wide.layers[0].flat > 0.3);

  // Tanh keeps the gradient at a gain of 1, and saturates beyond.
  await choose("tanh");
  const steep = await compare("tanh with a gain of four");
  check("it explodes", steep.ratio > 100 && (await says(/explodes/)));
  check("most values are saturated", steep.layers.at(-1).flat > 0.5);
  await slideTo("Gain", 0);
  check("tanh shrinks it", (await compare("tanh")).ratio > 0.1 && (await says(/shrinks: it is 0\.\d+ times/)));

  // ReLU: half of the slopes are zero, which a gain of √2 makes up for; units die with depth.
  await choose("ReLU");
  await slideTo("Gain", 0.5);
  await slideTo("Layers", 30);
  const relu = await compare("thirty layers of ReLU");
  check("a gain of √2 keeps it", relu.ratio > 0.1 && relu.ratio < 10);
  check("units are dead", relu.layers.at(-1).dead > 10 && relu.layers[0].dead === 0);
  check("it is told", await says(/units of layer 29 are dead for every input/));
  await choose("SELU");
  await slideTo("Gain", 0);
  const selu = await compare("SELU");
  close("SELU keeps the size of its values", selu.layers.map(({ output }) => output), Array(30).fill(1), 0.3);
  await choose("none");
  await slideTo("Gain", 1);
  const linear = await compare("no activation");
  close("each layer doubles it", linear.factor, 2, 0.1);
  check("outputs explode", await says(/outputs explode/));
  await slideTo("Gain", -2);
  check("outputs vanish", (await compare("a gain of a quarter")).layers.at(-1).output < 1e-15);

  // A pointer looks at a layer; fewer layers leave the last one.
  const box = await host.locator(".is-draggable").first().boundingBox();
  const middle = box.y + box.height / 2;
  await page.mouse.move(box.x + 60, middle);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 30, middle, { steps: 5 });
  await page.mouse.up();
  await frame(page);
  close("a pointer looks at the last layer", (await values()).layer, 29);
  await slideTo("Layers", 12);
  close("there is no layer beyond the last", (await values()).layer, 11);
  await slide("Look at layer", "ArrowLeft");
  close("a key looks at the one before", (await values()).layer, 10);
  await slideTo("Layers", 1);
  const single = await compare("one layer");
  close("one layer", [single.ratio, single.layer], [1, 0]);

  // The most that there is to compute, in each frame: the gain is dragged with thirty layers of tanh.
  await choose("tanh");
  await slideTo("Layers", 30);
  const track = await slider("Gain").boundingBox();
  const height = track.y + track.height / 2;
  await page.mouse.move(track.x + 20, height);
  await page.mouse.down();
  const times = frames(page);
  await page.mouse.move(track.x + track.width - 20, height, { steps: 40 });
  await page.mouse.up();
  print(`a frame while the gain is dragged: ${await times}`);
  const passes = await host.evaluate(({ widget }) => {
    const start = performance.now();
    for (let k = 0; k < 20; k += 1) widget.call("activation_run", 1, 30, -2 + 0.2 * k, 1);
    return (performance.now() - start) / 20;
  });
  print(`both passes through thirty layers: ${passes.toFixed(1)} ms`);

  // Another seed, and R is the first state. It is left where units saturate, to be looked at.
  await host.getByRole("spinbutton", { name: "Seed" }).fill("2");
  await frame(page);
  const other = await compare("another seed");
  close("the seed", other.setting[3], 2);
  await slide("Gain", "r");
  const again = await values();
  close("R is the first state", [...again.setting, again.layer, again.ratio], [0, 10, 0, 1, 0, first.ratio]);
  await choose("tanh");
  await slideTo("Layers", 20);
  await slideTo("Gain", 1.2);
  await slideTo("Look at layer", 12);
}
