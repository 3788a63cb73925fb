// The kit's files: its facts, its images with the expected answers, its networks as sessions of onnxruntime-web.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { readNpz } from "./npz.js";

ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send

export const kit = await (await get("web/page.json")).json();
const sessions = new Map();
let arrays;

/** A file's facts by its label. */
export const fileOf = (label) => kit.files.find((file) => file.label === label);

/** `images.npz`, read when first asked for. */
export async function testImages() {
  arrays ??= await readNpz(await (await get(kit.images)).arrayBuffer());
  return arrays;
}

/** One image of the kit as a file takes it. */
export async function testImage(file, number) {
  const { shape, data } = (await testImages())[file.images];
  const length = data.length / shape[0];
  return data.slice(number * length, (number + 1) * length);
}

/** Open a file; it stays open. */
export async function open(file) {
  if (!sessions.has(file)) {
    const data = new Uint8Array(await (await get(file.file)).arrayBuffer());
    sessions.set(file, await ort.InferenceSession.create(data, { executionProviders: ["wasm"] }));
  }
  return sessions.get(file);
}

/** Close all files but these. */
export async function closeAllBut(kept) {
  for (const [file, session] of [...sessions].filter(([file]) => !kept.includes(file))) {
    sessions.delete(file);
    await session.release();
  }
}

/** Images that follow each other in an array, as the input of a call; the last is repeated to fill a fixed batch. */
export function inputOf(file, images) {
  const length = file.channels * file.size ** 2, batch = file.batch ?? images.length / length;
  const filled = new images.constructor(batch * length);
  for (let at = 0; at < filled.length; at += length) {
    const from = Math.min(at, images.length - length);
    filled.set(images.subarray(from, from + length), at);
  }
  const sizes = [file.size, file.size], dims = file.layout === "NCHW" ? [file.channels, ...sizes] : [...sizes, file.channels];
  return { [file.input]: new ort.Tensor(file.dtype, filled, [batch, ...dims]) };
}

/** Scores of images that follow each other in an array: a row for each, in the order of the file's output. */
export async function scoresOf(file, images) {
  const session = await open(file), length = file.channels * file.size ** 2, step = (file.batch ?? 8) * length;
  const rows = [];
  for (let at = 0; at < images.length; at += step) {
    const part = images.subarray(at, at + step);
    const scores = (await session.run(inputOf(file, part), [file.output]))[file.output];
    const width = scores.data.length / scores.dims[0];
    for (let row = 0; row < part.length / length; row++) {
      rows.push(Array.from(scores.data.subarray(row * width, (row + 1) * width), Number));
    }
  }
  return rows;
}

/** A row of scores in the order of the classes. */
export const inOrder = (file, row) => (file.class_order ? file.class_order.map((place) => row[place]) : row);

async function get(path) {
  const answer = await fetch(path, { cache: "no-cache" }); // the folder may hold another kit since
  if (!answer.ok) throw new Error(`cannot read ${path} (${answer.status}); copy the kit again`);
  return answer;
}
