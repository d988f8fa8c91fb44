/** What people have, as rows: flat numbers in the model's order, before the rule. */

import { InputError } from "./errors.js";
import type { Manifest } from "./manifest.js";
import { isPixels, pictureRow, type Pixels } from "./pictures.js";

/** Numbers of a row, or of many behind each other. */
export type Numbers = Float32Array | Float64Array | Uint8Array | Uint8ClampedArray | Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | readonly number[];

/**
 * What `encode` and the others take: a typed array of rows behind each other; an array of rows, each a flat array of numbers, or an object by the names of the
 * columns; pixels, one or many, as ImageData has them.
 */
export type Rows = Numbers | readonly Numbers[] | readonly Readonly<Record<string, number>>[] | Pixels | readonly Pixels[];

/** So many rows, and the function that gives those from one number up to another, flat. */
export interface Source {
  count: number;
  block(start: number, stop: number): ArrayLike<number>;
}

/** The rows of anything that a model takes. */
export function sourceOf(rows: Rows, m: Manifest): Source {
  if (isPixels(rows)) return sourceOf([rows], m);
  if (ArrayBuffer.isView(rows)) return flat(rows as unknown as ArrayLike<number>, m);
  if (!Array.isArray(rows)) throw new InputError(`rows are a ${rows === null ? "null" : typeof rows}: give an array, typed or of rows, or pixels`);
  if (rows.length === 0 || typeof rows[0] === "number") return flat(rows as number[], m);
  const one = (i: number): ArrayLike<number> => rowOf(rows[i], i, m);
  return {
    count: rows.length,
    block(start, stop) {
      const first = one(start);
      const all = first instanceof Uint8Array || first instanceof Uint8ClampedArray ? new Uint8Array((stop - start) * m.rowSize) : new Float64Array((stop - start) * m.rowSize);
      for (let i = start; i < stop; i++) {
        const row = i === start ? first : one(i);
        if (all instanceof Uint8Array !== (row instanceof Uint8Array || row instanceof Uint8ClampedArray)) throw new InputError(`row ${i} is of another type than row ${start}: give one type`);
        all.set(row, (i - start) * m.rowSize);
      }
      return all;
    },
  };
}

function flat(values: ArrayLike<number>, m: Manifest): Source {
  if (values.length % m.rowSize) throw new InputError(`${values.length} values are no whole number of rows of ${m.rowSize}: the model takes rows of shape ${m.shape.join("x")}`);
  const block = (start: number, stop: number): ArrayLike<number> => {
    const [from, to] = [start * m.rowSize, stop * m.rowSize];
    return Array.isArray(values) ? values.slice(from, to) : (values as Float32Array).subarray(from, to);
  };
  return { count: values.length / m.rowSize, block };
}

function rowOf(row: any, i: number, m: Manifest): ArrayLike<number> {
  if (isPixels(row)) return pictureRow(row, m.shape, m.image, `row ${i}`);
  if (typeof row !== "object" || row === null) throw new InputError(`row ${i} is a ${row === null ? "null" : typeof row}: give numbers, an object by columns, or pixels`);
  if (Array.isArray(row) || ArrayBuffer.isView(row)) {
    const values = row as unknown as ArrayLike<number>;
    if (values.length !== m.rowSize) throw new InputError(`row ${i} has ${values.length} values, the model takes ${m.rowSize}`);
    for (let j = 0; j < values.length; j++) if (typeof values[j] !== "number") throw new InputError(`row ${i}, column ${j} is a ${typeof values[j]}: give flat rows of numbers`);
    return values;
  }
  if (m.columns.length === 0) throw new InputError(`row ${i} is an object, and the model knows no names of columns: give its ${m.rowSize} values as an array`);
  return m.columns.map((name) => {
    if (!Object.hasOwn(row, name)) throw new InputError(`row ${i} has no ${JSON.stringify(name)}, which the model was trained on: it has ${Object.keys(row).slice(0, 10).join(", ")}`);
    if (typeof row[name] !== "number") throw new InputError(`row ${i} has ${JSON.stringify(name)} as a ${typeof row[name]}: give a number`);
    return row[name];
  });
}
