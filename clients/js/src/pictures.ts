/**
 * Pictures as rows: the bytes that the programs make of the same pixels, by the manifest's `input.image`. docs/preprocessing.md has the steps.
 */

import { InputError } from "./errors.js";

/** Pixels of an upright picture: red, green, blue and opacity of each, from 0 to 255 and not multiplied, as ImageData has them. */
export interface Pixels {
  width: number;
  height: number;
  data: ArrayLike<number>;
}

/** The manifest's input.image. */
export interface ImageRule {
  resize?: string;
  color?: string;
  background?: string;
  orientation?: string;
}

type Plane = { width: number; height: number; data: ArrayLike<number> };

export const isPixels = (x: unknown): x is Pixels =>
  typeof x === "object" && x !== null && "width" in x && "height" in x && "data" in x && typeof x.data === "object";

/** The row of a picture: height times width bytes, or three planes of them in colours. `what` begins errors. */
export function pictureRow(pixels: Pixels, shape: number[], rule: ImageRule | undefined, what = "the picture"): Uint8Array {
  const { width, height, data } = pixels;
  if (!(shape.length === 2 || (shape.length === 3 && shape[0] === 3))) throw new InputError(`${what} is a picture, and the model takes rows of shape ${shape.join("x")}, which are no pictures`);
  if (!(width >= 1 && height >= 1) || data.length !== 4 * width * height) throw new InputError(`${what} has ${data.length} numbers for ${height}x${width} pixels: give red, green, blue and opacity of each`);
  const behind = colour(rule?.background || "black");
  const [h, w] = shape.slice(-2) as [number, number];
  const resize = rule?.resize ?? "none";
  if (shape.length === 2) {
    const level = grey({ width: 1, height: 1, data: [0, 0, 0, 0] }, behind)[0]!;
    return fit({ width, height, data: grey(pixels, behind) }, h, w, resize, level, what);
  }
  const out = new Uint8Array(3 * h * w);
  behind.forEach((level, k) => {
    const plane = Uint8Array.from({ length: width * height }, (_, i) => laid(data, i, k, level) >> 8);
    out.set(fit({ width, height, data: plane }, h, w, resize, level, what), k * h * w);
  });
  return out;
}

/** What a background's name means: red, green, blue. */
function colour(name: string): number[] {
  if (name.startsWith("#")) return [1, 3, 5].map((i) => parseInt(name.slice(i, i + 2), 16));
  const level = name === "black" ? 0 : name === "white" ? 255 : Number(name);
  return [level, level, level];
}

/** A colour of a pixel, laid on the background's: a number of 16 bits, with fractions cut off. */
function laid(data: ArrayLike<number>, pixel: number, k: number, behind: number): number {
  const opacity = data[4 * pixel + 3]!;
  return Math.floor((data[4 * pixel + k]! * 257 * opacity) / 255) + Math.floor((behind * 257 * (255 - opacity)) / 255);
}

function grey({ width, height, data }: Pixels, behind: number[]): Uint8Array {
  const weights = [19595, 38470, 7471];
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const sum = behind.reduce((total, level, k) => total + weights[k]! * laid(data, i, k, level), 32768);
    return Math.floor(sum / 2 ** 24);
  });
}

/** A plane of a picture brought to a size. */
function fit(picture: Plane, height: number, width: number, resize: string, background: number, what: string): Uint8Array {
  const { width: w, height: h } = picture;
  if (h === height && w === width) return Uint8Array.from(picture.data);
  if (resize === "none") throw new InputError(`${what} has ${h}x${w} pixels, and the model takes pictures of ${height}x${width} alone: resize it`);
  const share = (a: number, b: number, c: number) => Math.max(1, Math.floor((2 * a * b + c) / (2 * c)));
  const tall = h * width >= w * height;
  if (resize.startsWith("fit-")) {
    const toH = tall ? height : share(h, width, w);
    const toW = tall ? share(w, height, h) : width;
    const [top, left] = [Math.floor((height - toH) / 2), Math.floor((width - toW) / 2)];
    const inner = resized(picture, toH, toW, resize.slice(4));
    const out = new Uint8Array(height * width).fill(background);
    for (let y = 0; y < toH; y++) out.set(inner.subarray(y * toW, (y + 1) * toW), (top + y) * width + left);
    return out;
  }
  if (resize.startsWith("fill-")) {
    const ofH = tall ? Math.min(h, share(w, height, width)) : h;
    const ofW = tall ? w : Math.min(w, share(h, width, height));
    const [top, left] = [Math.floor((h - ofH) / 2), Math.floor((w - ofW) / 2)];
    const data = new Uint8Array(ofH * ofW);
    for (let y = 0; y < ofH; y++) for (let x = 0; x < ofW; x++) data[y * ofW + x] = picture.data[(top + y) * w + left + x]!;
    return resized({ width: ofW, height: ofH, data }, height, width, resize.slice(5));
  }
  return resized(picture, height, width, resize);
}

/** A plane of a picture stretched to a size. Sums are taken one term after the other, since their rounding depends on the order. */
function resized(picture: Plane, height: number, width: number, resize: string): Uint8Array {
  const { data } = picture;
  const out = new Uint8Array(height * width);
  if (resize === "nearest") {
    for (let y = 0; y < height; y++) {
      const line = Math.floor(((2 * y + 1) * picture.height) / (2 * height)) * picture.width;
      for (let x = 0; x < width; x++) out[y * width + x] = data[line + Math.floor(((2 * x + 1) * picture.width) / (2 * width))]!;
    }
    return out;
  }
  const kernel = kernels[resize]!;
  const columns = taps(width, picture.width, kernel);
  const between = new Float64Array(picture.height * width);
  for (let y = 0; y < picture.height; y++) {
    columns.forEach(({ weights, inverse }, x) => {
      let sum = 0;
      for (const [at, weight] of weights) sum += data[y * picture.width + at]! * 257 * weight;
      between[y * width + x] = sum * (inverse / 65535);
    });
  }
  taps(height, picture.height, kernel).forEach(({ weights, inverse }, y) => {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      let full = 0;
      for (const [at, weight] of weights) {
        sum += between[at * width + x]! * weight;
        full += weight;
      }
      const level = Math.trunc(65535 * (Math.min(sum, full) * inverse) + 0.5);
      out[y * width + x] = Math.min(Math.max(level, 0), 65535) >> 8;
    }
  });
  return out;
}

interface Kernel {
  support: number;
  at(t: number): number;
}

const kernels: Record<string, Kernel> = {
  bilinear: { support: 1, at: (t) => 1 - t },
  "catmull-rom": { support: 2, at: (t) => (t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2) },
};

interface Tap {
  weights: [at: number, weight: number][];
  inverse: number;
}

/** For each of `to` places: which of the old ones count how much, and the inverse of their sum. Shrinking widens the kernel. */
function taps(to: number, of: number, { support, at }: Kernel): Tap[] {
  const scale = of / to;
  const half = scale > 1 ? support * scale : support;
  const narrow = scale > 1 ? 1 / scale : 1;
  return Array.from({ length: to }, (_, place) => {
    const center = (place + 0.5) * scale - 0.5;
    const weights: [number, number][] = [];
    let total = 0;
    for (let i = Math.max(Math.floor(center - half), 0); i < Math.min(Math.ceil(center + half), of); i++) {
      const t = Math.abs((center - i) * narrow);
      const weight = t < support ? at(t) : 0;
      if (weight === 0) continue;
      weights.push([i, weight]);
      total += weight;
    }
    return { weights, inverse: 1 / total };
  });
}
