// A real, headless Chromium with one page of it: what it asks the network for and complains about is kept.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]; // no name is looked up outside

/** { page, requests, complaints, close }: requests as [url, what became of it]; `options` are those of a Playwright context. */
export async function openBrowser(executablePath, options = {}) {
  const profile = mkdtempSync(join(tmpdir(), "leadone-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    chromiumSandbox: false, // root in a container has none
    args: QUIET,
    acceptDownloads: true,
    viewport: { width: 1240, height: 1000 },
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const requests = [], complaints = [];
  context.on("requestfinished", (request) => requests.push([request.url(), "finished"]));
  context.on("requestfailed", (request) => requests.push([request.url(), request.failure().errorText]));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page, requests, complaints, close };
}

/** Wait until the record that was opened last has been read to its end, or a sentence says why not. */
export async function untilRead(page) {
  await page.locator("#pause:text-is('Again'), #problem:visible, #ask:visible").first().waitFor({ timeout: 120_000 });
}

/** Wait until the page has written its figures anew, which a busy machine does seldom: they are of now, then. */
export async function untilFigures(page) {
  await page.evaluate(() => new Promise((done) => document.addEventListener("leadone-figures", done, { once: true })).then(() => null));
}

/** Milliseconds between two of the page's marks, the latest of each. */
export async function between(page, from, to) {
  const at = (name) => page.evaluate((one) => performance.getEntriesByName(one).at(-1)?.startTime ?? null, name);
  const [start, end] = [await at(from), await at(to)];
  return start === null || end === null ? null : end - start;
}
