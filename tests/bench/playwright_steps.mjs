// Steps on a page by Playwright, over the port of a Chromium: the median of each in ms, as JSON.
//
// CDP_URL: where it listens; SITE_URL: the page; ROUNDS: how often.
import { chromium } from "playwright-core";

const { CDP_URL, SITE_URL, ROUNDS } = process.env;
const browser = await chromium.connectOverCDP(CDP_URL);
const page = await browser.contexts()[0].newPage();
await page.goto(SITE_URL);
const steps = {
  click: () => page.locator("#b").click(),
  fill: () => page.locator("#i").fill("some text"),
  evaluate: () => page.evaluate("1 + 1"),
  text: () => page.locator("body").innerText(),
  screenshot: () => page.screenshot(),
  navigate: () => page.goto(SITE_URL, { waitUntil: "domcontentloaded" }),
};
const medians = {};
for (const [name, step] of Object.entries(steps)) {
  const spent = [];
  for (let i = 0; i < Number(ROUNDS); ++i) {
    const begin = performance.now();
    await step();
    spent.push(performance.now() - begin);
  }
  medians[name] = spent.sort((a, b) => a - b)[spent.length >> 1];
}
console.log(JSON.stringify(medians));
await browser.close();
