import CDP from "chrome-remote-interface";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { CDP_URL, SITE_URL, assert, check, kill_browser, serve, until } from "./checks.mjs";

const { hostname: host, port } = new URL(CDP_URL);
const at = { host, port: Number(port) };

async function all(after) {
  const [one, two, { webSocketDebuggerUrl }] = await Promise.all([
    chromium.connectOverCDP(CDP_URL), puppeteer.connect({ browserURL: CDP_URL }),
    CDP.Version(at)]);
  const three = await CDP({ ...at, target: webSocketDebuggerUrl });
  after(() => Promise.all([one.close(), two.disconnect(), three.close()]));
  return { one, two, three };
}

async function in_page(three, path, use) {
  const { targetId } = await three.Target.createTarget({ url: SITE_URL + path });
  const { sessionId } = await three.Target.attachToTarget({ targetId, flatten: true });
  await three.send("Page.enable", {}, sessionId);
  try {
    return await use(async (expression) =>
      (await three.Runtime.evaluate({ expression, awaitPromise: true }, sessionId)).result.value);
  } finally {
    await three.Target.closeTarget({ targetId });
  }
}

check("three clients work at once, each on pages of its own", async (after) => {
  const { one, two, three } = await all(after);
  const times = (count, run) => (async () => {
    for (let i = 0; i < count; ++i) await run(i);
  })();
  await Promise.all([
    times(4, async (i) => {
      const context = await one.newContext();
      const page = await context.newPage();
      await page.goto(SITE_URL + "/play");
      await page.fill("#q", `one ${i}`);
      assert.equal(await page.inputValue("#q"), `one ${i}`);
      await context.close();
    }),
    times(4, async (i) => {
      const page = await two.newPage();
      await page.goto(SITE_URL + "/play");
      await page.type("#q", `two ${i}`);
      assert.equal(await page.$eval("#q", (e) => e.value), `two ${i}`);
      await page.close();
    }),
    times(4, (i) => in_page(three, "/two", async (value) =>
      assert.equal(await value(`${i} + 1`), i + 1))),
  ]);
});

check("three clients work on the same page", async (after) => {
  const { one, two, three } = await all(after);
  const page = await one.contexts()[0].newPage();
  after(() => page.close());
  await page.goto(SITE_URL + "/play");
  const same = await until("the second has it", async () =>
    (await two.pages()).find((p) => p.url() === page.url()));
  await same.type("#q", "from the second");
  assert.equal(await page.inputValue("#q"), "from the second");
  const { targetInfos } = await three.Target.getTargets();
  const { targetId } = targetInfos.find((t) => t.type === "page" && t.url === page.url());
  const { sessionId } = await three.Target.attachToTarget({ targetId, flatten: true });
  await three.Runtime.evaluate({ expression: "q.value = 'from the third'" }, sessionId);
  assert.equal(await page.inputValue("#q"), "from the third");
  // Two intercept; each sees what the other lets through.
  await same.setRequestInterception(true);
  same.on("request", (r) => r.continue({ headers: { ...r.headers(), "x-two": "2" } }));
  await page.route("**/echo", (route) =>
    route.continue({ headers: { ...route.request().headers(), "x-one": "1" } }));
  const sent = await page.evaluate(() => fetch("/echo").then((r) => r.json()));
  const names = Object.keys(sent).map((n) => n.toLowerCase());
  assert.ok(names.includes("x-one") && names.includes("x-two"), names.join());
});

check("a popup has the init script in time though all hold it", async (after) => {
  const { one, two, three } = await all(after);
  await three.Target.setAutoAttach({ autoAttach: true, waitForDebuggerOnStart: true,
                                     flatten: true });
  three.on("Target.attachedToTarget", ({ sessionId }) =>
    three.Runtime.runIfWaitingForDebugger(sessionId).catch(() => {}));
  const context = one.contexts()[0];
  await context.addInitScript("window.mark = 'early'");
  const page = await context.newPage();
  after(() => page.close());
  await page.goto(SITE_URL + "/play");
  for (let i = 0; i < 3; ++i) {
    const [popup] = await Promise.all([page.waitForEvent("popup"), page.click("text=Open")]);
    await popup.waitForLoadState();
    assert.equal(await popup.title(), "early");
    await popup.close();
  }
  assert.ok(two.connected);
});

check("one that closes its browser leaves it to the others", async (after) => {
  const { one, two, three } = await all(after);
  const page = await one.contexts()[0].newPage();
  await page.goto(SITE_URL + "/two");
  const leaving = await puppeteer.connect({ browserURL: CDP_URL });
  await leaving.close();
  assert.equal(await page.title(), "Two");
  await page.close();
  assert.match(await two.version(), /^Chrome\//);
  assert.match((await three.Browser.getVersion()).product, /^Chrome\//);
});

check("all are told of a killed browser, and all can connect again", async (after) => {
  const { one, two, three } = await all(after);
  const told = Promise.all([one, two].map((b) => new Promise((d) => b.once("disconnected", d)))
    .concat(new Promise((d) => three.once("disconnect", d))));
  await kill_browser();
  await told;
  const again = await all(after);
  assert.ok(again.one.isConnected() && again.two.connected);
  assert.match((await again.three.Browser.getVersion()).product, /^Chrome\//);
});

await serve();
