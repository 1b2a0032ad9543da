// The C core in a browser or in Node, as WebAssembly: millivolts in, beats out.
//
//   leadone export wrist --out wrist --target wasm32
//   node examples/stream.mjs wrist/lib/wasm32/leadone.wasm 360 < millivolts.txt
import { readFileSync } from "node:fs";

const EVENT_BYTES = 512; // more than sizeof(leadone_event)
const CHUNK = 128; // samples that a page brings at a time, at most
const BEAT = 1, R_S = 8, LABEL = 164; // of leadone_event: its kind, and bytes from its start

export function* beats(wasm, rateHz, chunks) {
  const { exports: core } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
  const bytes = core.leadone_state_size(rateHz);
  const event = core.__heap_base.value, memory = event + EVENT_BYTES;
  const samples = memory + bytes + (8 - (bytes % 8));
  core.memory.grow(Math.ceil((EVENT_BYTES + bytes + 8 + 4 * CHUNK) / 65536));
  const state = core.leadone_init(memory, bytes, rateHz, 0);
  if (bytes === 0 || state === 0) throw new Error("the rate lies outside 50 to 20000 Hz");
  const view = new DataView(core.memory.buffer);
  function* told() {
    while (core.leadone_next_event(state, event))
      if (view.getInt32(event, true) === BEAT) {
        const label = "NSVQ"[view.getInt32(event + LABEL, true)];
        yield { rS: view.getFloat64(event + R_S, true), label };
      }
  }
  for (const chunk of chunks) {
    new Float32Array(core.memory.buffer, samples, chunk.length).set(chunk);
    for (let used = 0; used < chunk.length; yield* told())
      used += core.leadone_push(state, samples + 4 * used, chunk.length - used);
  }
  core.leadone_push(state, 0, 0);
  yield* told();
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [wasm, rate] = process.argv.slice(2);
  const mv = readFileSync(0, "utf8").trim().split(/\s+/).map(Number);
  const chunks = [];
  for (let at = 0; at < mv.length; at += CHUNK) chunks.push(mv.slice(at, at + CHUNK));
  for (const beat of beats(readFileSync(wasm), Number(rate), chunks))
    console.log(beat.rS.toFixed(3), beat.label);
}
