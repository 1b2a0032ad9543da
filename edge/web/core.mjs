// The C core as WebAssembly: one record's stream, samples in mV in, events out.

import { leadKey } from "./lead_names.mjs";
import { InputError } from "./record.mjs";
import { EVENT_BYTES, readEvent } from "./events.mjs";

const ROOM = 128; // events a call
const CHUNK = 4096; // samples a call
const OPTIONS_BYTES = 8; // leadone_options: a bool and a pointer
const PAGE_BYTES = 65536;
const aligned = (bytes) => 8 * Math.ceil(bytes / 8);

/** Name, version and sha256 of the model, as the core itself says them. */
export async function modelOf(module) {
  const { memory, leadone_version } = (await WebAssembly.instantiate(module, {})).exports;
  const bytes = new Uint8Array(memory.buffer, leadone_version());
  const words = new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0))).split(" ");
  const [version, sha256] = words.splice(-2);
  return { name: words.join(" "), version, sha256 };
}

export class Stream {
  /** A fresh stream; `lead` decides whether swapped hands can be told. */
  static async begin(module, rateHz, lead, facts) {
    return new Stream(await WebAssembly.instantiate(module, {}), rateHz, lead, facts);
  }

  constructor(instance, rateHz, lead, facts) {
    this.core = instance.exports;
    this.facts = facts;
    const size = this.core.leadone_state_size(rateHz);
    if (size === 0) throw new InputError(`The core takes no sampling rate of ${rateHz} Hz; resample the recording to 50 to 20000 Hz.`);
    const options = aligned(this.core.__heap_base.value), state = options + OPTIONS_BYTES;
    this.samples = state + aligned(size);
    this.events = this.samples + aligned(4 * CHUNK);
    this.taken = this.events + EVENT_BYTES * ROOM;
    const missing = this.taken + 8 - this.core.memory.buffer.byteLength;
    if (missing > 0) this.core.memory.grow(Math.ceil(missing / PAGE_BYTES));
    const view = new DataView(this.core.memory.buffer);
    view.setUint32(options, leadKey(lead) === "i" ? 0 : 1, true);
    view.setUint32(options + 4, 0, true);
    this.state = this.core.leadone_init(state, size, rateHz, options);
    if (this.state === 0) throw new InputError("The core did not start; reload the page.");
  }

  /** Take the next samples; give the events that they complete. */
  push(mv) {
    const told = [];
    for (let start = 0; start < mv.length; ) {
      const part = mv.subarray(start, start + CHUNK);
      new Float32Array(this.core.memory.buffer, this.samples, part.length).set(part);
      let left = part.length, found = ROOM;
      while (left > 0 || found === ROOM) {
        found = this.call(this.samples + 4 * (part.length - left), left, told);
        left -= new Uint32Array(this.core.memory.buffer, this.taken, 1)[0];
      }
      start += part.length;
    }
    return told;
  }

  /** End the record: the events still open. */
  finish() {
    const told = [];
    while (this.call(0, 0, told) === ROOM);
    return told;
  }

  call(at, count, told) {
    const found = this.core.lo_push_block(this.state, at, count, this.events, ROOM, this.taken);
    const view = new DataView(this.core.memory.buffer);
    for (let k = 0; k < found; k++) told.push(readEvent(view, this.events + EVENT_BYTES * k, this.facts));
    return found;
  }
}
