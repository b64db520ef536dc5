// What a reader does with a widget: chooses, slides, and reads what it says.

import { frame } from "./frames.js";

/** The reader's hands and eyes, by a finger where `isPhone` and by keys elsewhere. Controls go by their names. */
export function hands({ page, host, isPhone }) {
  const slider = (name) => host.getByRole("slider", { name, exact: true });
  return {
    slider,
    async choose(name) {
      const radio = host.getByRole("radio", { name, exact: true });
      if (isPhone) await radio.tap();
      else await radio.press("Space");
      await frame(page);
    },
    /** `keys` are pressed on a slider. */
    async slide(name, ...keys) {
      for (const key of keys) await slider(name).press(key);
      await frame(page);
    },
    async slideTo(name, value) {
      await slider(name).fill(String(value));
      await frame(page);
    },
    /** Whether the widget says these words within a second or so: it speaks twice a second. */
    async says(words) {
      for (let count = 0; count < 60; count += 1) {
        if (words.test(await host.locator(".widget-status").innerText())) return true;
        await frame(page);
      }
      return false;
    },
  };
}
