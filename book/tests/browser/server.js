// A folder on a loopback address, as a server of static pages would give it out.

import { createServer } from "node:http";
import { readFile, stat } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

/**
 * Serves `folder` until `close` is called. `changed` maps a path to the text that is served in the
 * place of its file.
 */
export async function serve(folder, changed = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://site").pathname);
    const found = await read(folder, path.endsWith("/") ? `${path}index.html` : path, changed);
    const { body, type } = found ?? (await read(folder, "/404.html", changed)) ?? { body: "" };
    response.writeHead(found ? 200 : 404, { "Content-Type": type ?? TYPES[".html"] });
    response.end(body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((closed) => server.close(closed).closeAllConnections()),
  };
}

async function read(folder, path, changed) {
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  if (path in changed) return { body: changed[path], type };
  const file = join(folder, normalize(path));
  const isFile = await stat(file).then((found) => found.isFile(), () => false);
  return isFile ? { body: await readFile(file), type } : null;
}
