// Times of the page in Chromium, each from a fresh load: CHROMIUM URL RUNS FILE... > milliseconds (JSON).
import { between, openBrowser, untilRead } from "../tests/edge/web/browser.mjs";

const [chromium, url, runs, ...files] = process.argv.slice(2);
const { page, close } = await openBrowser(chromium);
const told = { load: [], demo: [], read: [] };
for (let k = 0; k < Number(runs); k++) {
  await page.goto("about:blank");
  await page.goto(`${url}#demo`);
  await page.waitForFunction(() => performance.getEntriesByName("leadone-first-trace").length);
  told.load.push(await page.evaluate(() => performance.getEntriesByName("leadone-first-trace")[0].startTime));
  told.demo.push(await between(page, "leadone-open", "leadone-first-trace"));
  await page.locator('input[value="max"]').check({ force: true });
  await untilRead(page);
  await page.setInputFiles("#files", files);
  await page.waitForFunction(() => performance.getEntriesByName("leadone-finished").length === 2);
  told.read.push(await between(page, "leadone-open", "leadone-finished"));
}
await close();
console.log(JSON.stringify(told));
