// From a picture to what a network takes: the same steps and the same rounding as Pillow and torchvision.

const BITS = 22; // of the weights' fraction, as in Pillow
const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const FILTERS = {
  bilinear: { reach: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) },
  bicubic: { reach: 2, weigh: (x) => cubic(Math.abs(x), -0.5) },
  lanczos: { reach: 3, weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function cubic(x, a) {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** A picture's pixels, upright: {width, height, channels, data}, 1 channel if `grey`, else red, green and blue. */
export async function decode(blob, { grey }) {
  const how = { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(blob, how).catch(() => {
    throw new Error("this browser cannot read the picture; try a JPEG or a PNG");
  });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const colours = canvas.getImageData(0, 0, width, height).data;
  const channels = grey ? 1 : 3, data = new Uint8ClampedArray(width * height * channels);
  for (let from = 0, to = 0; from < colours.length; from += 4) {
    const [red, green, blue] = [colours[from], colours[from + 1], colours[from + 2]];
    if (grey) data[to++] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // Pillow's luma
    else (data[to++] = red), (data[to++] = green), (data[to++] = blue);
  }
  return { width, height, channels, data };
}

/** The part of a picture that the network sees, `size` x `size` pixels. */
export function frame(picture, { kind, pixels, interpolation }, size) {
  const { width, height } = picture, short = Math.min(width, height);
  if (kind === "square") {
    const left = Math.floor((width - short) / 2), top = Math.floor((height - short) / 2);
    return resize(crop(picture, left, top, short, short), size, size, interpolation);
  }
  const side = (own) => (kind === "squash" || own === short ? pixels : Math.trunc((pixels * own) / short));
  const resized = resize(picture, side(width), side(height), interpolation);
  const left = halfToEven((resized.width - size) / 2), top = halfToEven((resized.height - size) / 2);
  return crop(resized, left, top, size, size);
}

const halfToEven = (x) => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)); // as Python rounds

function crop({ width, channels, data }, left, top, wide, high) {
  const part = new Uint8ClampedArray(wide * high * channels);
  for (let y = 0; y < high; y++) {
    const start = ((top + y) * width + left) * channels;
    part.set(data.subarray(start, start + wide * channels), y * wide * channels);
  }
  return { width: wide, height: high, channels, data: part };
}

function resize({ width, height, channels, data }, wide, high, interpolation) {
  const across = resample(data, { outer: height, from: width, to: wide, inner: channels }, interpolation);
  const both = resample(across, { outer: 1, from: height, to: high, inner: wide * channels }, interpolation);
  return { width: wide, height: high, channels, data: both };
}

/** Change the length of the middle axis of an array [outer, from, inner]. */
function resample(data, { outer, from, to, inner }, interpolation) {
  if (from === to) return data;
  const result = new Uint8ClampedArray(outer * to * inner);
  const taps = interpolation === "nearest" ? nearest(from, to) : weights(from, to, FILTERS[interpolation]);
  taps.forEach(({ first, factors }, at) => {
    for (let line = 0; line < outer; line++) {
      const source = (line * from + first) * inner, target = (line * to + at) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 1 << (BITS - 1);
        for (let tap = 0; tap < factors.length; tap++) sum += data[source + tap * inner + i] * factors[tap];
        result[target + i] = sum >> BITS;
      }
    }
  });
  return result;
}

function nearest(from, to) {
  const scale = from / to, taps = [];
  for (let at = 0, place = scale / 2; at < to; at++, place += scale) {
    taps.push({ first: Math.floor(place), factors: [1 << BITS] });
  }
  return taps;
}

/** For every new pixel the first old one that counts, and whole numbers that add up to 2 ** BITS. */
function weights(from, to, { reach, weigh }) {
  const scale = from / to, stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_none, at) => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach * stretch + 0.5), 0);
    const last = Math.min(Math.trunc(centre + reach * stretch + 0.5), from);
    const parts = [];
    for (let x = first; x < last; x++) parts.push(weigh((x - centre + 0.5) * (1 / stretch)));
    const sum = parts.reduce((all, part) => all + part, 0);
    const factors = parts.map((part) => Math.trunc((part / sum) * 2 ** BITS + (part < 0 ? -0.5 : 0.5)));
    return { first, factors };
  });
}

/** Pixels as a file takes one image: normalised as it wants, in its type and layout. */
export function prepare({ width, height, channels, data }, file) {
  const type = { float32: Float32Array, float16: globalThis.Float16Array, uint8: Uint8Array }[file.dtype];
  if (!type) throw new Error("this browser has no 16-bit floats, which the file takes");
  const area = width * height, wanted = file.channels, image = new type(area * wanted);
  for (let c = 0; c < wanted; c++) {
    const from = channels === 1 ? 0 : file.bgr ? 2 - c : c, levels = levelsOf(file, c);
    for (let at = 0; at < area; at++) {
      image[file.layout === "NCHW" ? c * area + at : at * wanted + c] = levels[data[at * channels + from]];
    }
  }
  return image;
}

/** The pixels that an image of the kit was made of: the way back. */
export function restore(image, file) {
  const area = file.size ** 2, wanted = file.channels, data = new Uint8ClampedArray(area * wanted);
  for (let c = 0; c < wanted; c++) {
    const [mean, std] = file.mean ? [file.mean[c], file.std[c]] : [0, 1 / 255], to = file.bgr ? wanted - 1 - c : c;
    for (let at = 0; at < area; at++) {
      data[at * wanted + to] = 255 * (image[file.layout === "NCHW" ? c * area + at : at * wanted + c] * std + mean);
    }
  }
  return { width: file.size, height: file.size, channels: wanted, data };
}

/** What each 8-bit value becomes in a channel, in steps of 32 bits as numpy and torch compute it. */
function levelsOf({ mean, std }, channel) {
  const round = Math.fround;
  const level = (pixel) => round(round(round(pixel / 255) - round(mean[channel])) / round(std[channel]));
  return Array.from({ length: 256 }, (_none, pixel) => (mean ? level(pixel) : pixel));
}

/** Show pixels on a canvas. */
export function draw({ width, height, channels, data }, canvas) {
  const shown = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    for (let c = 0; c < 3; c++) shown.data[4 * at + c] = data[at * channels + (channels === 1 ? 0 : c)];
    shown.data[4 * at + 3] = 255;
  }
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(shown, 0, 0);
}
