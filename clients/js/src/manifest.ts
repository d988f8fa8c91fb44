/**
 * The manifest of a bundle: read, checked, and asked for what the rest needs. Checks are those that docs/bundle.md wants of every reader: a
 * value that this package does not know is an error that names its key, and is never guessed.
 */

import { BundleError } from "./errors.js";
import { likelihoods, type Parameters } from "./likelihood.js";
import { type Group, type Latent, priorSize, widthOf } from "./latent.js";
import type { ImageRule } from "./pictures.js";
import { Rule, type Standard } from "./rule.js";

const mostBytes = 8 << 20;
const mostValues = 1 << 24;
const background = /^(|black|white|\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]|#[0-9a-fA-F]{6})$/;
const resizes = ["none", ...["", "fit-", "fill-"].flatMap((fit) => ["nearest", "bilinear", "catmull-rom"].map((how) => fit + how))];

export interface File {
  sha256: string;
  size: number;
}

/** What a bundle says of itself. `data` is the whole JSON object. */
export interface Manifest {
  data: any;
  name: string;
  shape: number[];
  rowSize: number;
  sample: string;
  rule: Rule;
  latent: Latent;
  likelihood: string;
  parameters: Parameters;
  standard: Standard | undefined;
  image: ImageRule | undefined;
  columns: string[];
  outputs: string[];
  targetShape: number[];
  predicted: boolean;
  graphs: string[];
  files: Map<string, File>;
  variants: Map<string, { file: string; input: string }>;
}

const product = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);
const quoted = (x: unknown): string => String(JSON.stringify(x)).slice(0, 100);

function must(holds: boolean, message: string): void {
  if (!holds) throw new BundleError("manifest.json: " + message);
}

function known(key: string, value: any, names: string[]): string {
  if (!names.includes(value)) throw new BundleError(`manifest.json has ${key} ${quoted(value)}, this package knows ${names.filter((n) => n).join(", ")}`);
  return value;
}

