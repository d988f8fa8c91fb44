// Serves index.html on loopback with a bundle and a case, opens it in a Chromium without a window, and prints the page's line.
//
//	node run.mjs BUNDLE CASE
//
// CASE is a folder that examples/cases writes. The browser is the first of chromium, chromium-browser and google-chrome on the PATH.
import { spawn, spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const [bundle, folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node run.mjs BUNDLE CASE");
  process.exit(64);
}
const browser = ["chromium", "chromium-browser", "google-chrome"].find((name) => spawnSync(name, ["--version"]).status === 0);
if (!browser) {
  console.error("no Chromium is on the PATH: install chromium");
  process.exit(1);
}
const here = dirname(fileURLToPath(import.meta.url));
const places = { bundle, case: folder, javascript: join(here, "../javascript"), node_modules: join(here, "node_modules") };
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

/** The file of a request: the page, or one of the folders above. */
function file(path) {
  const [first, ...rest] = normalize(decodeURIComponent(path)).split("/").slice(1);
  return places[first] ? join(places[first], ...rest) : join(here, "index.html");
}

const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  if (request.method === "POST" && path === "/result") {
    request.setEncoding("utf8").on("data", (text) => (request.text = (request.text ?? "") + text));
    request.on("end", () => {
      response.end();
      end(JSON.parse(request.text));
    });
    return;
  }
  const name = file(path);
  if (!statSync(name, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": types[extname(name)] ?? "application/octet-stream" });
  createReadStream(name).pipe(response);
});

const profile = mkdtempSync(join(tmpdir(), "chromium-"));
server.listen(0, "127.0.0.1", () => {
  const page = `http://127.0.0.1:${server.address().port}/`;
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : []; // Chromium has no sandbox for root
  const child = spawn(browser, ["--headless", "--disable-gpu", `--user-data-dir=${profile}`, ...root, page], { stdio: "ignore" });
  const late = setTimeout(() => end({ line: "the page has not answered for two minutes", same: false }), 120_000);
  child.on("exit", () => end({ line: `${browser} ended before the page answered`, same: false }));
  server.on("close", () => clearTimeout(late) ?? child.kill());
  child.on("close", () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
});

let ended = false;
function end({ line, same }) {
  if (ended) return;
  ended = true;
  console.log(line);
  process.exitCode = same ? 0 : 1;
  server.close();
  server.closeAllConnections();
}
