/** Bundles of every kind, each trained by the program in about a second, and what infer makes of rows with them. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const rows = 240;

/** What is trained, by a name: the data, and the flags. The Python package's tests have the same. */
export const kinds: Record<string, [data: string, ...settings: string[]]> = {
  bernoulli: ["pictures"],
  thresholds: ["pictures", "latent.thresholds=median", "latent.prior=learned"],
  categorical: ["pictures", "latent.kind=categorical", "latent.variables=7", "latent.categories=5"],
  mixed: ["pictures", "latent.kind=mixed", "latent.groups=bernoulli:5,categorical:3x4"],
  gaussian: ["pictures", "latent.kind=gaussian", "latent.variables=6"],
  layers: ["pictures", "latent.kind=hierarchical", "latent.groups=bernoulli:9,categorical:3x4", "encoder.hidden=", "decoder.hidden="],
  logistic: ["pictures", "likelihood.kind=logistic", "data.binarize=none"],
  levels: ["levels", "likelihood.kind=categorical", "likelihood.levels=4", "data.binarize=none"],
  table: ["table", "likelihood.kind=gaussian", "data.standardise=column", "data.binarize=none"],
  laplace: ["vectors", "likelihood.kind=laplace", "likelihood.variance=predicted", "data.standardise=all", "data.binarize=none"],
  direction: ["vectors", "likelihood.kind=vmf", "data.binarize=none"],
  steps: ["vectors", "likelihood.kind=gaussian", "data.vector.steps=normalise,centre", "data.vector.truncate=7", "data.binarize=none"],
  counts: ["counts", "likelihood.kind=multinomial", "data.standardise=log", "data.binarize=none"],
  poisson: ["counts", "likelihood.kind=poisson", "data.standardise=log", "data.binarize=none"],
  search: ["vectors", "config=rq", "latent.variables=3", "latent.categories=8"],
  predicted: ["table", "likelihood.kind=gaussian", "data.standardise=column", "data.predict=2", "data.binarize=none"],
};

/** Numbers that are as good as random, the same each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Rows of a few hidden causes each. */
function caused(width: number, seed: number): number[][] {
  const next = random(seed);
  const weights = Array.from({ length: 4 * width }, () => 2 * next() - 1);
  return Array.from({ length: rows }, () => {
    const causes = Array.from({ length: 4 }, () => 2 * next() - 1);
    return Array.from({ length: width }, (_, i) => causes.reduce((sum, c, j) => sum + c * weights[4 * i + j]!, 0.1));
  });
}

export const names = ["share", "balance", "income", "rate", "age", "height"];

const made: Record<string, () => Npy | number[][]> = {
  pictures: () => ({ shape: [rows, 8, 6], data: Uint8Array.from(caused(48, 1).flat(), (x) => Math.min(Math.max(128 + 90 * x, 0), 255)) }),
  levels: () => ({ shape: [rows, 8, 6], data: Uint8Array.from(caused(48, 1).flat(), (x) => Math.min(Math.max(2 + 1.5 * x, 0), 3)) }),
  vectors: () => ({ shape: [rows, 11], data: Float32Array.from(caused(11, 2).flat()) }),
  counts: () => ({ shape: [rows, 9], data: Float64Array.from(caused(9, 3).flat(), (x, i) => Math.round(Math.exp(2 * x)) + (i % 9 === 0 ? 1 : 0)) }),
  table: () => caused(6, 4).map((row) => row.map((x, i) => x * [1, 10, 1000, 0.01, 1, 5][i]! + [0, -5, 90000, 0, 1, 170][i]!)),
};

export interface Npy {
  shape: number[];
  data: Uint8Array | Float32Array | Float64Array;
}

export function readNpy(path: string): Npy {
  const file = readFileSync(path);
  const start = file.readUInt16LE(8) + 10;
  const header = file.toString("latin1", 10, start);
  const shape = /'shape': \(([^)]*)\)/.exec(header)![1]!.split(",").filter((s) => s.trim()).map(Number);
  const bytes = new Uint8Array(file.subarray(start)).buffer;
  const types: Record<string, () => Npy["data"]> = {
    "|u1": () => new Uint8Array(bytes), "<f4": () => new Float32Array(bytes), "<f8": () => new Float64Array(bytes), "<i8": () => Float64Array.from(new BigInt64Array(bytes), Number),
  };
  return { shape, data: types[/'descr': '([^']*)'/.exec(header)![1]!]!() };
}

