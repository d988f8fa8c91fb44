// Runs ONNX graphs on onnxruntime-web in a Chromium without a window, as runtimes.py asks: node peer-web.mjs onnxruntime-web JOBS.json FROM.
// See peer.py. The page asks for each job and sends back what came out.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const [name, file, from] = process.argv.slice(2);
const jobs = JSON.parse(readFileSync(file, "utf8"));
const page = `<!doctype html><script type="module">
import * as ort from "/dist/ort.wasm.min.mjs";
const types = { float32: Float32Array, uint8: Uint8Array };
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
ort.env.logLevel = "fatal";
for (let i = ${Number(from)}; ; i++) {
  const job = await (await fetch("/job/" + i)).json();
  if (!job) break;
  let line = "ok";
  try {
    const session = await ort.InferenceSession.create(await bytes("/graph/" + i), { executionProviders: ["wasm"] });
    const raw = await bytes("/input/" + i);
    const made = await session.run({ [job.input]: new ort.Tensor(job.dtype, new types[job.dtype](raw.buffer), job.shape) }, job.outputs.map(([output]) => output));
    for (const [k, [output]] of job.outputs.entries()) await fetch("/output/" + i + "/" + k, { method: "POST", body: made[output].data });
  } catch (error) {
    line = String(error);
  }
  await fetch("/line", { method: "POST", body: line });
}
await fetch("/end", { method: "POST" });
</script>`;

function answer(request, body) {
  const [what, i, k] = request.url.split("?")[0].split("/").slice(1);
  switch (what) {
    case "":
      return [page, "text/html"];
    case "job":
      return [JSON.stringify(jobs[i] ?? null), "application/json"];
    case "graph":
      return [readFileSync(jobs[i].graph)];
    case "input":
      return [readFileSync(jobs[i].file)];
    case "dist":
      return [readFileSync(join("node_modules", name, "dist", basename(i))), i.endsWith("js") ? "text/javascript" : "application/wasm"];
    case "output":
      writeFileSync(jobs[i].outputs[k][1], body);
      return [""];
    case "line":
      console.log(body.toString().replace(/\s+/g, " ").slice(0, 2000));
      return [""];
    case "end":
      setTimeout(() => child.kill());
      return [""];
  }
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const [body, type = "application/octet-stream"] = answer(request, Buffer.concat(parts)) ?? [];
    response.writeHead(body === undefined ? 404 : 200, { "Content-Type": type }).end(body);
  });
});
let child;
const profile = mkdtempSync(join(tmpdir(), "chromium-"));
server.listen(0, "127.0.0.1", () => {
  const browser = ["chromium", "chromium-browser", "google-chrome"].find((b) => spawnSync(b, ["--version"]).status === 0);
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  child = spawn(browser, ["--headless", "--disable-gpu", `--user-data-dir=${profile}`, ...root, `http://127.0.0.1:${server.address().port}/`], { stdio: "ignore" });
  child.on("close", () => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    process.exit(0);
  });
});
