/** Latent variables by kind: their shapes, and their divergence from the prior. See docs/bundle.md, "latent". */

/** Variables of one kind; `categories` is 0 for bits. */
export interface Group {
  variables: number;
  categories: number;
}

/** What a code is made of. */
export interface Latent {
  kind: string;
  variables: number;
  categories: number;
  /** Of discrete variables: one for bernoulli and categorical, none for gaussian. */
  groups: Group[];
  bits: number;
  codeShape: number[];
  logitsShape: number[];
  prior: number[] | undefined;
  thresholds: number[];
  point: boolean;
  conditional: boolean;
}

/** The mean of a standard normal variable that is above 0, which a bit of a Gaussian variable stands for. */
export const halfNormal = Math.fround(Math.sqrt(2 / Math.PI));

export const widthOf = (g: Group): number => g.variables * Math.max(g.categories, 1);

/** ln(1+e^x), which neither overflows nor loses digits. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** x - ln Σ e^x of n numbers from a place on. */
export function logSoftmax(x: ArrayLike<number>, from: number, n: number): Float64Array {
  let most = -Infinity;
  for (let i = 0; i < n; i++) most = Math.max(most, x[from + i]!);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.exp(x[from + i]! - most);
  const log = most + Math.log(sum);
  return Float64Array.from({ length: n }, (_, i) => x[from + i]! - log);
}

/** How many logits a learned prior has: of two layers, those of the second. */
export const priorSize = (l: Latent): number => (l.kind === "hierarchical" ? widthOf(l.groups[1]!) : l.bits);

/**
 * KL(q(z|x) || p(z)) of a row in nats. logits and code are the row's; prior are the logits of p(z), where variables are in layers those of
 * p(z1|z2) before them.
 */
export function divergence(l: Latent, logits: ArrayLike<number>, code: ArrayLike<number>, prior: ArrayLike<number>): number {
  let total = 0;
  if (l.kind === "gaussian") {
    for (let i = 0; i < l.variables; i++) {
      const [mean, v] = [logits[2 * i]!, logits[2 * i + 1]!];
      total += (mean * mean + Math.expm1(v) - v) / 2;
    }
    return total;
  }
  let at = 0;
  for (const group of l.groups) {
    const n = Math.max(group.categories, 1);
    for (let v = 0; v < group.variables; v++, at += n) total += group.categories ? ofChoice(l, logits, code, prior, at, n) : ofBit(l, logits[at]!, code[at]!, prior[at]!);
  }
  return total;
}

function ofBit(l: Latent, q: number, bit: number, p: number): number {
  const [p1, p0] = [-softplus(-p), -softplus(p)];
  if (l.point) return bit === 1 ? -p1 : -p0;
  const [q1, q0] = [-softplus(-q), -softplus(q)];
  return Math.exp(q1) * (q1 - p1) + (1 - Math.exp(q1)) * (q0 - p0);
}

function ofChoice(l: Latent, logits: ArrayLike<number>, code: ArrayLike<number>, prior: ArrayLike<number>, at: number, n: number): number {
  const p = logSoftmax(prior, at, n);
  const q = logSoftmax(logits, at, n);
  let kl = 0;
  for (let k = 0; k < n; k++) kl += l.point ? -code[at + k]! * p[k]! : Math.exp(q[k]!) * (q[k]! - p[k]!);
  return kl;
}
