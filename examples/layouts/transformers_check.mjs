// Loads a folder by transformers.js and wants infer's codes.
//
//   node transformers_check.mjs FOLDER rows.npy codes.npy
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { AutoModel, Tensor, env } from "@huggingface/transformers";

const [folder, rowsFile, codesFile] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(folder)) + "/";

/** Reads an NPY file of float32 or bytes. */
function npy(file) {
  const bytes = readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + length);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((s) => s.trim()).map(Number);
  const data = bytes.subarray(10 + length);
  return { shape, data: header.includes("<f4") ? new Float32Array(new Uint8Array(data).buffer) : new Uint8Array(data) };
}

const rows = npy(rowsFile);
const codes = npy(codesFile);
const model = await AutoModel.from_pretrained(basename(folder));
const input = model.sessions.model.inputNames[0];
const { packed_code: packed } = await model({ [input]: new Tensor("float32", rows.data, rows.shape) });
const same = packed.data.length === codes.data.length && packed.data.every((b, i) => b === codes.data[i]);
if (!same) throw new Error("transformers.js gives other codes");
console.log(`transformers.js ${env.version}: ${codes.shape[0]} codes as infer's`);
