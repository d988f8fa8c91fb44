// The random numbers of the program, by a counter: Philox-4x32 with ten rounds, as internal/noise has it. The same seed draws the same
// codes here and there.

const ROUNDS = 10;
const PRIOR = 6; // the purpose: samples from the prior

/** The upper 32 bits of the product of two numbers of 32 bits. */
function high(a, b) {
  const [al, ah, bl, bh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = ah * bl + Math.floor((al * bl) / 65536);
  return (ah * bh + Math.floor(middle / 65536) + Math.floor((al * bh + (middle % 65536)) / 65536)) >>> 0;
}

/** Four words of 32 bits, of a counter of four and a key of two. */
export function philox([c0, c1, c2, c3], [k0, k1]) {
  for (let round = 0; round < ROUNDS; round++) {
    const [h0, l0, h1, l1] = [high(c0, 0xd2511f53), Math.imul(c0, 0xd2511f53) >>> 0, high(c2, 0xcd9e8d57), Math.imul(c2, 0xcd9e8d57) >>> 0];
    [c0, c1, c2, c3] = [(h1 ^ c1 ^ k0) >>> 0, l1, (h0 ^ c3 ^ k1) >>> 0, l0];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
}

/** The first count uniform numbers of a row, inside (0,1), for codes drawn from the prior. */
export function uniforms(seed, row, count) {
  const key = [seed % 2 ** 32 >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 4) {
    philox([i / 4, row, 0, PRIOR], key).forEach((word, j) => {
      if (i + j < count) out[i + j] = ((word >>> 9) + 0.5) / 2 ** 23;
    });
  }
  return out;
}
