/** What this package makes of rows is what infer makes of them, for every kind of bundle, by onnxruntime-node and onnxruntime-web. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { hamming, InputError, load, type Model, type Runtime } from "../dist/node.js";
import { Bundles, kinds, missing, near } from "./kinds.js";

const skip = missing() ?? false;
const bundles = new Bundles();
after(() => bundles.close());
web.env.wasm.numThreads = 1; // threads would keep Node from ending

const runtimes: Record<string, Runtime> = { "onnxruntime-node": node, "onnxruntime-web": web };

/** Codes are equal, except in bits whose logit lies within rounding of a decision: very few. */
function same(model: Model, mine: Uint8Array, theirs: ArrayLike<number>): void {
  assert.equal(mine.length, theirs.length);
  const different = hamming(mine, theirs as Uint8Array);
  assert.ok(different <= (2e-4 * mine.length * model.bits) / model.bytes, `${different} bits of ${8 * mine.length}`);
}

for (const [name, ort] of Object.entries(runtimes)) {
  for (const [kind, [data]] of Object.entries(kinds)) {
    test(`${kind}, ${name}`, { skip }, async () => {
      const run = bundles.train(kind);
      const model = await load(run, { ort, batch: 100 });
      const { data: rows } = bundles.rows(data);
      const codes = await model.encode(rows);
      same(model, codes, bundles.infer(run, bundles.data(data)).data);
      near(await model.reconstruct(rows), bundles.infer(run, bundles.data(data), "--mode=reconstruct").data, 1e-4, "reconstruction");
      near(await model.decode(await model.codes(rows)), await model.reconstruct(rows), 1e-5, "decoded codes");
      assert.deepEqual(model.pack(model.unpack(codes)), codes);
      if (kind === "predicted") {
        await assert.rejects(model.score(rows), /has no scores/);
      } else {
        near(await model.score(rows), bundles.infer(run, bundles.data(data), "--mode=score").data, 1e-4, "score");
      }
      if (["thresholds", "mixed", "search"].includes(kind)) near(await model.query(rows), bundles.infer(run, bundles.data(data), "--codes=query").data, 1e-4, "query");
      await model.close();
    });
  }

  for (const variant of ["int8", "uint8", "float16"]) {
    test(`${variant}, ${name}`, { skip }, async () => {
      const bundle = bundles.variants();
      const model = await load(bundle, { ort, variant });
      const { data: rows } = bundles.rows("pictures");
      const theirs = bundles.infer(bundle, bundles.data("pictures"), `--variant=${variant}`).data;
      const codes = await model.encode(rows);
      assert.ok(hamming(codes, theirs as Uint8Array) <= 0.005 * 8 * codes.length);
      near(await model.score(rows), bundles.infer(bundle, bundles.data("pictures"), "--mode=score").data, 0.1, "score");
      if (variant !== "float16") await assert.rejects(model.encode(Float32Array.from(rows)), (e: Error) => e instanceof InputError && /takes rows of bytes/.test(e.message));
      await model.close();
    });
  }
}
