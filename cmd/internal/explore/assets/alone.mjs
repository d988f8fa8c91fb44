// The engine of a page that stands alone: onnxruntime-web runs the graphs, which lie in the page with rows and codes. Nothing is fetched, and
// no worker is started.
import { row } from "./pictures.mjs";

const AT_ONCE = 256; // codes in one run

export class Alone {
  constructor(info, latent, target) {
    this.info = info;
    this.latent = latent;
    this.target = target;
    this.codesAtOnce = 512; // codes that one question of the atlas is about
  }

  async start() {
    const script = URL.createObjectURL(new Blob([await unpacked("ort.mjs")], { type: "text/javascript" }));
    this.ort = await import(script);
    URL.revokeObjectURL(script);
    Object.assign(this.ort.env.wasm, { numThreads: 1, proxy: false, wasmBinary: (await unpacked("ort.wasm")).buffer });
    const graph = async (name) => this.ort.InferenceSession.create(await unpacked(`${name}.onnx`), { executionProviders: ["wasm"] });
    this.encoder = await graph("encoder");
    this.thresholds = await graph("threshold");
    this.decoder = await graph("decoder");
    if (held("layers.onnx")) this.layers = await graph("layers");
    if (this.info.rows) this.held = new Float32Array((await unpacked("rows")).buffer);
    if (this.info.codes) this.packed = await unpacked("codes");
  }

  async encode(rows, count) {
    const sample = new this.ort.Tensor("float32", Float32Array.from(rows), [count, ...this.target.rowShape]);
    const { latent_logits } = await this.encoder.run({ sample }, ["latent_logits"]);
    const { code } = await this.thresholds.run({ latent_logits }, ["code"]);
    return { codes: code.data, logits: latent_logits.data };
  }

  async threshold(logits, count) {
    const { bits, groups } = this.latent;
    const shape = groups.length > 1 ? [this.latent.logits] : groups[0].logits > 1 ? [groups[0].variables, groups[0].logits] : [bits];
    const latent_logits = new this.ort.Tensor("float32", Float32Array.from(logits), [count, ...shape]);
    return (await this.thresholds.run({ latent_logits }, ["code"])).code.data;
  }

  async decode(codes, count) {
    const out = new Float32Array(count * this.target.size);
    for (let at = 0; at < count; at += AT_ONCE) {
      const n = Math.min(AT_ONCE, count - at);
      const { reconstruction } = await this.decoder.run({ code: this.tensor(codes, at, n) }, ["reconstruction"]);
      out.set(reconstruction.data, at * this.target.size);
    }
    return out;
  }

  sample(count, seed) {
    return this.latent.sample(count, seed, async (codes, n) => (await this.layers.run({ code: this.tensor(codes, 0, n) }, ["prior_logits"])).prior_logits.data);
  }

  /** What each bit of some variables does: see explorer.go. */
  async atlas(codes, count, first, variables) {
    const parts = [];
    for (let v = first; v < first + variables; v++) {
      const { kind, from, of } = this.latent.place(v);
      const means = [];
      for (let value = 0; value < Math.max(2, of); value++) {
        const changed = Float32Array.from(codes);
        for (let r = 0; r < count; r++) {
          const code = changed.subarray(r * this.latent.bits + from, r * this.latent.bits + from + of);
          if (of === 1) code[0] = this.latent.values(kind)[value];
          else code.fill(0)[value] = 1;
        }
        const mean = new Float64Array(this.target.size);
        (await this.decode(changed, count)).forEach((x, i) => (mean[i % mean.length] += x / count));
        means.push(mean);
      }
      if (of === 1) parts.push(means[1].map((x, i) => x - means[0][i]));
      else for (const mean of means) parts.push(mean.map((x, i) => x - means.reduce((sum, m) => sum + m[i] / of, 0)));
    }
    return Float32Array.from(parts.flatMap((p) => Array.from(p)));
  }

  async picture(file) {
    const { input } = this.info.manifest;
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(() => {
      throw new Error("this is no picture that the browser can read");
    });
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const to = canvas.getContext("2d");
    to.drawImage(bitmap, 0, 0);
    const bytes = row(to.getImageData(0, 0, bitmap.width, bitmap.height), input);
    return Float32Array.from(bytes, (b) => this.info.bytes[b]);
  }

  async rows(first, count) {
    return this.held.slice(first * this.target.rowSize, (first + count) * this.target.rowSize);
  }

  async code(at) {
    return this.packed.slice(at * this.latent.bytes, (at + 1) * this.latent.bytes);
  }

  async nearest(packed, k) {
    const { codes } = this.info;
    const size = this.latent.bytes;
    const distances = new Uint32Array(codes.count);
    for (let i = 0; i < codes.count; i++) {
      for (let j = 0; j < size; j++) distances[i] += ones(packed[j] ^ this.packed[i * size + j]);
    }
    const order = Array.from(distances.keys()).sort((a, b) => distances[a] - distances[b] || a - b);
    return order.slice(0, k).map((at) => ({ code: at, name: codes.names?.[at] ?? String(at), distance: distances[at], row: codes.rows[at] }));
  }

  tensor(codes, at, count) {
    const { bits, groups } = this.latent;
    const shape = groups.length > 1 || groups[0].of === 1 ? [bits] : [groups[0].variables, groups[0].of];
    return new this.ort.Tensor("float32", codes.slice(at * bits, (at + count) * bits), [count, ...shape]);
  }
}

function held(name) {
  return document.getElementById(`part-${name}`);
}

/** The bytes of a part of the page. */
async function unpacked(name) {
  const bytes = Uint8Array.from(atob(held(name).textContent), (c) => c.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

/** How many bits of a byte are 1. */
function ones(byte) {
  byte -= (byte >> 1) & 0x55;
  byte = (byte & 0x33) + ((byte >> 2) & 0x33);
  return (byte + (byte >> 4)) & 0x0f;
}