function writeNpy(path: string, { shape, data }: Npy): void {
  const type = data instanceof Uint8Array ? "|u1" : data instanceof Float32Array ? "<f4" : "<f8";
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11 + 0) + "\n";
  const head = Buffer.from([0x93, 78, 85, 77, 80, 89, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([head, Buffer.from(header, "latin1"), new Uint8Array(data.buffer)]));
}

const kept = process.env.CATVAE_TEST_BUNDLES;

/** Why the programs are not here; undefined where they are. */
export function missing(): string | undefined {
  try {
    run("infer", "--version");
    return undefined;
  } catch {
    if (process.env.CATVAE_NO_SKIP === "1") throw new Error("the programs catvae and infer are on no PATH, nor in the folder CATVAE_PROGRAMS");
    return "the programs catvae and infer are on no PATH, nor in the folder CATVAE_PROGRAMS";
  }
}

function run(program: string, ...flags: string[]): void {
  const path = process.env.CATVAE_PROGRAMS ? join(process.env.CATVAE_PROGRAMS, program) : program;
  execFileSync(path, flags, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Trains bundles as they are asked for, in a folder that is kept where CATVAE_TEST_BUNDLES names it, and runs infer. */
export class Bundles {
  private readonly inferred = new Map<string, Npy>();
  readonly folder = kept ?? mkdtempSync(join(tmpdir(), "catvae-js-"));

  close(): void {
    if (!kept) rmSync(this.folder, { recursive: true });
  }

  data(name: string): string {
    const path = join(this.folder, `${name}.${name === "table" ? "csv" : "npy"}`);
    if (existsSync(path)) return path;
    const all = made[name]!();
    if (Array.isArray(all)) writeFileSync(path, [names, ...all].map((row) => row.join(",") + "\n").join(""));
    else writeNpy(path, all);
    return path;
  }

  rows(name: string): Npy {
    if (name !== "table") return readNpy(this.data(name));
    const lines = readFileSync(this.data(name), "utf8").trim().split("\n").slice(1);
    return { shape: [lines.length, names.length], data: Float64Array.from(lines.flatMap((l) => l.split(",").map(Number))) };
  }

  train(kind: string): string {
    const out = join(this.folder, kind);
    if (existsSync(join(out, "bundle"))) return out;
    const [data, ...settings] = kinds[kind]!;
    const given = new Set(settings.map((s) => s.split("=")[0]!));
    const small = given.has("config") ? [] : ["encoder.hidden=8", "decoder.hidden=8", ...(given.has("latent.groups") ? [] : ["latent.variables=11"])].filter((s) => !given.has(s.split("=")[0]!));
    const flags = [...settings, ...small].flatMap((s) => (s.startsWith("config=") ? ["--" + s] : ["--set", s]));
    run("catvae", "train", `--data=${this.data(data)}`, `--out=${out}`, "--batch=32", "--samples=1", ...(given.has("config") ? [] : ["--steps=30"]), ...flags);
    return out;
  }

  variants(): string {
    const out = join(this.folder, "variants");
    if (!existsSync(out)) run("catvae", "export", `--run=${this.train("bernoulli")}`, `--out=${out}`, "--variants=int8,uint8,float16", `--data=${this.data("pictures")}`);
    return out;
  }

  infer(bundle: string, data: string, ...flags: string[]): Npy {
    const key = [bundle, data, ...flags].join(" ");
    let result = this.inferred.get(key);
    if (!result) {
      const out = join(this.folder, "infer-js.npy");
      run("infer", `--model=${bundle}`, `--in=${data}`, `--out=${out}`, "--force", ...flags);
      this.inferred.set(key, (result = readNpy(out)));
    }
    return result;
  }
}

/** Numbers are near each other, relative to the largest. */
export function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(got.length, want.length, what);
  let largest = 1;
  for (let i = 0; i < want.length; i++) largest = Math.max(largest, Math.abs(want[i]!));
  for (let i = 0; i < want.length; i++) assert.ok(Math.abs(got[i]! - want[i]!) <= tolerance * largest, `${what}: number ${i} is ${got[i]}, want ${want[i]}`);
}
