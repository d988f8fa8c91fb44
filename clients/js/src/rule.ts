/**
 * The one rule by which the numbers of a file become the values of a row: the manifest's `input`.
 *
 *     x = (v/d - mean) / deviation,   least <= x <= most
 *
 * It is that of the programs, bit for bit, in float32: docs/bundle.md, "Scaling". Nobody looks at numbers to find out by what they are divided.
 */

import { BundleError, InputError } from "./errors.js";

const most32 = 3.4028234663852886e38;
const f = Math.fround;

export class Rule {
  private constructor(
    readonly bytes: number,
    readonly numbers: number,
    /** Bytes and other numbers are one: every number is a float32 first. */
    readonly one: boolean,
    readonly whole: boolean,
    readonly mean: number,
    readonly deviation: number,
    readonly least: number,
    readonly most: number,
  ) {}

  static of(given: any): Rule {
    const [scale, divide, deviation, mean] = [given.scale, given.divide || 1, given.deviation || 1, given.mean || 0];
    const [least, most] = given.range;
    const numbers = given.numbers || "";
    if (!["", "whole", "real"].includes(numbers)) throw new BundleError(`manifest.json has input.numbers ${JSON.stringify(numbers)}, this package knows whole and real`);
    if (![scale, divide, deviation, 1 / scale].every((x) => x > 0 && x < Infinity) || !Number.isFinite(mean)) {
      throw new BundleError("manifest.json: input.scale, input.divide and input.deviation must be above 0 and finite");
    }
    if (!(-Infinity < least && least < most && most < Infinity)) throw new BundleError(`manifest.json has input.range [${least}, ${most}]: it must ascend and be finite`);
    if (numbers && !(Math.abs(scale * divide - 1) < 1e-9)) throw new BundleError(`manifest.json has input.scale ${scale} and input.divide ${divide}: every number has one divisor`);
    const near = Math.round(1 / scale);
    const inverse = Math.abs(near * scale - 1) < 1e-12 ? near : 1 / scale;
    return new Rule(numbers ? divide : inverse, divide, numbers !== "", numbers === "whole", mean, deviation, least, most);
  }

  private get centred(): boolean {
    return this.mean !== 0 || this.deviation !== 1;
  }

  /** Whether a number with a fraction is an error. */
  private get fractions(): boolean {
    return this.whole && ((this.least >= 0 && this.most > 1) || this.numbers !== 1);
  }

  /** What a byte, or another number, becomes; NaN for one that may not have a fraction. */
  value(v: number, byte: boolean): number {
    if (!byte && !this.one) {
      const x = v / this.numbers;
      return f(this.centred ? (x - this.mean) / this.deviation : x);
    }
    const v32 = f(v);
    if (!byte && this.fractions && v32 !== Math.trunc(v32)) return NaN;
    const x = this.bytes === Math.trunc(this.bytes) ? f(v32 / f(this.bytes)) : f(v32 * f(1 / this.bytes));
    return this.centred ? f(f(x - f(this.mean)) / f(this.deviation)) : x;
  }

  /** The values of whole rows; the first row has a number, for errors, and columns may have names. */
  apply(numbers: ArrayLike<number>, width: number, first: number, names: string[]): Float32Array {
    const byte = isBytes(numbers);
    const [least, most] = [f(this.least), f(this.most)];
    const table = byte ? Float32Array.from({ length: 256 }, (_, b) => this.value(b, true)) : undefined;
    const out = new Float32Array(numbers.length);
    for (let i = 0; i < out.length; i++) {
      const v = numbers[i]!;
      if (typeof v !== "number") throw new InputError(`${this.place(i, width, first, names)} is a ${typeof v}: give numbers`);
      const x = table ? table[v]! : this.value(v, false);
      if (!(x >= least && x <= most)) throw new InputError(`${this.place(i, width, first, names)} is ${v}: ${this.text()}${this.advice(v)}`);
      out[i] = x;
    }
    return out;
  }

