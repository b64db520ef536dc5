// The machine's own Chromium: nothing is downloaded.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const ELSEWHERE = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Starts the browser, or says how to get one. */
export async function launch() {
  const executablePath = process.env.CHROME || process.env.CHROMIUM || onPath();
  if (!executablePath) {
    throw new Error(
      "no Chromium here: install it (Debian: `apt-get install chromium`), or name one by " +
        "`CHROME=/path/to/chrome`",
    );
  }
  // The site is trusted and on a loopback address. Root, as in containers, has no sandbox.
  const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"];
  const chromiumSandbox = process.getuid?.() !== 0;
  return chromium.launch({ executablePath, args, chromiumSandbox });
}

function onPath() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const places = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...places, ...ELSEWHERE].find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
