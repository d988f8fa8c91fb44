// Pictures as the rows that a catvae bundle takes: the same bytes as infer and catvae make of the same pixels.
//
//	import { row } from "./pictures.mjs";
//	const bytes = row(pixels, manifest.input);   // Uint8Array, height times width
//
// pixels are those of an upright picture: {width, height, data}, data with red, green, blue and opacity of each pixel, from 0 to 255 and
// not multiplied: ImageData in a browser, raw output of a decoder elsewhere. docs/preprocessing.md has the steps.
//
//	node pictures.mjs ROWS.json   compares rows with those that are written down

/** The row of a picture, by the manifest's input: height times width bytes, or three planes of them in colours. */
export function row(pixels, input) {
  const [height, width] = input.shape.slice(-2);
  const rule = input.image ?? {};
  const size = { width: pixels.width, height: pixels.height };
  if (input.shape.length === 2) {
    const [level] = grey({ width: 1, height: 1, data: [0, 0, 0, 0] }, rule.background);
    return fit({ ...size, data: grey(pixels, rule.background) }, height, width, rule.resize, level);
  }
  const out = new Uint8Array(3 * height * width);
  const behind = colour(rule.background);
  for (let k = 0; k < 3; k++) {
    const data = Uint8Array.from({ length: size.width * size.height }, (_, i) => laid(pixels.data, i, k, behind[k]) >> 8);
    out.set(fit({ ...size, data }, height, width, rule.resize, behind[k]), k * height * width);
  }
  return out;
}

/** A colour of a pixel, laid on the background's: a number of 16 bits, with fractions cut off. */
function laid(data, pixel, k, behind) {
  const opacity = data[4 * pixel + 3];
  return Math.floor((data[4 * pixel + k] * 257 * opacity) / 255) + Math.floor((behind * 257 * (255 - opacity)) / 255);
}

/** What a background's name means: red, green, blue. */
function colour(name = "black") {
  if (name.startsWith("#")) return [1, 3, 5].map((i) => parseInt(name.slice(i, i + 2), 16));
  const level = { "": 0, black: 0, white: 255 }[name] ?? Number(name);
  return [level, level, level];
}

/** Grey bytes of pixels, laid on the background. */
export function grey({ width, height, data }, background) {
  const behind = colour(background);
  const out = new Uint8Array(width * height);
  for (let i = 0; i < out.length; i++) {
    const [r, g, b] = behind.map((c, k) => laid(data, i, k, c));
    out[i] = Math.floor((19595 * r + 38470 * g + 7471 * b + 32768) / 2 ** 24);
  }
  return out;
}

const kernels = {
  bilinear: [1, (t) => 1 - t],
  "catmull-rom": [2, (t) => (t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2)],
};

/** For each of `to` places: which of the old ones count how much, and the inverse of their sum. Shrinking widens the kernel. */
function taps(to, of, [support, kernel]) {
  const scale = of / to;
  const [half, narrow] = scale > 1 ? [support * scale, 1 / scale] : [support, 1];
  return Array.from({ length: to }, (_, place) => {
    const center = (place + 0.5) * scale - 0.5;
    const weights = [];
    let total = 0;
    for (let at = Math.max(Math.floor(center - half), 0); at < Math.min(Math.ceil(center + half), of); at++) {
      const t = Math.abs((center - at) * narrow);
      const weight = t < support ? kernel(t) : 0;
      if (weight === 0) continue;
      weights.push([at, weight]);
      total += weight;
    }
    return { weights, inverse: 1 / total };
  });
}

/** A plane of a picture brought to a size. */
export function fit(picture, height, width, resize = "none", background = 0) {
  const { width: w, height: h } = picture;
  if (h === height && w === width) return picture.data;
  const share = (a, b, c) => Math.max(1, Math.floor((2 * a * b + c) / (2 * c)));
  const tall = h * width >= w * height;
  if (resize.startsWith("fit-")) {
    const [toH, toW] = tall ? [height, share(w, height, h)] : [share(h, width, w), width];
    const [top, left] = [Math.floor((height - toH) / 2), Math.floor((width - toW) / 2)];
    const inner = resized(picture, toH, toW, resize.slice(4));
    const out = new Uint8Array(height * width).fill(background);
    for (let y = 0; y < toH; y++) out.set(inner.subarray(y * toW, (y + 1) * toW), (top + y) * width + left);
    return out;
  }
  if (resize.startsWith("fill-")) {
    const [ofH, ofW] = tall ? [Math.min(h, share(w, height, width)), w] : [h, Math.min(w, share(h, width, height))];
    const [top, left] = [Math.floor((h - ofH) / 2), Math.floor((w - ofW) / 2)];
    const data = new Uint8Array(ofH * ofW);
    for (let y = 0; y < ofH; y++) data.set(picture.data.subarray((top + y) * w + left, (top + y) * w + left + ofW), y * ofW);
    return resized({ width: ofW, height: ofH, data }, height, width, resize.slice(5));
  }
  return resized(picture, height, width, resize);
}

/** A plane of a picture stretched to a size. */
function resized(picture, height, width, resize) {
  const { data } = picture;
  const out = new Uint8Array(height * width);
  if (resize === "nearest") {
    for (let y = 0; y < height; y++) {
      const line = Math.floor(((2 * y + 1) * picture.height) / (2 * height)) * picture.width;
      for (let x = 0; x < width; x++) out[y * width + x] = data[line + Math.floor(((2 * x + 1) * picture.width) / (2 * width))];
    }
    return out;
  }
  const kernel = kernels[resize];
  if (!kernel) throw new Error(`the picture has ${picture.height}x${picture.width} pixels, rows have ${height}x${width}, and are resized by ${resize}`);
  const columns = taps(width, picture.width, kernel);
  const between = new Float64Array(picture.height * width);
  for (let y = 0; y < picture.height; y++) {
    columns.forEach(({ weights, inverse }, x) => {
      let sum = 0; // one after the other: sums of floats depend on their order
      for (const [at, weight] of weights) sum += data[y * picture.width + at] * 257 * weight;
      between[y * width + x] = sum * (inverse / 65535);
    });
  }
  taps(height, picture.height, kernel).forEach(({ weights, inverse }, y) => {
    for (let x = 0; x < width; x++) {
      let [sum, full] = [0, 0];
      for (const [at, weight] of weights) {
        sum += between[at * width + x] * weight;
        full += weight;
      }
      const level = Math.trunc(65535 * (Math.min(sum, full) * inverse) + 0.5);
      out[y * width + x] = Math.min(Math.max(level, 0), 65535) >> 8;
    }
  });
  return out;
}

if (globalThis.process?.argv[1]?.endsWith("pictures.mjs") && process.argv[2]) {
  const { readFileSync } = await import("node:fs");
  const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
  let differ = 0;
  for (const c of cases) {
    const data = Buffer.from(c.rgba, "base64");
    const got = row({ height: c.pixels[0], width: c.pixels[1], data }, { shape: c.shape, image: c.image });
    if (Buffer.compare(Buffer.from(got), Buffer.from(c.row, "base64"))) {
      console.error(`${c.file} by ${JSON.stringify(c.image)}: ${got}, want ${[...Buffer.from(c.row, "base64")]}`);
      differ++;
    }
  }
  if (differ || cases.length < 200) throw new Error(`${differ} of ${cases.length} rows differ`);
  console.log(`the rows of ${cases.length} pictures are the same`);
}
