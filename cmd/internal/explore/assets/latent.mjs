// What a code is made of: groups of variables of one kind, one after the other. docs/bundle.md has the bits.
import { uniforms } from "./noise.mjs";

/** The number that stands for a set bit of a gaussian variable, the mean of a standard normal number above 0. */
const HALF_NORMAL = Math.fround(Math.sqrt(2 / Math.PI));

export class Latent {
  /** latent is the manifest's. */
  constructor(latent) {
    this.kind = latent.kind;
    this.prior = latent.prior;
    this.groups = [];
    let [first, bit, logit] = [0, 0, 0];
    for (const g of latent.groups ?? [latent]) {
      const of = g.categories ?? 1; // bits of a variable
      const logits = g.kind === "gaussian" ? 2 : of;
      this.groups.push({ kind: g.kind, variables: g.variables, of, first, bit, logit, logits });
      [first, bit, logit] = [first + g.variables, bit + g.variables * of, logit + g.variables * logits];
    }
    [this.variables, this.bits, this.logits] = [first, bit, logit];
    this.bytes = Math.ceil(bit / 8);
  }

  /** The group of a variable. */
  group(variable) {
    return this.groups.findLast((g) => g.first <= variable);
  }

  /** Where a variable's bits are: the first, and how many. */
  place(variable) {
    const g = this.group(variable);
    return { kind: g.kind, from: g.bit + (variable - g.first) * g.of, of: g.of };
  }

  /** Whether the decoder looks at a group: of variables in two layers it reads one. */
  read(group) {
    if (this.kind !== "hierarchical") return true;
    return (this.prior.kind === "conditional") === (group === this.groups.at(-1));
  }

  /** The code with one bit changed: a bit is flipped, a category is chosen, a gaussian number gets the other sign. */
  changed(code, variable, choice) {
    const out = Float32Array.from(code);
    const { kind, from, of } = this.place(variable);
    if (of > 1) out.fill(0, from, from + of)[from + choice] = 1;
    else out[from] = kind === "gaussian" ? -out[from] : out[from] > 0.5 ? 0 : 1;
    return out;
  }

  /** Whether a bit is set. */
  set(code, variable, choice = 0) {
    const { kind, from } = this.place(variable);
    return code[from + choice] > (kind === "gaussian" ? 0 : 0.5);
  }

  /** How many variables of two codes differ. */
  differing(a, b) {
    let count = 0;
    for (let v = 0; v < this.variables; v++) {
      const { of } = this.place(v);
      for (let k = 0; k < of; k++) {
        if (this.set(a, v, k) !== this.set(b, v, k)) {
          count++;
          break;
        }
      }
    }
    return count;
  }

  /** A code in bytes, the most significant bit first. */
  pack(code) {
    const out = new Uint8Array(this.bytes);
    for (const g of this.groups) {
      const above = g.kind === "gaussian" ? 0 : 0.5;
      for (let i = g.bit; i < g.bit + g.variables * g.of; i++) if (code[i] > above) out[i >> 3] |= 128 >> (i & 7);
    }
    return out;
  }

  /** The numbers that a packed code's bits stand for. */
  unpack(packed) {
    const code = new Float32Array(this.bits);
    for (const g of this.groups) {
      const [clear, set] = g.kind === "gaussian" ? [-HALF_NORMAL, HALF_NORMAL] : [0, 1];
      for (let i = g.bit; i < g.bit + g.variables * g.of; i++) code[i] = packed[i >> 3] & (128 >> (i & 7)) ? set : clear;
    }
    return code;
  }

  /** The code whose variables are decided: numbers between 0 and 1 become bits, of categories the largest. Gaussian numbers stay. */
  decided(code) {
    const out = Float32Array.from(code);
    for (const g of this.groups) {
      for (let v = 0; v < g.variables && g.kind !== "gaussian"; v++) {
        const part = out.subarray(g.bit + v * g.of, g.bit + (v + 1) * g.of);
        if (g.of === 1) part[0] = part[0] > 0.5 ? 1 : 0;
        else part.fill(0)[argmax(code, g.bit + v * g.of, g.of)] = 1;
      }
    }
    return out;
  }

  /** The number of different values that the bits of a variable have in the atlas: what stands for clear and for set. */
  values(kind) {
    return kind === "gaussian" ? [-HALF_NORMAL, HALF_NORMAL] : [0, 1];
  }

  /**
   * Codes drawn from the prior. Where variables are in layers, conditional gives for codes that hold the second layer the logits of the
   * first: the graph of layers.
   */
  async sample(count, seed, conditional) {
    const codes = new Float32Array(count * this.bits);
    const noise = Array.from({ length: count }, (_, row) => uniforms(seed, row, this.logits));
    const row = (i) => codes.subarray(i * this.bits, (i + 1) * this.bits);
    const layered = this.kind === "hierarchical";
    const top = layered ? this.groups.slice(1) : this.groups;
    for (let i = 0; i < count; i++) {
      for (const g of top) {
        const from = layered ? 0 : g.logit; // the prior's logits are those of the groups that have it
        drawGroup(g, row(i), (j) => this.prior.logits?.[from + j] ?? 0, noise[i].subarray(g.logit));
      }
    }
    if (!layered || count === 0) return codes;
    const first = this.groups[0];
    const logits = await conditional(codes, count);
    const size = first.variables * first.logits;
    for (let i = 0; i < count; i++) drawGroup(first, row(i), (j) => logits[i * size + j], noise[i]);
    return codes;
  }
}

/** Draws a group of a code, for uniform noise: by the Gumbel trick, or Box and Muller's. */
function drawGroup(g, code, logit, noise) {
  for (let v = 0; v < g.variables; v++) {
    if (g.kind === "gaussian") {
      const normal = Math.sqrt(-2 * Math.log(noise[2 * v])) * Math.cos(2 * Math.PI * noise[2 * v + 1]);
      code[g.bit + v] = logit(2 * v) + Math.exp(logit(2 * v + 1) / 2) * normal;
    } else if (g.of === 1) {
      const [l, u] = [logit(v), noise[v]];
      const e = Math.exp(-Math.abs(l));
      code[g.bit + v] = (l >= 0 ? u > (1 - u) * e : u * e > 1 - u) ? 1 : 0;
    } else {
      const scores = Array.from({ length: g.of }, (_, k) => logit(v * g.of + k) - Math.log(-Math.log(noise[v * g.of + k])));
      code[g.bit + v * g.of + argmax(scores, 0, g.of)] = 1;
    }
  }
}

/** The place of the largest of some numbers, the first of equal ones, counted from the first of them. */
function argmax(list, from, count) {
  let best = 0;
  for (let i = 1; i < count; i++) if (list[from + i] > list[from + best]) best = i;
  return best;
}
