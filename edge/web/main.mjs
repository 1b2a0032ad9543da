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
  $("try").addEventListener("click", async () => { $("tried").textContent = await tryToSend(); });
  page.listenToPage();
  listenToPointers($("trace"), page.overview, page.view, page.actions);
  listenToKeys(page.view, page.actions);
  listenToDrops($("drop"), (files) => page.open(files));
  if (location.hash === "#demo") demo();
}

start();
