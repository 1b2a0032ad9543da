// What a person does on the live page, in Chromium: CHROMIUM URL OPTIONS(JSON) < steps, a line of JSON each > answers, a line each.
//
// Steps come one by one, so that a test can play the source between them.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { openBrowser, untilFigures } from "./browser.mjs";

const [chromium, url, options] = process.argv.slice(2);
const { page, requests, complaints, close } = await openBrowser(chromium, JSON.parse(options));
await page.addInitScript(() => {
  window.pens = [];
  document.addEventListener("leadone-drawn", ({ detail }) => window.pens.push([performance.now() / 1000, detail]));
});

const text = async (id) => (await page.locator(id).textContent()) ?? "";
const shown = async (id) => ((await page.locator(id).isVisible()) ? page.locator(id).innerText() : null);

const DO = {
  async look() {
    await untilFigures(page);
    const names = ["name", "about", "state", "problem", "alarms", "pause", "live", "time", "rate", "rhythm", "beats", "signal", "signal-note"];
    const seen = {};
    for (const name of names) seen[name] = await shown(`#${name}`);
    return { ...seen, aloud: await text("#aloud"), alerts: await page.locator("#alerts li").allInnerTexts(), pen: await page.evaluate(() => window.pens.at(-1)?.[1] ?? null) };
  },
  async until({ id, says }) {
    await page.locator(`${id}:visible`, { hasText: new RegExp(says) }).waitFor({ timeout: 60_000 });
    return {};
  },
  async gone({ id }) {
    await page.locator(id).waitFor({ state: "hidden", timeout: 60_000 });
    return {};
  },
  async pen({ to }) {
    await page.waitForFunction((to) => window.pens.at(-1)?.[1] >= to, to, { timeout: 60_000 });
    return {};
  },
  async pens() {
    return { pens: await page.evaluate(() => window.pens.splice(0)) };
  },
  async click({ id }) {
    await page.click(id);
    return {};
  },
  async press({ key }) {
    await page.keyboard.press(key);
    await page.waitForTimeout(250);
    return {};
  },
  async wait({ ms }) {
    await page.waitForTimeout(ms);
    return {};
  },
  async save({ id }) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(id)]);
    return { name: download.suggestedFilename(), content: readFileSync(await download.path()).toString("base64") };
  },
  /** The colours of the paper's pixels: how many of each kind of drawing. */
  async ink() {
    return page.evaluate(() => {
      const canvas = document.getElementById("trace"), { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const style = getComputedStyle(document.documentElement), found = {};
      for (const name of ["trace", "p", "qrs", "t", "accent"]) {
        const [r, g, b] = style.getPropertyValue("--" + name).trim().slice(1).replace(/^(.)(.)(.)$/, "$1$1$2$2$3$3").match(/../g).map((pair) => parseInt(pair, 16));
        found[name] = 0;
        for (let k = 0; k < data.length; k += 4) if (Math.abs(data[k] - r) + Math.abs(data[k + 1] - g) + Math.abs(data[k + 2] - b) < 12) found[name]++;
      }
      return found;
    });
  },
  /** Ways out that a script of the page has: each has to fail. */
  async escape({ to }) {
    return page.evaluate(async (nowhere) => {
      const outcome = {}, note = async (name, attempt) => { outcome[name] = await attempt().then(() => "went", () => "failed"); };
      await note("fetch", () => fetch(nowhere, { mode: "no-cors" }));
      await note("socket", () => new Promise((went, failed) => { const s = new WebSocket(nowhere.replace("http", "ws")); s.onopen = went; s.onerror = failed; }));
      await note("picture", () => new Promise((went, failed) => { const i = new Image(); i.onload = went; i.onerror = failed; i.src = nowhere; }));
      await note("script", () => new Promise((went, failed) => { const s = document.createElement("script"); s.onload = went; s.onerror = failed; s.src = nowhere; document.head.append(s); }));
      return outcome;
    }, to);
  },
  async tree() {
    const buttons = await page.evaluate(() => [...document.querySelectorAll("button, select, canvas, [role]")].map((one) => [one.tagName, one.id, one.getAttribute("aria-label") || one.textContent.trim()]));
    return { buttons, headings: await page.locator("h1, h2").allInnerTexts(), title: await page.title() };
  },
  async size({ width, height, scheme, motion }) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme ?? "light", reducedMotion: motion ?? "no-preference" });
    await page.waitForTimeout(200);
    return page.evaluate(() => {
      const rhythm = document.getElementById("rhythm"), before = rhythm.textContent;
      rhythm.textContent = "Suspected AF"; // the longest
      const words = rhythm.scrollWidth - rhythm.clientWidth;
      rhythm.textContent = before;
      return { overflow: document.documentElement.scrollWidth - window.innerWidth, words };
    });
  },
  async offline({ isOffline }) {
    await page.context().setOffline(isOffline);
    return {};
  },
  async end() {
    return { requests, complaints };
  },
};

await page.goto(url);
for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line);
  const answer = await DO[step.do](step).catch((error) => ({ error: String(error) }));
  console.log(JSON.stringify(answer));
}
await close();
