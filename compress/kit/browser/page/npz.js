// Arrays of a file that numpy.savez_compressed wrote: a zip archive of .npy files.

const TYPES = {
  "<f4": Float32Array, "<f8": Float64Array, "<i8": BigInt64Array, "|u1": Uint8Array,
  "<f2": globalThis.Float16Array ?? Uint16Array,
};
const END_OF_DIRECTORY = 0x06054b50, DEFLATED = 8;

/** Name -> {shape, data} of every array in the bytes of an archive. */
export async function readNpz(buffer) {
  const view = new DataView(buffer), arrays = {};
  const short = (at) => view.getUint16(at, true), long = (at) => view.getUint32(at, true);
  let end = buffer.byteLength - 22;
  while (long(end) !== END_OF_DIRECTORY) end--;
  let entry = long(end + 16);
  for (let left = short(end + 10); left > 0; left--) {
    const name = new TextDecoder().decode(new Uint8Array(buffer, entry + 46, short(entry + 28)));
    const header = long(entry + 42);
    const start = header + 30 + short(header + 26) + short(header + 28);
    const packed = buffer.slice(start, start + long(entry + 20));
    arrays[name.replace(/\.npy$/, "")] = parse(short(entry + 10) === DEFLATED ? await inflate(packed) : packed);
    entry += 46 + short(entry + 28) + short(entry + 30) + short(entry + 32);
  }
  return arrays;
}

function inflate(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

function parse(buffer) {
  const length = new DataView(buffer).getUint16(8, true); // version 1.0, as numpy writes short headers
  const header = new TextDecoder().decode(new Uint8Array(buffer, 10, length));
  const type = TYPES[header.match(/'descr': '([^']+)'/)[1]];
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((size) => size.trim()).map(Number);
  return { shape, data: new type(buffer, 10 + length) };
}
