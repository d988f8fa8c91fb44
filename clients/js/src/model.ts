/** A bundle, loaded: rows to codes and back. */

import { pack, unpack } from "./codes.js";
import { BundleError, InputError } from "./errors.js";
import { checkGraph } from "./graph.js";
import { divergence, halfNormal, priorSize } from "./latent.js";
import { likelihoods } from "./likelihood.js";
import { type Manifest, parseManifest } from "./manifest.js";
import { type Rows, sourceOf } from "./rows.js";
import { checkDirection, standardised } from "./rule.js";

/** What is used of onnxruntime-node or onnxruntime-web: give the whole module. */
export interface Runtime {
  InferenceSession: { create(model: Uint8Array, options?: any): Promise<any> };
  Tensor: new (type: any, data: any, dims: any) => any;
}

export interface Options {
  /** onnxruntime: `import * as ort from "onnxruntime-node"`, or "onnxruntime-web" in a browser. */
  ort: Runtime;
  /** The name of one of the bundle's further encoders: int8, uint8, float16. */
  variant?: string;
  /** How many rows go through a graph at once; left out, as many as fit into some 32 MB, at most 1024. */
  batch?: number;
  /** Options of onnxruntime's sessions, such as executionProviders. Its WebGPU may round otherwise than its WebAssembly. */
  session?: object;
}

/** Gives the content of one of a bundle's files by its name, of which no more than `most` bytes are needed. */
export type Reader = (name: string, most: number) => Promise<Uint8Array>;

const mostNumbers = 8 << 20;
const mostRows = 1024;

