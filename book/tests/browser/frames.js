// What a widget's check waits for, and what it measures of it.

/** Two frames, after which what changed is drawn. */
export function frame(page) {
  const twice = (done) => requestAnimationFrame(() => requestAnimationFrame(done));
  return page.evaluate(`new Promise(${twice})`);
}

/** How long thirty frames take, in words. */
export async function frames(page) {
  const times = await page.evaluate(() => {
    const at = [];
    return new Promise((done) => {
      const tick = (time) => {
        at.push(time);
        if (at.length <= 30) requestAnimationFrame(tick);
        else done(at.slice(1).map((time, k) => time - at[k]));
      };
      requestAnimationFrame(tick);
    });
  });
  times.sort((a, b) => a - b);
  return `${times[15].toFixed(0)} ms in the middle, ${times[29].toFixed(0)} ms at most`;
}
