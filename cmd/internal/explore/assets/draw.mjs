// Rows and differences on canvases: pictures as pictures, all else as bars. Nothing here knows the page's colours: what is drawn lies on
// the page's background, light or dark.

const MORE = [224, 108, 40]; // orange
const LESS = [38, 128, 201]; // blue
const BAR = "#7d8699";
const FADE = 0.7; // what is weak is drawn a little stronger than it is
const MOST_BARS = 256;

export class Drawing {
  constructor(info, target) {
    this.black = info.black;
    this.white = info.white;
    this.target = target;
    this.shape = pictureShape(target.rowShape); // of whole rows
    this.part = pictureShape(target.shape); // of what is decoded
    this.pictures = this.shape !== null && this.part !== null;
  }

  /** Draws what is decoded, or a whole row. Bars are as long as they are beside the largest of all, or of their own. */
  values(canvas, values, most) {
    canvas.classList.toggle("pixels", this.pictures);
    if (!this.pictures) return this.bars(canvas, relatives(this.target, values, false), () => BAR, most);
    const shape = values.length === this.target.rowSize ? this.shape : this.part;
    const pixels = start(canvas, shape);
    const size = shape.height * shape.width;
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < 3; k++) pixels.data[4 * i + k] = this.shade(values[shape.planes === 3 ? k * size + i : i]);
      pixels.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  /** Draws a difference: orange where there is more, blue where there is less; the stronger the larger it is beside the largest of all. */
  difference(canvas, values, most) {
    canvas.classList.toggle("pixels", this.pictures);
    if (!this.pictures) return this.bars(canvas, relatives(this.target, values, true), (x) => `rgb(${x > 0 ? MORE : LESS})`, most);
    const shape = values.length === this.target.rowSize ? this.shape : this.part;
    const pixels = start(canvas, shape);
    const size = shape.height * shape.width;
    for (let i = 0; i < size; i++) {
      let x = 0;
      for (let k = 0; k < shape.planes; k++) x += values[k * size + i] / shape.planes;
      pixels.data.set([...(x > 0 ? MORE : LESS), 255 * Math.min(1, Math.abs(x) / (most || 1)) ** FADE], 4 * i);
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  /** The largest of some differences, or of other values, as they are drawn. */
  most(values, difference = true) {
    const list = this.pictures ? values : relatives(this.target, values, difference);
    return list.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  }

  /** The byte of a value: the nearest of those between black and white. */
  shade(value) {
    return Math.round(255 * Math.min(1, Math.max(0, (value - this.black) / (this.white - this.black))));
  }

  /** Bars around a line of zeros. Of very many values the largest of several that lie together is drawn. */
  bars(canvas, values, colour, most) {
    const list = together(values, MOST_BARS);
    const step = Math.max(2, Math.floor(480 / list.length));
    [canvas.width, canvas.height] = [list.length * step, 120];
    const top = most || list.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    const least = list.some((x) => x < 0) ? -1 : 0;
    const [zero, unit] = least < 0 ? [60, 56] : [116, 112];
    const to = canvas.getContext("2d");
    to.clearRect(0, 0, canvas.width, canvas.height);
    list.forEach((x, i) => {
      const height = Math.max(1, Math.min(1, Math.abs(x) / top) * unit);
      to.fillStyle = colour(x);
      to.fillRect(i * step, x < 0 ? zero : zero - height, step - Math.floor(step / 8 + 0.7), height);
    });
    to.fillStyle = BAR;
    to.fillRect(0, zero, canvas.width, 1);
  }
}

/** The height, width and planes of rows that are pictures, else null. */
export function pictureShape(shape) {
  const [height, width] = shape.slice(-2);
  const count = shape.reduce((a, b) => a * b, 1);
  if (shape.length < 2 || height < 2 || width < 2) return null;
  if (count === height * width) return { height, width, planes: 1 };
  return shape.length === 3 && shape[0] === 3 ? { height, width, planes: 3 } : null;
}

function start(canvas, shape) {
  [canvas.width, canvas.height] = [shape.width, shape.height];
  return new ImageData(shape.width, shape.height);
}

function relatives(target, values, difference) {
  return Array.from(values, (x, i) => target.relative(x, i, difference));
}

/** At most so many of some values: of those that lie together, the one that is farthest from 0. */
function together(values, most) {
  const each = Math.ceil(values.length / most);
  if (each <= 1) return values;
  return Array.from({ length: Math.ceil(values.length / each) }, (_, i) => values.slice(i * each, (i + 1) * each).reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)));
}

/** A number for people. */
export function text(x) {
  const a = Math.abs(x);
  if (a === 0) return "0";
  if (a >= 1e6 || a < 1e-3) return x.toExponential(1);
  return a >= 1000 ? x.toFixed(0) : a >= 100 ? x.toFixed(1) : a >= 10 ? x.toFixed(2) : x.toFixed(3);
}
