/** The package in Chromium, with onnxruntime-web: codes and scores are those of Node. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { load } from "../dist/node.js";
import { Bundles, missing } from "./kinds.js";

const bundles = new Bundles();
after(() => bundles.close());
const root = fileURLToPath(new URL("..", import.meta.url));

function chromium(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      continue;
    }
  }
  return undefined;
}

const browser = chromium();

/** What the page does. It sends what it found, or its error. */
const page = `<!doctype html><script type="importmap">{"imports": {"catvae": "/dist/index.js"}}</script><script type="module">
const send = (found) => fetch("/found", { method: "POST", body: JSON.stringify(found) });
try {
  const ort = await import("/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs");
  const { load } = await import("catvae");
  ort.env.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
  ort.env.wasm.numThreads = 1;
  const model = await load("bundle", { ort });
  const rows = new Uint8Array(await (await fetch("/rows")).arrayBuffer());
  const canvas = new OffscreenCanvas(6, 8).getContext("2d");
  const picture = canvas.createImageData(6, 8);
  for (let i = 0; i < 48; i++) picture.data.set([rows[i], rows[i], rows[i], 255], 4 * i);
  await send({ codes: [...await model.encode(rows)], one: [...await model.encode(picture)], scores: [...await model.score(rows)] });
} catch (e) {
  await send({ error: String(e) });
}
</script>`;

const types: Record<string, string> = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };

test("Chromium", { skip: missing() ?? (browser ? false : "there is no Chromium"), timeout: 120_000 }, async () => {
  const { data: rows } = bundles.rows("pictures");
  const folder = join(bundles.train("thresholds"), "bundle");
  let found: (value: any) => void;
  const answer = new Promise<any>((resolve) => (found = resolve));
  const server = createServer(async (request, response) => {
    const url = request.url!;
    if (url === "/found") {
      let text = "";
      for await (const part of request) text += part;
      found(JSON.parse(text));
      response.end();
      return;
    }
    const file = url.startsWith("/bundle/") ? join(folder, url.slice(8)) : join(root, url);
    response.setHeader("Content-Type", types[extname(url)] ?? "text/html");
    if (url === "/") response.end(page);
    else if (url === "/rows") response.end(rows);
    else if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const profile = mkdtempSync(join(tmpdir(), "catvae-chromium-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, `http://127.0.0.1:${(server.address() as { port: number }).port}/`];
  const process = spawn(browser!, flags, { stdio: "ignore", detached: true });
  const ended = new Promise((resolve) => process.once("exit", resolve));
  try {
    const got = await Promise.race([answer, ended.then(() => ({ error: "Chromium ended" }))]);
    assert.equal(got.error, undefined);
    const model = await load(folder, { ort });
    const codes = await model.encode(rows);
    assert.deepEqual(got.codes, Array.from(codes));
    assert.deepEqual(got.one, Array.from(codes.slice(0, model.bytes)));
    (await model.score(rows)).forEach((s, i) => assert.ok(Math.abs(s - got.scores[i]) <= 1e-4 * Math.abs(s), `score ${i} is ${got.scores[i]}, want ${s}`));
  } finally {
    try {
      globalThis.process.kill(-process.pid!, "SIGKILL"); // its children, too
    } catch {
      // it has ended
    }
    await ended;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
