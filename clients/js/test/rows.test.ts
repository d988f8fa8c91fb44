/** Rows of every type, what is no row or no bundle, and how it is said. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as ort from "onnxruntime-node";
import { BundleError, distances, hamming, InputError, load, pictureRow, search } from "../dist/node.js";
import { Bundles, missing, names } from "./kinds.js";

const skip = missing() ?? false;
const bundles = new Bundles();
const work = mkdtempSync(join(tmpdir(), "catvae-js-"));
after(() => {
  bundles.close();
  rmSync(work, { recursive: true });
});

test("distances and searches", () => {
  const a = Uint8Array.of(0xff, 0x0f);
  assert.equal(hamming(a, Uint8Array.of(0x0f, 0x0f)), 4);
  assert.throws(() => hamming(a, Uint8Array.of(1)), /of different models/);
  const many = Uint8Array.from({ length: 6000 }, (_, i) => (i * 7919) % 5);
  const all = [...distances(many, a)].map((distance, row) => ({ row, distance }));
  const want = all.sort((x, y) => x.distance - y.distance || x.row - y.row);
  for (const k of [1, 7, 2999, 5000]) assert.deepEqual(search(many, a, k), want.slice(0, k));
  assert.throws(() => search(many, a, 0), /k is 0/);
  assert.throws(() => distances(Uint8Array.of(1, 2, 3), a), /no whole number/);
});

test("pictures become the rows that are written down", () => {
  const cases = JSON.parse(readFileSync(new URL("../../../picture/testdata/rows.json", import.meta.url), "utf8"));
  assert.ok(cases.length >= 200);
  for (const c of cases) {
    const data = Buffer.from(c.rgba, "base64");
    const got = pictureRow({ height: c.pixels[0], width: c.pixels[1], data }, c.shape, c.image);
    assert.deepEqual(Buffer.from(got), Buffer.from(c.row, "base64"), c.file);
  }
});

test("types of rows", { skip }, async () => {
  const model = await load(bundles.train("bernoulli"), { ort });
  const { data: rows } = bundles.rows("pictures");
  const codes = await model.encode(rows);
  const grey = (row: Uint8Array) => ({ width: 6, height: 8, data: Uint8Array.from(row, (x) => x).reduce<number[]>((all, x) => [...all, x, x, x, 255], []) });
  const some = Array.from({ length: 20 }, (_, i) => rows.subarray(i * 48, (i + 1) * 48) as Uint8Array);
  for (const same of [Float32Array.from(rows), Array.from(rows), new Uint8ClampedArray(rows)]) assert.deepEqual(await model.encode(same), codes);
  for (const same of [some, some.map((r) => Array.from(r)), some.map(grey)]) assert.deepEqual(await model.encode(same), codes.slice(0, 20 * model.bytes));
  assert.deepEqual(await model.encode(grey(some[0]!)), codes.slice(0, model.bytes));
  assert.equal((await model.encode([])).length, 0);
  const both = await Promise.all([model.encode(rows), model.encode(rows)]);
  assert.deepEqual(both, [codes, codes]);
});

test("tables by the names of their columns", { skip }, async () => {
  const model = await load(bundles.train("table"), { ort });
  const { data } = bundles.rows("table");
  const table = Array.from({ length: 30 }, (_, i) => Object.fromEntries(names.map((n, j) => [n, data[6 * i + j]!]).reverse()) as Record<string, number>);
  assert.deepEqual(await model.encode(table), (await model.encode(data)).slice(0, 30 * model.bytes));
  await assert.rejects(model.encode([{ share: 1 }]), /row 0 has no "balance", which the model was trained on/);
  await assert.rejects(model.encode([{ ...table[0]!, income: NaN }]), /row 0, column 2 \(income\) is NaN: values must be finite numbers/);
  await assert.rejects(model.encode([{ ...table[0]!, income: "3" as unknown as number }]), /"income" as a string/);
});

test("what is no row", { skip }, async () => {
  const model = await load(bundles.train("bernoulli"), { ort });
  const bad: [unknown, RegExp][] = [
    [new Float32Array(47), /47 values are no whole number of rows of 48: the model takes rows of shape 8x6/],
    [new Float32Array(48).fill(0.5), /row 0, column 0 is 0.5: .*whole numbers/],
    [Array(96).fill(1, 0, 95).fill(256, 95), /row 1, column 47 is 256/],
    [Array(48).fill(-1), /is -1/],
    [Array(48).fill("1"), /give an array|is a string/],
    [[[1, 2]], /row 0 has 2 values, the model takes 48/],
    [[Array(48).fill([1])], /row 0, column 0 is a object/],
    [[null], /row 0 is a null/],
    [3, /rows are a number/],
    [{ width: 6, height: 7, data: new Uint8Array(4 * 42) }, /row 0 has 7x6 pixels/],
    [{ width: 6, height: 8, data: new Uint8Array(48) }, /48 numbers for 8x6 pixels/],
    [new BigInt64Array(48), /is a bigint/],
  ];
  for (const [rows, message] of bad) await assert.rejects(model.encode(rows as number[]), (e: Error) => e instanceof InputError && message.test(e.message), String(message));
  const steps = await load(bundles.train("steps"), { ort });
  await assert.rejects(steps.encode(new Float32Array(22).fill(1, 0, 11)), /row 1: it has the length 0.*no direction/);
  const mixed = await load(bundles.train("mixed"), { ort });
  await assert.rejects(mixed.decode(Uint8Array.of(0, 0, 1)), /code 0 is none of this model/);
  await assert.rejects(mixed.decode(Uint8Array.of(255, 255, 128)), /code 0 is none of this model/);
  await assert.rejects(mixed.decode(Uint8Array.of(1)), /no whole number of codes of 3/);
  await assert.rejects(mixed.decode(new Float32Array(17).fill(2)), /codes are 0 and 1, or between them/);
});

test("what is no bundle", { skip }, async () => {
  const good = join(bundles.train("bernoulli"), "bundle");
  const manifest = JSON.parse(readFileSync(join(good, "manifest.json"), "utf8"));
  const copy = join(work, "changed");
  cpSync(good, copy, { recursive: true });
  const cases: [(m: any) => void, RegExp][] = [
    [(m) => (m.format_version = "2.0"), /use a newer catvae/],
    [(m) => (m.format_version = 1), /MAJOR.MINOR/],
    [(m) => (m.likelihood = "student"), /likelihood "student", this package knows/],
    [(m) => (m.latent.kind = "poisson"), /latent.kind "poisson"/],
    [(m) => (m.latent.variables = 12), /shape 1x11|shape 240x11|manifest says/],
    [(m) => (m.latent = 3), /manifest.json/],
    [(m) => (m.input.shape = [0]), /input.shape/],
    [(m) => (m.input.image = { resize: "lanczos" }), /input.image.resize "lanczos"/],
    [(m) => (m.outputs = ["attention"]), /outputs "attention"/],
    [(m) => (m.files["../x"] = { sha256: "0", size: 1 }), /leaves the folder/],
    [(m) => (m.files["decoder.onnx"].sha256 = "0".repeat(64)), /decoder.onnx is not the file/],
  ];
  for (const [change, message] of cases) {
    const changed = structuredClone(manifest);
    change(changed);
    writeFileSync(join(copy, "manifest.json"), JSON.stringify(changed));
    await assert.rejects(
      load(copy, { ort }).then((m) => m.encode(new Uint8Array(48))),
      (e: Error) => e instanceof BundleError && message.test(e.message) && !e.message.includes("\n"),
      String(message),
    );
  }
  await assert.rejects(load(work, { ort }), /is no bundle: it has no manifest.json/);
  await assert.rejects(load(good, { ort, variant: "int8" }), /no variant "int8", it has float32/);
  await assert.rejects(load(good, {} as any), /options.ort is missing/);
});

test("a bundle behind a URL", { skip }, async () => {
  const folder = join(bundles.train("bernoulli"), "bundle");
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, request.url!.replace("/models/", ""))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const { data: rows } = bundles.rows("pictures");
  const model = await load(`${base}/models`, { ort });
  assert.deepEqual(await model.encode(rows), await (await load(folder, { ort })).encode(rows));
  await assert.rejects(load(`${base}/nothing/`, { ort }), /manifest.json cannot be fetched: 404/);
  await new Promise((closed) => server.close(closed));
});
