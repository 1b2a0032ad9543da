// The C core in a browser or in Node, as WebAssembly: millivolts in, beats out.
//
//   leadone export wrist --out wrist
//   python -m ziglang cc -target wasm32-freestanding -O2 -nostdlib -Wl,--no-entry \
//     -Wl,--export=leadone_state_size,--export=leadone_init,--export=leadone_push \
//     -Wl,--export=leadone_next_event,--export=__heap_base wrist/*.c -o leadone.wasm
//   node examples/stream.mjs leadone.wasm 360 < millivolts.txt
import { readFileSync } from "node:fs";

const EVENT_BYTES = 512; // more than sizeof(leadone_event)
const BEAT = 1, R_S = 8, LABEL = 196; // of leadone_event: its kind, and bytes from its start

export function* beats(wasm, rateHz, chunks) {
  const { exports: core } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
  const bytes = core.leadone_state_size(rateHz);
  const event = core.__heap_base.value, memory = event + EVENT_BYTES;
  const samples = memory + bytes + (8 - (bytes % 8));
  core.memory.grow(Math.ceil((bytes + EVENT_BYTES + 65536) / 65536) + 1);
  const state = core.leadone_init(memory, bytes, rateHz, 0);
  if (bytes === 0 || state === 0) throw new Error("the rate lies outside 50 to 20000 Hz");
  const view = new DataView(core.memory.buffer);
  function* told() {
    while (core.leadone_next_event(state, event))
      if (view.getInt32(event, true) === BEAT)
        yield { rS: view.getFloat64(event + R_S, true), label: "NSVQ"[view.getInt32(event + LABEL, true)] };
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
  const seconds = Array.from({ length: Math.ceil(mv.length / rate) }, (_, k) => mv.slice(k * rate, (k + 1) * rate));
  for (const beat of beats(readFileSync(wasm), Number(rate), seconds)) console.log(beat.rS.toFixed(3), beat.label);
}
