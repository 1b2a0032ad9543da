// The pictures of the page in docs/: CHROMIUM URL FOLDER; the demo at ten times its speed, at 3:45.
import { join } from "node:path";
import { openBrowser } from "../tests/edge/web/browser.mjs";

const [chromium, url, folder] = process.argv.slice(2);
const PICTURES = {
  "web.png": { viewport: { width: 1180, height: 905 } },
  "web-phone.png": { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: "dark" },
};
for (const [name, options] of Object.entries(PICTURES)) {
  const { page, close } = await openBrowser(chromium, options);
  await page.goto(`${url}#demo`);
  await page.locator('input[value="10"]').check({ force: true });
  await page.waitForFunction(() => document.getElementById("time").textContent >= "3:45");
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, name) });
  await close();
}
