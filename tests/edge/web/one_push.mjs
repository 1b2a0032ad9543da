// A whole record in one push through the page's own core.mjs: WASM FACTS RATE < float32 > events (JSON).
import { readFileSync } from "node:fs";
import { Stream } from "../../../edge/web/core.mjs";

const [wasm, facts, rate] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(wasm));
const stream = await Stream.begin(module, Number(rate), "I", JSON.parse(facts));
const bytes = readFileSync(0);
const mv = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
console.log(JSON.stringify([...stream.push(mv), ...stream.finish()]));
