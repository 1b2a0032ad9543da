// Start of the page of `leadone live`: which control does what.

import { readColours } from "./canvas.mjs";
import { listenToKeys, listenToPointers } from "./controls.mjs";
import { LivePage } from "./live_page.mjs";

const $ = (id) => document.getElementById(id);

function start() {
  const facts = JSON.parse($("facts").textContent);
  $("model").textContent = `${facts.model.name} ${facts.model.version}`;
  $("sha").textContent = facts.model.sha256;
  $("host").textContent = location.host;
  readColours();
  const page = new LivePage($, facts);
  $("pause").addEventListener("click", () => page.pause());
  $("live").addEventListener("click", () => page.follow());
  $("png").addEventListener("click", () => page.saveStrip("png"));
  $("pdf").addEventListener("click", () => page.saveStrip("pdf"));
  $("say").addEventListener("click", () => page.sayFigures());
  page.listenToPage();
  listenToPointers($("trace"), page.overview, page.view, page.actions);
  listenToKeys(page.view, page.actions, { r: () => page.sayFigures() });
}

start();
