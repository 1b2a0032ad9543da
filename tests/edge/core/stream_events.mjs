// A record's events as bytes from the wasm module: MODULE RATE < float32 samples.
import { readFileSync, writeSync } from "node:fs";

const [path, rate] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(path), {});
const core = instance.exports;
const EVENT = 248, ROOM = 64, CHUNK = 100;
const aligned = (n) => Math.ceil(n / 8) * 8;

const size = core.leadone_state_size(Number(rate));
const memory = aligned(core.__heap_base.value);
const samples = memory + aligned(size), events = samples + aligned(4 * CHUNK);
const taken = events + EVENT * ROOM, end = taken + 8;
core.memory.grow(Math.max(0, Math.ceil((end - core.memory.buffer.byteLength) / 65536)));
const state = core.leadone_init(memory, size, Number(rate), 0);

const out = [];
function call(at, count) {
  const found = core.lo_push_block(state, at, count, events, ROOM, taken);
  out.push(Buffer.from(core.memory.buffer.slice(events, events + EVENT * found)));
  return found;
}

const bytes = readFileSync(0);
const mv = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
for (let start = 0; start < mv.length; ) {
  const part = mv.subarray(start, start + CHUNK);
  new Float32Array(core.memory.buffer, samples, part.length).set(part);
  call(samples, part.length);
  start += new Uint32Array(core.memory.buffer, taken, 1)[0];
}
while (call(0, 0) === ROOM);
writeSync(1, Buffer.concat(out));
