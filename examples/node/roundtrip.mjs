// Encodes rows with a catvae bundle and decodes their codes, by onnxruntime-node.
//
//	node roundtrip.mjs BUNDLE CASE
//
// CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.
import { existsSync, readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { roundtrip } from "../javascript/roundtrip.mjs";

const [bundle, folder] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node roundtrip.mjs BUNDLE CASE");
  process.exit(64);
}
const open = (name) => ort.InferenceSession.create(`${bundle}/${name}.onnx`);
const sessions = { encoder: await open("encoder"), threshold: await open("threshold"), decoder: await open("decoder") };
const read = async (name) => (existsSync(`${folder}/${name}`) ? new Uint8Array(readFileSync(`${folder}/${name}`)) : undefined);
const manifest = JSON.parse(readFileSync(`${bundle}/manifest.json`, "utf8"));
const { line, same } = await roundtrip(ort, manifest, sessions, read);
console.log(line);
process.exitCode = same ? 0 : 1;
