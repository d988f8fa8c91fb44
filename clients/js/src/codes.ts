/** Packed codes: bytes, the most significant bit first, one code after the other. */

import { InputError } from "./errors.js";

const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let n = 0;
  for (let b = byte; b; b >>= 1) n += b & 1;
  return n;
});

/** In how many bits two codes differ. Of categorical variables that is twice the number of variables that differ. */
export function hamming(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new InputError(`codes of ${a.length} and of ${b.length} bytes have no distance: they are of different models`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ones[a[i]! ^ b[i]!]!;
  return sum;
}

/** The distances of one code to each of many, which lie behind each other. */
export function distances(codes: Uint8Array, query: Uint8Array): Int32Array {
  const width = query.length;
  if (width === 0 || codes.length % width) throw new InputError(`${codes.length} bytes are no whole number of codes of ${width} bytes`);
  const all = new Int32Array(codes.length / width);
  for (let i = 0, at = 0; i < all.length; i++) {
    let sum = 0;
    for (let j = 0; j < width; j++, at++) sum += ones[codes[at]! ^ query[j]!]!;
    all[i] = sum;
  }
  return all;
}

/** A code's place among many, and its distance. */
export interface Near {
  row: number;
  distance: number;
}

/** The k nearest of many codes to one, the nearest first; of equally near ones the one with the smaller number. */
export function search(codes: Uint8Array, query: Uint8Array, k = 10): Near[] {
  const all = distances(codes, query);
  if (!(k >= 1)) throw new InputError(`k is ${k}: use 1 or more`);
  const counts = new Uint32Array(8 * query.length + 1);
  for (const d of all) counts[d]!++;
  let last = 0;
  for (let sum = 0; last < counts.length && (sum += counts[last]!) < k; last++);
  const near: Near[] = [];
  all.forEach((distance, row) => {
    if (distance <= last) near.push({ row, distance });
  });
  return near.sort((a, b) => a.distance - b.distance || a.row - b.row).slice(0, k);
}

/** The bits of packed codes: 0 and 1, `bits` of each code. */
export function unpack(packed: Uint8Array, bits: number): Uint8Array {
  const width = Math.ceil(bits / 8);
  if (packed.length % width) throw new InputError(`${packed.length} bytes are no whole number of codes of ${width} bytes`);
  const rows = packed.length / width;
  const out = new Uint8Array(rows * bits);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < bits; i++) out[r * bits + i] = (packed[r * width + (i >> 3)]! >> (7 - (i & 7))) & 1;
  }
  return out;
}

/** The packed codes of bits, `bits` of each code. */
export function pack(values: ArrayLike<number>, bits: number): Uint8Array {
  if (values.length % bits) throw new InputError(`${values.length} bits are no whole number of codes of ${bits}`);
  const [width, rows] = [Math.ceil(bits / 8), values.length / bits];
  const out = new Uint8Array(rows * width);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < bits; i++) if (values[r * bits + i]) out[r * width + (i >> 3)]! |= 128 >> (i & 7);
  }
  return out;
}
