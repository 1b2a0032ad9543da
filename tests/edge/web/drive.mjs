// What a person does on the page, in Chromium: CHROMIUM URL < steps (JSON) > what happened (JSON).
import { readFileSync } from "node:fs";
import { openBrowser, untilFigures, untilRead } from "./browser.mjs";

const [chromium, url] = process.argv.slice(2);
const steps = JSON.parse(readFileSync(0, "utf8"));
const { page, requests, complaints, close } = await openBrowser(chromium);

const shown = async (id) => ((await page.locator(id).isVisible()) ? page.locator(id).innerText() : null);

async function save() {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return JSON.parse(readFileSync(await download.path(), "utf8"));
}

async function state() {
  return { name: await shown("#name"), about: await shown("#about"), problem: await shown("#problem"), ask: await shown("#ask-sentence") };
}

const DO = {
  state,
  async open({ files, lead, rate, unit }) {
    await page.setInputFiles("#files", files);
    await page.waitForFunction(() => document.getElementById("files").value === "");
    if (rate || unit) {
      await page.locator("#ask").waitFor();
      if (rate) await page.fill("#ask-rate", String(rate));
      if (unit) await page.selectOption("#ask-unit", unit);
      await page.click("#ask button");
      await page.locator("#ask").waitFor({ state: "hidden" });
    }
    await settled();
    if (lead) {
      await page.selectOption("#lead", { label: lead });
      await settled();
    }
    await untilRead(page);
    const after = await state();
    return after.problem || after.ask ? after : { ...after, saved: await save() };
  },
  async demo() {
    await page.click("#demo");
    await settled();
    await untilRead(page);
    return { ...(await state()), saved: await save(), alerts: await page.locator("#alerts li").count() };
  },
  async speed({ value }) {
    await page.locator(`input[value="${value}"]`).check({ force: true });
    return {};
  },
  async start() {
    await page.click("#demo");
    return {};
  },
  async wait({ ms }) {
    await page.waitForTimeout(ms);
    return {};
  },
  async press({ key }) {
    await page.keyboard.press(key);
    return {};
  },
  async look() {
    await untilFigures(page);
    return { ...(await state()), pause: await shown("#pause"), live: await shown("#live"), time: await shown("#time"), beats: await shown("#beats"), aloud: await page.locator("#aloud").textContent() };
  },
  async drag({ by }) {
    const box = await page.locator("#trace").boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + by / 2, y);
    await page.mouse.move(x + by, y);
    await page.mouse.up();
    return {};
  },
  async tap({ share }) {
    const box = await page.locator("#overview").boundingBox();
    await page.mouse.click(box.x + share * box.width, box.y + 20);
    return {};
  },
  async drop({ file }) {
    const [name, text] = [file.split("/").pop(), readFileSync(file, "utf8")];
    await page.evaluate(([name, text]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], name));
      for (const kind of ["dragover", "drop"]) document.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    }, [name, text]);
    await settled();
    await untilRead(page);
    return state();
  },
  async reveal({ state: expected }) {
    await page.locator(`#pause:text-is('${expected}')`).waitFor();
    return {};
  },
  async send() {
    await page.click("#try");
    await page.locator("#tried:not(:empty)").waitFor();
    return { tried: await shown("#tried") };
  },
  /** Every way out that a script has: each has to fail. */
  async escape({ to }) {
    return page.evaluate(async (nowhere) => {
      const refused = [];
      document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
      const outcome = {};
      const note = async (name, attempt) => { outcome[name] = await attempt().then(() => "went", () => "failed"); };
      await note("fetch", () => fetch(nowhere, { mode: "no-cors" }));
      await note("request", () => new Promise((went, failed) => { const x = new XMLHttpRequest(); x.onload = went; x.onerror = failed; x.open("GET", nowhere); x.send(); }));
      await note("socket", () => new Promise((went, failed) => { const s = new WebSocket(nowhere.replace("http", "ws")); s.onopen = went; s.onerror = failed; }));
      await note("picture", () => new Promise((went, failed) => { const i = new Image(); i.onload = went; i.onerror = failed; i.src = nowhere; }));
      await note("beacon", async () => { if (!navigator.sendBeacon(nowhere, "x")) throw new Error(); await new Promise((later) => setTimeout(later, 100)); if (!refused.includes("connect-src")) return; throw new Error(); });
      await note("script", () => new Promise((went, failed) => { const s = document.createElement("script"); s.onload = went; s.onerror = failed; s.src = nowhere; document.head.append(s); }));
      await note("worker", async () => { const w = new Worker(URL.createObjectURL(new Blob([""]))); await new Promise((went, failed) => { w.onerror = failed; setTimeout(went, 200); }); });
      const inline = document.createElement("script");
      inline.textContent = "window.wasRun = true";
      document.head.append(inline);
      outcome.inline = window.wasRun ? "went" : "failed";
      return { outcome, refused };
    }, to);
  },
  async size({ width, height, scheme, motion }) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme ?? "light", reducedMotion: motion ?? "no-preference" });
    await page.waitForTimeout(200);
    return page.evaluate(() => ({ overflow: document.documentElement.scrollWidth - window.innerWidth }));
  },
};

/** The page has begun with what was opened last, or has said why not. */
async function settled() {
  await page.waitForFunction(() => !document.getElementById("about").textContent.startsWith("Reading "));
}

await page.goto(url);
const answers = [];
for (const step of steps) answers.push(await DO[step.do](step));
await close();
console.log(JSON.stringify({ answers, requests, complaints }));