/** A bundle with its graphs: `load` makes one. */
export class Model {
  private readonly sessions = new Map<string, Promise<any>>();
  private readonly batch: number;
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly m: Manifest,
    private readonly graphs: Map<string, Uint8Array>,
    private readonly options: Options,
  ) {
    const widest = Math.max(m.rowSize, m.latent.bits, size(m.targetShape) * this.outputs);
    this.batch = options.batch ?? Math.max(1, Math.min(mostRows, Math.floor(mostNumbers / widest)));
  }

  /** Opens a bundle by a function that reads its files. What is loaded has the hashes of the manifest. */
  static async open(read: Reader, options: Options): Promise<Model> {
    if (!options?.ort?.InferenceSession?.create) throw new InputError('options.ort is missing: give onnxruntime, as in load(bundle, { ort }) after import * as ort from "onnxruntime-node"');
    if (options.batch !== undefined && !(Number.isInteger(options.batch) && options.batch >= 1)) throw new InputError(`options.batch is ${options.batch}: use 1 or more`);
    const m = parseManifest(await read("manifest.json", (8 << 20) + 1));
    const names = [...m.graphs];
    const { variant } = options;
    if (variant !== undefined && variant !== "float32") {
      const found = m.variants.get(variant);
      if (!found) throw new BundleError(`the bundle has no variant ${JSON.stringify(variant)}, it has ${["float32", ...m.variants.keys()].join(", ")}: choose one, or export the bundle with it`);
      names.push(found.file);
    }
    const graphs = new Map(await Promise.all(names.map(async (name) => [name, await checked(read, m, name)] as const)));
    const model = new Model(m, graphs, options);
    await model.session(model.encoder);
    return model;
  }

  /** The whole manifest.json. It must not be changed. */
  get manifest(): any {
    return this.m.data;
  }

  /** What a latent variable is: bernoulli, categorical, mixed, hierarchical or gaussian. */
  get kind(): string {
    return this.m.latent.kind;
  }

  /** The shape of a row. */
  get shape(): readonly number[] {
    return this.m.shape;
  }

  /** The shape of what the decoder gives of a row: mostly that of a row. */
  get targetShape(): readonly number[] {
    return this.m.targetShape;
  }

  /** The names of a row's values, where the model was trained on a table that had them. */
  get columns(): readonly string[] {
    return this.m.columns;
  }

  /** The bits of a code, and the bytes of a packed one. */
  get bits(): number {
    return this.m.latent.bits;
  }
  get bytes(): number {
    return Math.ceil(this.bits / 8);
  }

  /** The packed codes of rows, one after the other: those of `infer`. */
  async encode(rows: Rows): Promise<Uint8Array> {
    return this.each(rows, this.bytes, Uint8Array, (x, n) => this.encoded(x, n, "packed_code")) as Promise<Uint8Array>;
  }

  /** What the encoder says of each variable before any decision: the manifest's latent_logits, flat. */
  async logits(rows: Rows): Promise<Float32Array> {
    return this.each(rows, size(this.m.latent.logitsShape), Float32Array, (x, n) => this.encoded(x, n, "latent_logits")) as Promise<Float32Array>;
  }

  /** What a search scores codes by: the encoder's own query where the bundle has one, else made of the logits. */
  async query(rows: Rows): Promise<Float32Array> {
    const { latent, outputs } = this.m;
    const of = async (x: any, n: number) => (outputs.includes("query") ? this.encoded(x, n, "query") : this.queries(await this.encoded(x, n, "latent_logits")));
    return this.each(rows, latent.bits, Float32Array, of) as Promise<Float32Array>;
  }

  /** The codes of rows as `decode` takes them: 0 and 1, one-hot, the means of Gaussian variables. */
  async codes(rows: Rows): Promise<Float32Array> {
    return this.each(rows, this.bits, Float32Array, (x, n) => this.coded(x, n)) as Promise<Float32Array>;
  }

  /** The rows that codes stand for, flat: the mean of each value. Codes are packed bytes, or floats as `codes` gives them. */
  async decode(codes: Uint8Array | Float32Array | readonly number[]): Promise<Float32Array> {
    return this.decoded(codes, "reconstruction", size(this.m.targetShape));
  }

  /** The parameters of p(row | code), the manifest's reconstruction_logits, flat. */
  async decodeLogits(codes: Uint8Array | Float32Array | readonly number[]): Promise<Float32Array> {
    return this.decoded(codes, "reconstruction_logits", size(this.m.targetShape) * this.outputs);
  }

  /** What is left of rows after encoding and decoding, flat. */
  async reconstruct(rows: Rows): Promise<Float32Array> {
    const of = async (x: any, n: number) => this.run("decoder.onnx", "reconstruction", await this.coded(x, n), n);
    return this.each(rows, size(this.m.targetShape), Float32Array, of) as Promise<Float32Array>;
  }

  /**
   * How badly the model explains each row, in nats: -ln p(row | its code) + KL(posterior || prior). Large scores are of rows unlike those
   * that the model was trained on.
   */
  async score(rows: Rows): Promise<Float32Array> {
    if (this.m.predicted) throw new InputError("the model predicts a part of a row from the rest: it says nothing of how likely a row is, and has no scores");
    return this.each(rows, 1, Float32Array, (x, n) => this.scored(x, n)) as Promise<Float32Array>;
  }

  /** The bits of packed codes: 0 and 1. */
  unpack(packed: Uint8Array): Uint8Array {
    return unpack(packed, this.bits);
  }

  /** The packed codes of bits. */
  pack(bits: ArrayLike<number>): Uint8Array {
    return pack(bits, this.bits);
  }

  /** Frees the graphs. */
  async close(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).release?.();
    this.sessions.clear();
  }

  private get outputs(): number {
    return likelihoods[this.m.likelihood]!.outputs(this.m.parameters);
  }

  /** The file of the graph that encodes. */
  private get encoder(): string {
    return this.m.variants.get(this.options.variant ?? "")?.file ?? "encoder.onnx";
  }

  private session(name: string): Promise<any> {
    let session = this.sessions.get(name);
    if (!session) {
      session = this.options.ort.InferenceSession.create(this.graphs.get(name)!, this.options.session ?? {}).catch((e: Error) => {
        this.sessions.delete(name);
        throw new BundleError(`${name} cannot be loaded: ${line(e)}`);
      });
      this.sessions.set(name, session);
    }
    return session;
  }

  /** One output of a graph of one input, with a row for each of n rows. Its type and size are the manifest's. */
  private async run(graph: string, output: string, x: Float32Array | Uint8Array, n: number): Promise<any> {
    const { latent, sample, shape } = this.m;
    const inputs: Record<string, [string, number[]]> = { "threshold.onnx": ["latent_logits", latent.logitsShape], "decoder.onnx": ["code", latent.codeShape], "layers.onnx": ["code", latent.codeShape] };
    const [name, dims] = inputs[graph] ?? [sample, shape];
    const session = await this.session(graph);
    if (!session.inputNames.includes(name) || session.inputNames.length !== 1) throw new BundleError(`${graph} takes ${session.inputNames.join(", ")}, the manifest says ${name}`);
    if (!session.outputNames.includes(output)) throw new BundleError(`${graph} has no output ${output}, it has ${session.outputNames.join(", ")}`);
    let result: any;
    try {
      const tensor = new this.options.ort.Tensor(x instanceof Uint8Array ? "uint8" : "float32", x, [n, ...dims]);
      const run = (): Promise<any> => session.run({ [name]: tensor }, [output]);
      result = (await this.alone(run))[output];
    } catch (e) {
      throw new BundleError(`${graph} failed: ${line(e as Error)}`);
    }
    const want = this.outputShape(output);
    if (want && JSON.stringify(result.dims.map(Number)) !== JSON.stringify([n, ...want])) throw new BundleError(`${graph} gives ${output} of the shape ${result.dims.join("x")}, the manifest says ${[n, ...want].join("x")}`);
    return result.data;
  }

  /** One run after the other: onnxruntime-web takes no second one while a session runs. */
  private alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.last.then(run);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private outputShape(output: string): number[] | undefined {
    const { latent, targetShape } = this.m;
    const shapes: Record<string, number[]> = {
      latent_logits: latent.logitsShape, query: latent.codeShape, code: latent.codeShape, packed_code: [this.bytes], reconstruction: targetShape,
      reconstruction_logits: this.outputs > 1 ? [...targetShape, this.outputs] : targetShape,
    };
    return shapes[output];
  }

  /** Rows in batches through `make`, results behind each other, `width` numbers a row. */
  private async each(rows: Rows, width: number, type: any, make: (x: Float32Array | Uint8Array, n: number) => Promise<ArrayLike<number>>): Promise<Float32Array | Uint8Array> {
    const { m } = this;
    const variant = m.variants.get(this.options.variant ?? "");
    const source = sourceOf(rows, m);
    const out = new type(source.count * width);
    for (let start = 0; start < source.count; start += this.batch) {
      const n = Math.min(this.batch, source.count - start);
      const numbers = source.block(start, start + n);
      const values = m.rule.apply(numbers, m.rowSize, start, m.columns);
      if (m.standard) for (let i = 0; i < n; i++) checkDirection(values.subarray(i * m.rowSize, (i + 1) * m.rowSize), m.standard, start + i);
      if (variant?.input === "uint8" && !m.rule.wholeBytes(numbers)) throw new InputError(`the variant ${this.options.variant} takes rows of bytes, these are none: give a Uint8Array, or load the bundle without a variant`);
      out.set(await make(variant?.input === "uint8" ? Uint8Array.from(numbers) : values, n), start * width);
    }
    return out;
  }

  private async encoded(x: Float32Array | Uint8Array, n: number, output: string): Promise<any> {
    if (output !== "packed_code" || this.encoder !== "encoder.onnx") return this.run(this.encoder, output, x, n);
    return this.run("threshold.onnx", output, await this.run("encoder.onnx", "latent_logits", x, n), n);
  }

  private async coded(x: Float32Array | Uint8Array, n: number): Promise<any> {
    return this.run("threshold.onnx", "code", await this.encoded(x, n, "latent_logits"), n);
  }

  private queries(logits: Float32Array): Float32Array {
    const { latent } = this.m;
    if (latent.kind === "gaussian") return logits.filter((_, i) => i % 2 === 0);
    const thresholds: number[] = [];
    let next = 0;
    for (const g of latent.groups) {
      for (let i = 0; i < g.variables * Math.max(g.categories, 1); i++) thresholds.push(g.categories || !latent.thresholds.length ? 0 : latent.thresholds[next++]!);
    }
    return logits.map((x, i) => x - thresholds[i % latent.bits]!);
  }

  private async scored(x: Float32Array | Uint8Array, n: number): Promise<Float32Array> {
    const { m } = this;
    const { latent } = m;
    const logits = await this.encoded(x, n, "latent_logits");
    const code = await this.run("threshold.onnx", "code", logits, n);
    const decoded = await this.run("decoder.onnx", "reconstruction_logits", code, n);
    const above = latent.kind === "hierarchical" ? await this.run("layers.onnx", "prior_logits", code, n) : new Float32Array(0);
    const values = x instanceof Uint8Array ? m.rule.apply(x, m.rowSize, 0, m.columns) : x;
    const own = latent.prior ?? new Array<number>(priorSize(latent)).fill(0);
    const likelihood = likelihoods[m.likelihood]!;
    const row = <T extends Float32Array>(all: T, i: number): Float32Array => all.subarray((i * all.length) / n, ((i + 1) * all.length) / n);
    return Float32Array.from({ length: n }, (_, i) => {
      const prior = Float64Array.from([...row(above, i), ...own]);
      const logP = likelihood.logP(standardised(row(values as Float32Array, i), m.standard), row(decoded, i), m.parameters);
      return divergence(latent, row(logits, i), row(code, i), prior) - logP;
    });
  }

  private async decoded(codes: Uint8Array | Float32Array | readonly number[], output: string, width: number): Promise<Float32Array> {
    const packed = codes instanceof Uint8Array;
    const each = packed ? this.bytes : this.bits;
    if (codes.length % each) throw new InputError(`${codes.length} ${packed ? "bytes" : "numbers"} are no whole number of codes of ${each}`);
    const count = codes.length / each;
    const out = new Float32Array(count * width);
    for (let start = 0; start < count; start += this.batch) {
      const n = Math.min(this.batch, count - start);
      const part = codes.slice(start * each, (start + n) * each);
      const floats = part instanceof Uint8Array ? this.unpacked(part, start) : this.within(Float32Array.from(part), start);
      out.set(await this.run("decoder.onnx", output, floats, n), start * width);
    }
    return out;
  }

  /** The numbers that packed codes stand for. Bits beyond the last, or a variable without one category, are no code. */
  private unpacked(packed: Uint8Array, first: number): Float32Array {
    const { latent } = this.m;
    const bits = unpack(packed, latent.bits);
    const whole = pack(bits, latent.bits);
    for (let i = 0; i < packed.length; i++) if (packed[i] !== whole[i]) throw this.noCode(first + Math.floor(i / this.bytes));
    for (let r = 0; r * latent.bits < bits.length; r++) {
      let at = r * latent.bits;
      for (const g of latent.groups) {
        for (let v = 0; g.categories && v < g.variables; v++) {
          const from = at + v * g.categories;
          if (bits.subarray(from, from + g.categories).reduce((sum, b) => sum + b, 0) !== 1) throw this.noCode(first + r);
        }
        at += g.variables * Math.max(g.categories, 1);
      }
    }
    const [clear, set] = latent.kind === "gaussian" ? [-halfNormal, halfNormal] : [0, 1];
    return Float32Array.from(bits, (b) => (b ? set : clear));
  }

  private noCode(row: number): InputError {
    return new InputError(`code ${row} is none of this model: it has bits beyond the last, or a variable without one category`);
  }

  private within(codes: Float32Array, first: number): Float32Array {
    const gaussian = this.kind === "gaussian";
    const bad = codes.findIndex((x) => (gaussian ? !Number.isFinite(x) : !(x >= 0 && x <= 1)));
    if (bad >= 0) throw new InputError(`code ${first + Math.floor(bad / this.bits)} has the number ${codes[bad]}: codes ${gaussian ? "are finite" : "are 0 and 1, or between them"}`);
    return codes;
  }
}

/** A file with the size and the SHA-256 that the manifest lists; what is hashed is what is loaded. */
async function checked(read: Reader, m: Manifest, name: string): Promise<Uint8Array> {
  const want = m.files.get(name)!;
  const data = await read(name, want.size + 1);
  if (!globalThis.crypto?.subtle) throw new BundleError("this page may not hash files, so that nothing can be checked: serve it by https, or from localhost");
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>));
  const hex = Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");
  if (data.length !== want.size || hex !== want.sha256) throw new BundleError(`${name} is not the file that manifest.json lists: its size or its SHA-256 is another`);
  checkGraph(name, data);
  return data;
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const line = (e: Error): string => String(e?.message ?? e).split(/\s+/).join(" ").slice(0, 300);
