import puppeteer from "puppeteer-core";
import { CDP_URL, SITE_URL, assert, check, headers, kill_browser, other_port, serve, until }
  from "./checks.mjs";

async function connect(after, options = { browserURL: CDP_URL }) {
  const browser = await puppeteer.connect(options);
  after(() => browser.disconnect());
  return browser;
}

async function open(after, path = "/play", in_context = false) {
  const browser = await connect(after);
  const from = in_context ? await browser.createBrowserContext() : browser;
  if (in_context) after(() => from.close());
  const page = await from.newPage();
  if (!in_context) after(() => page.close());
  page.setDefaultTimeout(8_000);
  await page.goto(SITE_URL + path);
  return page;
}

check("it connects by the CDP port", async (after) => {
  const browser = await connect(after);
  assert.match(await browser.version(), /^Chrome\//);
  assert.ok(browser.targets().length > 0);
});

check("it connects by the HTTP port with the token", async (after) => {
  const socket = other_port.replace("http:", "ws:");
  const browser = await connect(after, { browserWSEndpoint: socket, headers });
  const page = await browser.newPage();
  after(() => page.close());
  await page.goto(SITE_URL + "/two");
  assert.equal(await page.title(), "Two");
  await assert.rejects(puppeteer.connect({ browserWSEndpoint: socket }),
                       (e) => /401/.test(e.message));
});

check("it fills a form and follows links", async (after) => {
  const page = await open(after, "/", true);
  await page.type("[name=name]", "ann");
  await page.locator("[name=password]").fill("secret");
  await Promise.all([page.waitForNavigation(), page.click("button")]);
  assert.equal(await page.title(), "Shop");
  await Promise.all([page.waitForNavigation(), page.locator("::-p-text(Orders)").click()]);
  const cells = await page.$$eval("tbody tr:first-child td", (all) => all.map((c) => c.innerText));
  assert.deepEqual(cells, ["1", "item 1", "10.00"]);
});

check("dialogs are answered by the client", async (after) => {
  const page = await open(after);
  page.once("dialog", (d) => d.accept("Bob"));
  await page.click("::-p-text(Prompt)");
  assert.equal(await page.title(), "Bob");
  page.once("dialog", (d) => d.dismiss());
  await page.click("::-p-text(Confirm)");
  assert.equal(await page.title(), "false");
});

check("popups are told", async (after) => {
  const page = await open(after);
  for (let i = 0; i < 3; ++i) {
    const [popup] = await Promise.all([new Promise((done) => page.once("popup", done)),
                                       page.click("::-p-text(Open)")]);
    await popup.waitForFunction(() => document.readyState === "complete");
    assert.equal(popup.url(), SITE_URL + "/popup");
    await popup.close();
  }
});

check("requests are answered, changed and refused", async (after) => {
  const page = await open(after);
  let then = (request) => request.continue();
  await page.setRequestInterception(true);
  page.on("request", (request) => then(request));
  const ask = async (expected) => {
    await page.click("::-p-text(Ask)");
    await page.waitForFunction((text) => out.textContent === text, {}, expected);
  };
  await ask("from the site");
  then = (request) => request.respond({ body: "from the client" });
  await ask("from the client");
  then = (request) => request.abort();
  await ask("failed");
  then = (request) => request.continue({ headers: { ...request.headers(), "x-mark": "7" } });
  const seen = await page.evaluate(() => fetch("/echo").then((r) => r.json()));
  assert.equal(seen["x-mark"] ?? seen["X-Mark"], "7");
});

check("contexts share nothing", async (after) => {
  const one = await open(after, "/two", true);
  const two = await open(after, "/two", true);
  await one.evaluate(() => { document.cookie = "c=1"; });
  assert.equal(await two.evaluate(() => document.cookie), "");
  await one.browserContext().setCookie({ name: "d", value: "2", domain: "127.0.0.1" });
  const names = (await one.browserContext().cookies()).map((c) => c.name).sort();
  assert.deepEqual(names, ["c", "d"]);
});

check("pages are below tabs", async (after) => {
  const page = await open(after, "/two");
  const root = await page.browser().target().createCDPSession();
  after(() => root.detach());
  const { targetInfos } = await root.send("Target.getTargets", { filter: [{}] });
  assert.ok(targetInfos.some((t) => t.type === "tab" && t.url === SITE_URL + "/two"));
  const own = await page.createCDPSession();
  const { targetInfo } = await own.send("Target.getTargetInfo");
  assert.equal(targetInfo.type, "page");
  await own.detach();
});

check("settings hold beside the daemon's", async (after) => {
  const page = await open(after, "/two");
  await page.emulateTimezone("Asia/Tokyo");
  await page.setUserAgent({ userAgent: "mine/1" });
  await page.setViewport({ width: 640, height: 480 });
  await page.setExtraHTTPHeaders({ "x-mark": "7" });
  await page.evaluateOnNewDocument(() => { window.mark = "early"; });
  await page.reload();
  assert.deepEqual(await page.evaluate(() => [
    Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.userAgent, innerWidth, mark,
  ]), ["Asia/Tokyo", "mine/1", 640, "early"]);
});

check("pictures and documents are had", async (after) => {
  const page = await open(after, "/long");
  const begun = Date.now();
  const png = Buffer.from(await page.screenshot({ fullPage: true }));
  assert.ok(png.readUInt32BE(20) >= 3000);
  const pdf = Buffer.from(await page.pdf());
  assert.equal(pdf.subarray(0, 4).toString(), "%PDF");
  assert.ok(Date.now() - begun < 5_000);
});

check("a trace is recorded", async (after) => {
  const page = await open(after, "/two");
  await page.tracing.start();
  await page.reload();
  assert.match(Buffer.from(await page.tracing.stop()).toString(), /traceEvents/);
});

check("files go into a form, and functions are called by pages", async (after) => {
  const page = await open(after);
  const [chooser] = await Promise.all([page.waitForFileChooser(), page.click("#f")]);
  assert.equal(chooser.isMultiple(), false);
  await chooser.cancel();
  await page.exposeFunction("add", (a, b) => a + b);
  assert.equal(await page.evaluate(() => add(2, 3)), 5);
});

check("workers and frames are seen", async (after) => {
  const page = await open(after);
  const frame = page.frames().find((f) => f.url().endsWith("/two"));
  assert.equal(await frame.$eval("body", (b) => b.innerText), "the second page");
  const made = new Promise((done) => page.once("workercreated", done));
  await page.goto(SITE_URL + "/worker");
  assert.match((await made).url(), /worker\.js$/);
  await page.waitForFunction(() => document.title === "from a worker");
});

check("its close leaves the browser to the others", async (after) => {
  const other = await connect(after);
  const page = await other.newPage();
  after(() => page.close());
  const browser = await puppeteer.connect({ browserURL: CDP_URL });
  await browser.close();
  assert.ok(!browser.connected);
  await page.goto(SITE_URL + "/two");
  assert.equal(await page.title(), "Two");
});

check("what it leaves stays", async (after) => {
  const before = await puppeteer.connect({ browserURL: CDP_URL });
  const page = await before.newPage();
  await page.goto(SITE_URL + "/two");
  await before.disconnect();
  const browser = await connect(after);
  const again = (await browser.pages()).find((p) => p.url() === SITE_URL + "/two");
  assert.equal(await again.title(), "Two");
  await again.close();
});

check("a killed browser is told, and its pages are there when it connects again", async (after) => {
  const before = await puppeteer.connect({ browserURL: CDP_URL });
  const page = await before.newPage();
  await page.goto(SITE_URL + "/long");
  const closed = new Promise((done) => before.once("disconnected", done));
  const failed = assert.rejects(page.evaluate(() => new Promise(() => {})));
  await kill_browser();
  await closed;
  await failed;
  const browser = await connect(after);
  const again = await until("the page is back", async () =>
    (await browser.pages()).find((p) => p.url() === SITE_URL + "/long"));
  after(() => again.close());
  await again.waitForFunction(() => document.title === "Long");
});

await serve();
