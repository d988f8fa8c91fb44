// What the decoder gives of a row, and what it is to be compared with: the row itself, a part of it, or what the graphs prepare of it.

export class Target {
  constructor(info) {
    const { input, predicted } = info.manifest;
    this.rowShape = input.shape;
    this.rowSize = product(input.shape);
    this.lines = predicted?.lines ?? 0;
    this.standard = input.standard;
    this.scaled = info.scaled;
    const cut = this.standard?.kind === "vector" && this.standard.truncate ? [this.standard.truncate] : input.shape;
    this.shape = predicted?.shape ?? cut;
    this.size = product(this.shape);
    const names = info.columns ?? [];
    this.columns = names.length === this.rowSize ? Array.from(this.cut(names)) : [];
    if (this.columns.length !== this.size) this.columns = this.columns.slice(0, this.size);
  }

  /** What the decoder should give of a row. */
  of(row) {
    const out = Float32Array.from(this.cut(this.prepared(row)));
    const by = this.scaled === "sum" ? out.reduce((a, b) => a + b, 0) : this.scaled === "length" ? Math.hypot(...out) : 1;
    return by > 0 ? out.map((x) => x / by) : out;
  }

  /** The row with what is predicted of it in its place. */
  whole(row, predicted) {
    if (!row || !this.lines) return predicted;
    const out = Float32Array.from(row);
    let at = 0;
    for (const [from, to] of this.predictedParts()) for (let i = from; i < to; i++) out[i] = predicted[at++];
    return out;
  }

  /** The part of a row's values that is predicted; all where nothing is cut. */
  cut(values) {
    if (!this.lines) return values;
    return this.predictedParts().flatMap(([from, to]) => Array.from(values.slice(from, to)));
  }

  /** Where what is predicted lies in a row: the last lines of each block. */
  predictedParts() {
    const axis = this.rowShape.length >= 3 ? 1 : 0;
    const block = product(this.rowShape.slice(axis));
    const part = (block / this.rowShape[axis]) * this.lines;
    return Array.from({ length: this.rowSize / block }, (_, i) => [(i + 1) * block - part, (i + 1) * block]);
  }

  /** A row after the steps of a standard of vectors. A mean that is subtracted last is added again by the decoder, and so left out. */
  prepared(row) {
    if (this.standard?.kind !== "vector") return row;
    const { truncate, steps = [], mean } = this.standard;
    let out = Array.from(truncate ? row.slice(0, truncate) : row);
    steps.forEach((step, i) => {
      if (step === "normalise") {
        const length = Math.sqrt(out.reduce((sum, x) => sum + x * x, 1e-24));
        out = out.map((x) => x / length);
      } else if (i < steps.length - 1) {
        out = out.map((x, j) => x - mean[j]);
      }
    });
    return Float32Array.from(out);
  }

  /** A value in deviations of the rows trained on, or as it is where nobody knows them. Of differences the mean is left out. */
  relative(value, column, difference = false) {
    const s = this.standard;
    if (!s?.deviation) return value;
    const at = (list) => (list.length === 1 ? list[0] : this.cut(list)[column]);
    return (value - (difference ? 0 : at(s.mean))) / at(s.deviation);
  }

  /** What a value of a row is called. */
  name(column) {
    return this.columns[column] ?? `value ${column}`;
  }
}

export function product(shape) {
  return shape.reduce((a, b) => a * b, 1);
}
