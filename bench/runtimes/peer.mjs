// Runs ONNX graphs on onnxruntime-node or onnxruntime-web, as runtimes.py asks: node peer.mjs PACKAGE JOBS.json FROM. See peer.py.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [name, jobs, from] = process.argv.slice(2);
const ort = createRequire(`${process.cwd()}/`)(name);
const types = { float32: Float32Array, uint8: Uint8Array };
for (const job of JSON.parse(readFileSync(jobs, "utf8")).slice(Number(from))) {
  let line = "ok";
  try {
    const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(job.graph)), { executionProviders: [name.endsWith("web") ? "wasm" : "cpu"], logSeverityLevel: 4 });
    const bytes = new Uint8Array(readFileSync(job.file));
    const made = await session.run({ [job.input]: new ort.Tensor(job.dtype, new types[job.dtype](bytes.buffer), job.shape) }, job.outputs.map(([output]) => output));
    for (const [output, path] of job.outputs) {
      const { data } = made[output];
      writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  } catch (error) {
    line = String(error).replace(/\s+/g, " ").slice(0, 2000);
  }
  console.log(line);
}
