// The picture of the live page in docs/: CHROMIUM URL FILE; the demo (`leadone live edge/demo/208demo --speed 3`) at 1:05, when it alarms.
import { openBrowser } from "../tests/edge/web/browser.mjs";

const [chromium, url, path] = process.argv.slice(2);
const { page, close } = await openBrowser(chromium, { viewport: { width: 1180, height: 860 } });
await page.goto(url);
await page.waitForFunction(() => document.getElementById("time").textContent >= "1:05", null, { timeout: 60_000 });
await page.locator("#alarms:visible").waitFor();
await page.screenshot({ path });
await close();