  /** Whether rows may go in as bytes: they are, or are whole numbers that a byte holds and that mean the same. */
  wholeBytes(numbers: ArrayLike<number>): boolean {
    if (isBytes(numbers)) return true;
    if (!this.one || numbers instanceof Float32Array || numbers instanceof Float64Array) return false;
    return Array.prototype.every.call(numbers, (v: number) => Number.isInteger(v) && v >= 0 && v <= 255);
  }

  private place(i: number, width: number, first: number, names: string[]): string {
    const name = names[i % width];
    return `row ${first + Math.floor(i / width)}, column ${i % width}${name === undefined ? "" : ` (${name})`}`;
  }

  /** What values must be, to end an error with. */
  private text(): string {
    if (this.most >= most32 && this.least <= -most32) return "values must be finite numbers";
    if (this.whole && this.least === 0 && this.most >= most32) return "values must be counts: whole numbers from 0 up";
    const range = `[${this.least},${this.most}]`;
    if (this.whole && this.most > 1 && this.numbers === 1) return `values must be whole numbers within ${range}`;
    return this.one ? `numbers are divided by ${this.numbers}, and values must lie in ${range}` : `values must lie in ${range}`;
  }

  /** By what a number was probably meant to be divided; nothing where that is not probable. */
  private advice(v: number): string {
    if (this.least !== 0 || this.most !== 1 || this.centred || Number.isNaN(v)) return "";
    const whole = v === Math.trunc(v);
    if (this.one && this.fractions && !whole) return ": the model was trained on whole numbers: multiply what was divided before by that again";
    if (whole && v > 1 && v <= 255 && this.numbers < 255) return ": pixels of 0 to 255 are divided by 255";
    return v > this.numbers && v < Infinity ? ": divide by the greatest number that there can be" : "";
  }
}

export const isBytes = (x: unknown): x is Uint8Array | Uint8ClampedArray => x instanceof Uint8Array || x instanceof Uint8ClampedArray;

/** How the graphs standardise rows: the manifest's `input.standard`. */
export interface Standard {
  kind: string;
  mean: Float32Array;
  deviation: Float32Array;
  steps: string[];
  truncate: number;
}

/** A row as the likelihood sees it, in float32 as the graphs compute. */
export function standardised(row: Float32Array, standard: Standard | undefined): Float32Array {
  if (!standard || standard.kind === "log") return row;
  const { mean, deviation } = standard;
  if (standard.kind !== "vector") {
    const one = standard.kind === "all" ? 0 : 1;
    return row.map((x, i) => f(f(x - mean[i * one]!) / deviation[i * one]!));
  }
  let z = row.subarray(0, standard.truncate || row.length);
  for (const step of standard.steps) {
    const length = step === "normalise" ? f(Math.sqrt(z.reduce((sum, x) => sum + x * x, 1e-24))) : 1;
    z = step === "normalise" ? z.map((x) => x / length) : z.map((x, i) => x - mean[i]!);
  }
  return z;
}

/** Refuses a row without a direction, where rows are normalised: a graph would give numbers that mean nothing. */
export function checkDirection(row: Float32Array, standard: Standard | undefined, number: number): void {
  if (!standard?.steps.includes("normalise")) return;
  let z = Float64Array.from(row.subarray(0, standard.truncate || row.length));
  standard.steps.forEach((step, i) => {
    if (step === "centre") {
      z = z.map((x, j) => x - standard.mean[j]!);
      return;
    }
    const length = Math.sqrt(z.reduce((sum, x) => sum + x * x, 0));
    if (!(length >= 1e-8 && length <= 1e18)) {
      const what = i ? "less the mean of the rows trained on it has" : "it has";
      throw new InputError(`row ${number}: ${what} the length ${length.toPrecision(3)}, and no direction: rows are normalised, and lengths must be within [1e-08,1e+18]`);
    }
    z = z.map((x) => x / length);
  });
}
