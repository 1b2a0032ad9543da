// Start: what the file carries, and which control does what.

import { readColours } from "./canvas.mjs";
import { listenToDrops, listenToKeys, listenToPointers } from "./controls.mjs";
import { modelOf } from "./core.mjs";
import { Page } from "./page.mjs";
import { tryToSend } from "./proof.mjs";
import { InputError } from "./record.mjs";

const $ = (id) => document.getElementById(id);
const bytesOf = (element) => Uint8Array.from(atob(element.textContent.trim()), (c) => c.charCodeAt(0));

async function compiled() {
  if (typeof WebAssembly === "undefined") throw new InputError("This browser has no WebAssembly; open the page in a current one.");
  return WebAssembly.compile(bytesOf($("core")));
}

function start() {
  const facts = JSON.parse($("facts").textContent);
  readColours();
  const module = compiled();
  module.then(modelOf).then(
    (model) => {
      facts.model = model;
      $("model").textContent = `${model.name} ${model.version}`;
      $("sha").textContent = model.sha256;
    },
    () => {}, // told when a recording needs the core
  );
  const page = new Page($, module, facts);
  const demo = () => page.open([...document.querySelectorAll(".demo")].map((one) => new File([bytesOf(one)], one.dataset.name)));

  $("open").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", () => {
    const files = [...$("files").files];
    $("files").value = ""; // the same file may be chosen again
    if (files.length) page.open(files);
  });
  $("demo").addEventListener("click", demo);
  $("save").addEventListener("click", () => page.save());
  $("lead").addEventListener("change", () => page.begin(page.session.recording, page.session.recording.leads[$("lead").value]));
  $("pause").addEventListener("click", () => page.pause());
  $("live").addEventListener("click", () => page.follow());
  for (const choice of document.getElementsByName("speed"))
    choice.addEventListener("change", () => { page.speed = choice.value === "max" ? Infinity : Number(choice.value); });
  const rescale = () => page.rescale(Number($("paper-speed").value), Number($("gain").value));
  $("paper-speed").addEventListener("change", rescale);
  $("gain").addEventListener("change", rescale);
  $("try").addEventListener("click", async () => { $("tried").textContent = await tryToSend(); });
  const actions = { moveTo: (startS) => page.moveTo(startS), pause: () => page.pause() };
  listenToPointers($("trace"), page.overview, page.view, actions);
  listenToKeys(page.view, actions);
  listenToDrops($("drop"), (files) => page.open(files));

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  page.view.turnsPages = calm.matches;
  calm.addEventListener("change", () => { page.view.turnsPages = calm.matches; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.recolour());
  window.addEventListener("error", (event) => page.problem(event.error ?? event.message));
  window.addEventListener("unhandledrejection", (event) => page.problem(event.reason));
  $("problem").hidden = true;
  if (location.hash === "#demo") demo();
}

start();