/** Reads manifest.json. A newer major version is refused before anything else is looked at. */
export function parseManifest(text: Uint8Array): Manifest {
  if (text.length > mostBytes) throw new BundleError(`manifest.json has ${text.length} bytes, at most ${mostBytes} are read`);
  let data: any;
  try {
    data = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (e) {
    throw new BundleError(`manifest.json is no JSON: ${(e as Error).message}`);
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw new BundleError("manifest.json holds no object");
  const version = /^(\d{1,5})\.(\d{1,5})$/.exec(typeof data.format_version === "string" ? data.format_version : "");
  if (!version) throw new BundleError(`manifest.json has the format_version ${quoted(data.format_version)}: it must be MAJOR.MINOR, such as 1.2`);
  if (Number(version[1]) > 1) throw new BundleError(`the bundle has format ${version[1]}, this package reads up to 1.x: use a newer catvae`);
  try {
    return parsed(data);
  } catch (e) {
    if (e instanceof TypeError) throw new BundleError(`manifest.json lacks a key, or has a value of another type: ${e.message}`);
    throw e;
  }
}

function parsed(data: any): Manifest {
  const given = data.input;
  const shape = shapeOf(given.shape);
  const rowSize = product(shape);
  const latent = latentOf(data.latent);
  known("likelihood", data.likelihood, Object.keys(likelihoods));
  must(given.dtype === "float32", `input.dtype is ${quoted(given.dtype)}: graphs take float32`);
  const parameters: Parameters = data.likelihood_parameters ?? {};
  const levels = parameters.levels || 256;
  must(levels >= 2 && levels <= 256, `likelihood_parameters.levels is ${levels}: use 2 to 256`);
  const predicted = data.predicted !== undefined && data.predicted !== null;
  must(predicted === latent.conditional, "predicted and a latent.prior of conditional go together");
  const standard = standardOf(given.standard, rowSize);
  const columns: string[] = given.columns ?? [];
  must(columns.length === 0 || (new Set(columns).size === columns.length && columns.length === rowSize), `input.columns has ${columns.length} names for rows of ${rowSize} values`);
  const graphs = ["encoder.onnx", "threshold.onnx", "decoder.onnx", ...(latent.kind === "hierarchical" ? ["layers.onnx"] : [])];
  const files = filesOf(data.files);
  for (const name of graphs) must(files.has(name), `files lacks ${name}`);
  const variants = new Map<string, { file: string; input: string }>(Object.entries(data.variants ?? {}));
  for (const [name, v] of variants) {
    must(files.has(v.file), `files lacks ${v.file}, the file of the variant ${name}`);
    known(`variants.${name}.input`, v.input, ["uint8", "float32"]);
  }
  return {
    data, name: String(data.name ?? ""), shape, rowSize, sample: String(given.name), rule: Rule.of(given), latent, likelihood: data.likelihood, parameters, standard,
    image: imageOf(given.image, shape), columns, outputs: outputsOf(data.outputs ?? [], latent), predicted, graphs, files, variants,
    targetShape: predicted ? targetOf(data.predicted, shape) : standard?.truncate && standard.truncate !== rowSize ? [standard.truncate] : shape,
  };
}

function shapeOf(shape: any): number[] {
  const right = Array.isArray(shape) && shape.length > 0 && shape.every((n) => Number.isInteger(n) && n >= 1 && n <= mostValues);
  must(right && product(shape) <= mostValues, `input.shape is ${quoted(shape)}: a row has 1 to ${mostValues} values`);
  return shape;
}

function latentOf(given: any): Latent {
  const kind = known("latent.kind", given.kind, ["bernoulli", "categorical", "gaussian", "hierarchical", "mixed"]);
  const variables: number = given.variables;
  const categories: number = given.categories ?? 0;
  const own: any[] = given.groups ?? [];
  must(Number.isInteger(variables) && variables >= 1 && variables <= mostValues, `latent.variables is ${quoted(variables)}: use 1 to ${mostValues}`);
  let groups: Group[] = [];
  if (kind === "mixed" || kind === "hierarchical") {
    groups = own.map((g, i) => groupOf(`latent.groups[${i}]`, g));
    must(kind === "hierarchical" ? groups.length === 2 : groups.length > 0, `latent.groups holds ${groups.length} of ${kind} variables`);
    const total = groups.reduce((sum, g) => sum + g.variables, 0);
    must(total === variables, `latent.variables is ${variables}, and latent.groups have ${total}`);
  } else {
    must(own.length === 0, `latent.groups is given for ${kind} variables`);
    must(kind === "categorical" || categories === 0, `latent.categories is ${categories} for ${kind} variables`);
    groups = kind === "gaussian" ? [] : [groupOf("latent", { kind, variables, categories })];
  }
  const bits = kind === "gaussian" ? variables : groups.reduce((sum, g) => sum + widthOf(g), 0);
  must(bits <= mostValues, `latent has ${bits} bits: codes have at most ${mostValues}`);
  known("latent.prior.kind", given.prior.kind, kind === "gaussian" ? ["normal", "conditional"] : ["uniform", "learned", "conditional"]);
  known("latent.bit_order", given.bit_order, ["msb_first"]);
  known("latent.posterior", given.posterior ?? "", ["", "point"]);
  const codeShape = kind === "categorical" ? [variables, categories] : [bits];
  const logits: number[] = given.prior.logits ?? [];
  const latent: Latent = {
    kind, variables, categories, groups, bits, codeShape, logitsShape: kind === "gaussian" ? [variables, 2] : codeShape,
    prior: logits.length ? logits.map(Math.fround) : undefined, thresholds: given.thresholds ?? [], point: given.posterior === "point", conditional: given.prior.kind === "conditional",
  };
  const learned = given.prior.kind === "learned" ? priorSize(latent) : 0;
  must(logits.length === learned, `latent.prior is ${given.prior.kind} with ${logits.length} logits, it has ${learned}`);
  const decided = kind === "gaussian" || kind === "hierarchical" ? 0 : groups.reduce((sum, g) => sum + (g.categories ? 0 : g.variables), 0);
  must(latent.thresholds.length === 0 || latent.thresholds.length === decided, `latent.thresholds holds ${latent.thresholds.length} numbers for ${decided} bits`);
  must(!latent.point || !(kind === "gaussian" || kind === "hierarchical" || latent.conditional), `latent.posterior is point for ${kind} variables`);
  return latent;
}

function groupOf(key: string, given: any): Group {
  known(key + ".kind", given.kind, ["bernoulli", "categorical"]);
  const [variables, categories] = [given.variables, given.categories ?? 0];
  must(Number.isInteger(variables) && variables >= 1 && variables <= mostValues, `${key}.variables is ${quoted(variables)}: use 1 to ${mostValues}`);
  const right = Number.isInteger(categories) && (given.kind === "categorical" ? categories >= 2 && categories <= mostValues : categories === 0);
  must(right, `${key}.categories is ${quoted(categories)} for ${given.kind} variables`);
  return { variables, categories };
}

function standardOf(given: any, width: number): Standard | undefined {
  if (given === undefined || given === null) return undefined;
  const kind = known("input.standard.kind", given.kind, ["all", "column", "log", "vector"]);
  const steps: string[] = given.steps ?? [];
  const truncate: number = given.truncate ?? 0;
  must(Number.isInteger(truncate) && truncate >= 0 && truncate <= width, `input.standard.truncate is ${quoted(truncate)} for rows of ${width} values`);
  for (const step of steps) known("input.standard.steps", step, ["normalise", "centre"]);
  must(kind === "vector" || !(steps.length || truncate), `input.standard has steps, and is ${kind}`);
  const [mean, deviation] = [Float32Array.from(given.mean ?? []), Float32Array.from(given.deviation ?? [])];
  const means = { all: 1, column: width, log: 0, vector: steps.includes("centre") ? truncate || width : 0 }[kind]!;
  must(mean.length === means, `input.standard of ${kind} has ${mean.length} means, it needs ${means}`);
  const deviations = kind === "vector" ? 0 : means;
  must(deviation.length === deviations, `input.standard of ${kind} has ${deviation.length} deviations, it needs ${deviations}`);
  must(mean.every(Number.isFinite) && deviation.every((d) => d > 0 && d < Infinity), "input.standard holds numbers that are not finite, or deviations that are not above 0");
  return { kind, steps, truncate, mean, deviation };
}

function imageOf(given: any, shape: number[]): ImageRule | undefined {
  if (given === undefined || given === null) return undefined;
  const color = given.color ?? "";
  const fits = color === "" ? shape.length === 2 : color === "rgb" && shape.length === 3 && shape[0] === 3;
  must(fits, `input.image.color is ${quoted(color)} for rows of shape ${shape.join("x")}: grey has [height, width], rgb [3, height, width]`);
  known("input.image.resize", given.resize, resizes);
  known("input.image.orientation", given.orientation ?? "none", ["none", "exif", ""]);
  must(background.test(given.background ?? ""), `input.image.background is ${quoted(given.background)}, which this package does not know`);
  return given;
}

function outputsOf(given: string[], latent: Latent): string[] {
  for (const name of given) known("outputs", name, ["query", "index_code"]);
  must(!given.includes("query") || latent.kind !== "gaussian", "outputs has query, which gaussian variables have not");
  must(!given.includes("index_code") || (latent.kind === "categorical" && latent.categories <= 256), `outputs has index_code, which ${latent.kind} variables have not`);
  return given;
}

function targetOf(predicted: any, shape: number[]): number[] {
  const [axis, lines] = [shape.length > 2 ? 1 : 0, predicted.lines];
  must(Number.isInteger(lines) && lines >= 1 && lines < shape[axis]!, `predicted.lines is ${quoted(lines)} for rows of shape ${shape.join("x")}`);
  const target = shape.map((n, i) => (i === axis ? lines : n));
  must(quoted(predicted.shape) === quoted(target), `predicted.shape is ${quoted(predicted.shape)}, ${lines} lines have ${quoted(target)}`);
  return target;
}

function filesOf(given: any): Map<string, File> {
  const files = new Map<string, File>();
  for (const [name, entry] of Object.entries<any>(given)) {
    const parts = name.split("/");
    const plain = !/[\\:\x00-\x1f\x7f]/.test(name) && !parts.some((p) => p === "" || p === "." || p === "..");
    must(plain, `files has ${quoted(name)}, which leaves the folder, or is no plain name`);
    must(Number.isInteger(entry.size) && entry.size >= 0 && entry.size < 2 ** 31, `files: ${name} has ${quoted(entry.size)} bytes: 0 to 2147483647 are possible`);
    must(/^[0-9a-f]{64}$/.test(entry.sha256), `files: ${name} has the SHA-256 ${quoted(entry.sha256)}: it has 64 digits in lower case`);
    files.set(name, entry);
  }
  return files;
}
