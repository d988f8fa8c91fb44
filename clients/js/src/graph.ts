/**
 * Graphs: bytes of ONNX that may come from anywhere. A model file can name other files that onnxruntime would read, and operators outside
 * ONNX's own. Both are looked for in the protobuf itself: fields are (number << 3 | type), and of what is not looked at the length is enough.
 */

import { BundleError } from "./errors.js";

// Numbers of fields in onnx.proto.
const model = { graph: 7, functions: 25 };
const graphs = { node: 1, initializer: 5, sparse: 15 };
const node = { attribute: 5, domain: 7 };
const attribute = { tensor: 5, graph: 6, tensors: 10, graphs: 11 };
const tensor = { external: 13, location: 14 };
const deepest = 50;

class Damaged extends Error {}

type Field = [number: number, value: number | Uint8Array | undefined];

/** Refuses a graph that would read other files, or that needs operators of somebody else's. */
export function checkGraph(name: string, data: Uint8Array): void {
  try {
    for (const [number, value] of fields(data)) {
      if (number === model.functions) throw new BundleError(`${name} has functions, which no graph of a bundle has`);
      if (number === model.graph) inGraph(name, message(value), 0);
    }
  } catch (e) {
    if (e instanceof Damaged) throw new BundleError(`${name} is no ONNX model: it is cut short or damaged`);
    throw e;
  }
}

function inGraph(name: string, graph: Uint8Array, depth: number): void {
  if (depth > deepest) throw new BundleError(`${name} has graphs within graphs, more than ${deepest} deep`);
  for (const [number, value] of fields(graph)) {
    if (number === graphs.initializer) inTensor(name, message(value));
    if (number === graphs.sparse) throw new BundleError(`${name} has sparse weights, which no graph of a bundle has`);
    if (number !== graphs.node) continue;
    for (const [key, part] of fields(message(value))) {
      if (key === node.domain) {
        const domain = new TextDecoder().decode(message(part));
        if (domain !== "" && domain !== "ai.onnx") throw new BundleError(`${name} has operators of ${JSON.stringify(domain.slice(0, 100))}: bundles have ONNX's own alone`);
      }
      if (key === node.attribute) inAttribute(name, message(part), depth);
    }
  }
}

function inAttribute(name: string, data: Uint8Array, depth: number): void {
  for (const [number, value] of fields(data)) {
    if (number === attribute.tensor || number === attribute.tensors) inTensor(name, message(value));
    if (number === attribute.graph || number === attribute.graphs) inGraph(name, message(value), depth + 1);
  }
}

function inTensor(name: string, data: Uint8Array): void {
  for (const [number, value] of fields(data)) {
    if (number === tensor.external || (number === tensor.location && value !== 0)) throw new BundleError(`${name} keeps data in other files, which no bundle may`);
  }
}

function message(value: number | Uint8Array | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Damaged();
}

/** The fields of a message: a number for each of type 0, the bytes for each of type 2. */
function* fields(data: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1, i = 0; i < 10; i++, scale *= 128) {
      if (at >= data.length) throw new Damaged();
      const byte = data[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Damaged();
  };
  while (at < data.length) {
    const key = varint();
    const kind = key % 8;
    let value: number | Uint8Array | undefined;
    if (kind === 0) value = varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const size = varint();
      value = data.subarray(at, at + size);
      at += size;
    } else throw new Damaged();
    if (at > data.length) throw new Damaged();
    yield [Math.floor(key / 8), value];
  }
}
