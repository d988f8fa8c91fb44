// What onnxruntime-node and onnxruntime-web have in common: the same calls.

/**
 * Encodes the rows of a case and decodes its codes. ort is the package; read(name) gives a file of the case as bytes, or undefined.
 * The result's line says in how many bits and values they differ; same is true where none does.
 */
export async function roundtrip(ort, manifest, { encoder, threshold, decoder }, read) {
  // Rows as the file has them become what the graph takes: a division, and nothing else. Float32Array rounds the quotients.
  const { shape, scale, divide = 1 / scale } = manifest.input;
  const raw = (await read("rows.u8")) ?? floats(await read("rows.f32"));
  const rows = Float32Array.from(raw, (v) => v / Math.fround(divide));
  const n = rows.length / shape.reduce((a, b) => a * b);

  // Encode: rows to logits, logits to packed codes.
  const { latent_logits } = await encoder.run({ sample: new ort.Tensor("float32", rows, [n, ...shape]) });
  const packed = (await threshold.run({ latent_logits })).packed_code.data;

  // Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
  const stored = await read("codes.u8");
  const [bits, bytes] = [latent_logits.data.length / n, stored.length / n];
  const code = Float32Array.from({ length: n * bits }, (_, i) => {
    const bit = i % bits;
    return (stored[Math.floor(i / bits) * bytes + (bit >> 3)] >> (7 - (bit & 7))) & 1;
  });
  const { reconstruction } = await decoder.run({ code: new ort.Tensor("float32", code, latent_logits.dims) });

  return compare(packed, stored, await read("near.u8"), n * bits, reconstruction.data, floats(await read("reconstruction.f32")));
}

const floats = (bytes) => new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));

/** Counts the bits and values that differ. Bits that rounding may flip are left aside. */
function compare(packed, stored, near, bits, rebuilt, wanted) {
  if (packed.length !== stored.length || near.length !== stored.length || rebuilt.length !== wanted.length) throw new Error("the sizes differ");
  let [differ, aside, far] = [0, 0, 0];
  for (let i = 0; i < stored.length; i++) {
    aside += ones(near[i]);
    differ += ones((packed[i] ^ stored[i]) & ~near[i]);
  }
  for (let i = 0; i < wanted.length; i++) {
    if (!(Math.abs(rebuilt[i] - wanted[i]) <= 1e-4 * Math.max(1, Math.abs(wanted[i])))) far++;
  }
  const line = `bits: ${bits - differ - aside} equal, ${differ} differ, ${aside} aside; values: ${wanted.length - far} equal, ${far} differ`;
  return { line, same: differ + far === 0 };
}

function ones(byte) {
  let n = 0;
  for (let b = byte & 255; b; b &= b - 1) n++;
  return n;
}
