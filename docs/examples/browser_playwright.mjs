// Logs in to a shop, reads its orders and takes two pictures, by Playwright on the CDP port.
//
//     CDP_URL=http://127.0.0.1:9222 node browser_playwright.mjs SITE [FOLDER]
//
// It goes on when the browser ends under way: it connects again, where its page has come back, so
// each turn looks at the page and does what is next there. What came back is asked for by HTTP, and
// needs TROUPE_URL and TROUPE_TOKEN.
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import { chromium } from "playwright-core";

const { CDP_URL = "http://127.0.0.1:9222", TROUPE_URL = "http://127.0.0.1:8888", TROUPE_TOKEN } =
  process.env;
const [site, folder = "."] = process.argv.slice(2);

async function connect() {
  for (;;) {
    try {
      return await chromium.connectOverCDP(CDP_URL);
    } catch {
      await pass(100); // it is about to start
    }
  }
}

// The page of the shop, once it is back.
async function page_again() {
  const browser = await connect();
  while (browser.isConnected()) {
    const page = browser.contexts()[0].pages().find((p) => p.url().startsWith(site));
    if (page) return page;
    await pass(50);
  }
  return page_again();
}

// Does what is next on the page; whether all is read.
async function next_step(page, orders) {
  await page.locator("h1").waitFor();
  const title = await page.title();
  if (title === "Log in") {
    await page.getByLabel("Name").fill("ann");
    await page.getByLabel("Password").fill("secret");
    await page.getByRole("button").click();
  } else if (title === "Shop") {
    await page.getByRole("link", { name: "Orders" }).click();
  } else {
    const rows = await page.locator("tbody").evaluate((body) =>
      [...body.rows].map((row) => [...row.cells].map((cell) => cell.innerText)));
    for (const cells of rows) orders.set(Number(cells[0]), cells);
    const next = page.getByRole("link", { name: "Next" });
    if (!(await next.count())) {
      await page.screenshot({ path: join(folder, "page.png") });
      await page.screenshot({ path: join(folder, "full_page.png"), fullPage: true });
      return true;
    }
    await next.click();
  }
  return false;
}

async function* restored_since(begun) {
  const answer = await fetch(TROUPE_URL + "/v1/events?from=1", {
    headers: { Authorization: `Bearer ${TROUPE_TOKEN}`, Accept: "application/x-ndjson" },
    signal: AbortSignal.timeout(1000), // events never end
  });
  let text = "";
  try {
    for await (const part of answer.body) text += Buffer.from(part).toString();
  } catch {}
  for (const line of text.split("\n").filter((l) => l.trim())) {
    const event = JSON.parse(line);
    if (event.type === "browser_restored" && Date.parse(event.at) >= begun) yield event.data;
  }
}

const begun = Date.now();
const orders = new Map();
let page = await (await connect()).contexts()[0].newPage();
await page.goto(site);
for (let done = false; !done; ) {
  try {
    done = await next_step(page, orders);
  } catch (e) {
    if (page.context().browser().isConnected()) throw e;
    page = await page_again();
  }
}
await page.close();
for (const [, cells] of [...orders].sort(([a], [b]) => a - b)) console.log(cells.join("\t"));
for await (const told of restored_since(begun))
  for (const back of told.pages)
    console.log(`generation ${told.generation}: ${back.url} came back with ` +
                `${back.restored.join(", ")}; lost: ${back.lost.join(", ") || "nothing"}`);
process.exit();
