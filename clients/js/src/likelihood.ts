/**
 * Likelihoods by name: ln p(row | code) in nats of one row x, as the likelihood sees it, from the decoder's `reconstruction_logits` o, k
 * numbers a value. Each is one row of the table. docs/likelihoods.md has the formulas.
 */

import { logSoftmax, softplus } from "./latent.js";

/** The manifest's likelihood_parameters. */
export type Parameters = { levels?: number; concentration?: number } & Record<string, unknown>;

type Numbers = ArrayLike<number>;

export interface Likelihood {
  outputs(parameters: Parameters): number;
  logP(x: Numbers, o: Numbers, parameters: Parameters): number;
}

const levelsOf = (p: Parameters): number => p.levels || 256;
const levelOf = (x: number, levels: number): number => Math.min(Math.max(Math.trunc(x * (levels - 1) + 0.5), 0), levels - 1);

function sum(n: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += term(i);
  return total;
}

export const likelihoods: Record<string, Likelihood> = {
  bernoulli: { outputs: () => 1, logP: (x, o) => sum(x.length, (i) => x[i]! * o[i]! - softplus(o[i]!)) },
  categorical: {
    outputs: levelsOf,
    logP: (x, o, p) => sum(x.length, (i) => logSoftmax(o, i * levelsOf(p), levelsOf(p))[levelOf(x[i]!, levelsOf(p))]!),
  },
  gaussian: {
    outputs: () => 2,
    logP: (x, o) => sum(x.length, (i) => -0.5 * (Math.log(2 * Math.PI) + o[2 * i + 1]! + (x[i]! - o[2 * i]!) ** 2 * Math.exp(-o[2 * i + 1]!))),
  },
  laplace: { outputs: () => 2, logP: (x, o) => sum(x.length, (i) => -(Math.abs(x[i]! - o[2 * i]!) * Math.exp(-o[2 * i + 1]!) + o[2 * i + 1]! + Math.LN2)) },
  logistic: { outputs: () => 2, logP: logistic },
  multinomial: { outputs: () => 1, logP: multinomial },
  poisson: { outputs: () => 1, logP: (x, o) => sum(x.length, (i) => x[i]! * o[i]! - Math.exp(o[i]!) - logGamma(x[i]! + 1)) },
  vmf: { outputs: () => 1, logP: vonMisesFisher },
};

/** The share of a logistic distribution between the middles of neighbouring levels, and beyond at both ends. */
function logistic(x: Numbers, o: Numbers, parameters: Parameters): number {
  const levels = levelsOf(parameters);
  const half = 1 / (levels - 1);
  return sum(x.length, (i) => {
    const level = levelOf(x[i]!, levels);
    const [d, inverse] = [2 * x[i]! - 1 - o[2 * i]!, Math.exp(-o[2 * i + 1]!)];
    const [first, last] = [level === 0, level === levels - 1];
    let log = 0;
    if (!last) log -= softplus(-(d + half) * inverse);
    if (!first) log -= softplus((d - half) * inverse);
    if (!first && !last) log += Math.log(-Math.expm1(-2 * half * inverse));
    return log;
  });
}

function multinomial(x: Numbers, o: Numbers): number {
  const logs = logSoftmax(o, 0, x.length);
  return sum(x.length, (i) => (x[i] ? x[i]! * logs[i]! : 0));
}

/** The von Mises-Fisher distribution of a row's direction around that of the outputs. */
function vonMisesFisher(x: Numbers, o: Numbers, parameters: Parameters): number {
  const k = parameters.concentration || x.length;
  const square = (v: Numbers) => sum(v.length, (i) => v[i]! * v[i]!);
  const lengths = Math.sqrt((square(x) + 1e-24) * (square(o) + 1e-6));
  const v = x.length / 2 - 1;
  const constant = v * Math.log(k) - (v + 1) * Math.log(2 * Math.PI) - logBessel(v, k);
  return (k * sum(x.length, (i) => x[i]! * o[i]!)) / lengths + constant;
}

/** ln I_v(x) of the modified Bessel function of the first kind, by its series from the largest term outwards. */
function logBessel(v: number, x: number): number {
  const top = Math.floor(Math.max(0, (Math.sqrt(v * v + x * x) - v) / 2));
  const largest = (2 * top + v) * Math.log(x / 2) - logGamma(top + 1) - logGamma(top + v + 1);
  let total = 1;
  for (let m = top + 1, term = 1; term > 1e-18; m++) total += term *= (x * x) / 4 / (m * (m + v));
  for (let m = top, term = 1; m > 0 && term > 1e-18; m--) total += term /= (x * x) / 4 / (m * (m + v));
  return largest + Math.log(total);
}

/** ln Γ(x) of x > 0: Stirling's series from 10 up, and Γ(x+1) = x Γ(x) below. */
export function logGamma(x: number): number {
  let shift = 0;
  for (; x < 10; x++) shift += Math.log(x);
  const z = 1 / (x * x);
  const series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z * (1 / 1188 - (z * 691) / 360360))))) / x;
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series - shift;
}
