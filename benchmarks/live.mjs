// What a browser makes of the live page: CHROMIUM URL SECONDS < nothing > every picture's time and pen (JSON).
import { openBrowser } from "../tests/edge/web/browser.mjs";

const [chromium, url, seconds, width = 1180, height = 905] = process.argv.slice(2);
const { page, complaints, close } = await openBrowser(chromium, { viewport: { width: Number(width), height: Number(height) } });
await page.addInitScript(() => {
  window.pictures = [];
  document.addEventListener("leadone-drawn", ({ detail }) => window.pictures.push([performance.timeOrigin + performance.now(), detail]));
});
await page.goto(url);
await page.waitForFunction(() => window.pictures.at(-1)?.[1] > 5, null, { polling: 500 }); // the pen runs
await page.evaluate(() => { window.pictures = []; });
await page.waitForTimeout(1000 * Number(seconds));
const pictures = await page.evaluate(() => window.pictures);
await close();
console.log(JSON.stringify({ pictures, complaints }));
