import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { chromium } from "playwright-core";
import { CDP_URL, SITE_URL, TROUPE_TOKEN, TROUPE_URL, assert, check, headers, kill_browser,
         other_port, serve, troupe, until } from "./checks.mjs";

async function connect(after, url = CDP_URL, options = {}) {
  const browser = await chromium.connectOverCDP(url, options);
  after(() => browser.close());
  return browser;
}

// A page in a context of its own, or of the browser's.
async function open(after, path = "/play", options) {
  const browser = await connect(after);
  const context = options ? await browser.newContext(options) : browser.contexts()[0];
  const page = await context.newPage();
  after(() => page.close());
  page.setDefaultTimeout(8_000);
  await page.goto(SITE_URL + path);
  return page;
}

check("it connects by the CDP port", async (after) => {
  const browser = await connect(after);
  assert.match(browser.version(), /^\d+\.\d+\.\d+\.\d+$/);
  assert.equal(browser.contexts().length, 1);
  assert.ok(browser.isConnected());
});

check("it connects by the HTTP port with the token", async (after) => {
  const browser = await connect(after, other_port, { headers });
  const page = await browser.contexts()[0].newPage();
  after(() => page.close());
  await page.goto(SITE_URL + "/two");
  assert.equal(await page.title(), "Two");
  await assert.rejects(chromium.connectOverCDP(other_port), /401/);
});

check("it connects by a URL with the token in its path", async (after) => {
  const browser = await connect(after, `${CDP_URL}/token/${TROUPE_TOKEN}`);
  assert.ok(browser.isConnected());
  await assert.rejects(chromium.connectOverCDP(`${CDP_URL}/token/wrong`), /401/);
});

check("pages of the daemon are pages of the default context", async (after) => {
  const made = await troupe("POST", "/v1/sandboxes/default/browser/pages",
                            { url: SITE_URL + "/two" });
  after(() => troupe("DELETE", `/v1/sandboxes/default/browser/pages/${made.id}`));
  const browser = await connect(after);
  const page = browser.contexts()[0].pages().find((p) => p.url() === SITE_URL + "/two");
  assert.equal(await page.title(), "Two");
  await page.goto(SITE_URL + "/play");
  const told = await troupe("GET", `/v1/sandboxes/default/browser/pages/${made.id}/text`);
  assert.equal(told.title, "Play");
});

check("it fills a form and follows links", async (after) => {
  const page = await open(after, "/");
  await page.getByLabel("Name").fill("ann");
  await page.getByLabel("Password").pressSequentially("secret");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL("**/shop");
  await page.getByRole("link", { name: "Orders" }).click();
  await page.waitForLoadState("networkidle");
  assert.deepEqual(await page.locator("tbody tr").first().locator("td").allTextContents(),
                   ["1", "item 1", "10.00"]);
  await page.goBack();
  assert.equal(await page.title(), "Shop");
  await page.reload();
  await page.context().clearCookies();
});

check("what is typed arrives, in any script", async (after) => {
  const page = await open(after);
  await page.fill("#q", "Ünïcode 你好 🙂");
  assert.equal(await page.inputValue("#q"), "Ünïcode 你好 🙂");
  await page.press("#q", "Enter");
  await page.waitForURL("**/two?q=*");
});

check("dialogs are answered by the client", async (after) => {
  const page = await open(after);
  page.once("dialog", (d) => d.accept());
  await page.click("text=Confirm");
  assert.equal(await page.title(), "true");
  page.once("dialog", (d) => d.accept("Bob"));
  await page.click("text=Prompt");
  await page.waitForFunction(() => document.title === "Bob");
  page.once("dialog", (d) => d.dismiss());
  await page.click("text=Prompt");
  await page.waitForFunction(() => document.title === "null");
  // Playwright dismisses what nobody listens for.
  await page.click("text=Confirm");
  assert.equal(await page.title(), "false");
});

check("a page that asks before it is left is left", async (after) => {
  const page = await open(after, "/leave");
  await page.click("text=Stay");
  const asked = page.waitForEvent("dialog");
  const closing = page.close({ runBeforeUnload: true });
  const dialog = await asked;
  assert.equal(dialog.type(), "beforeunload");
  await dialog.dismiss();
  await closing;
  assert.equal(await page.title(), "Leave");
});

check("popups have the init script in time", async (after) => {
  const page = await open(after, "/play", {});
  await page.context().addInitScript("window.mark = 'early'");
  for (let i = 0; i < 4; ++i) {
    const [popup] = await Promise.all([page.waitForEvent("popup"), page.click("text=Open")]);
    await popup.waitForLoadState();
    assert.equal(await popup.title(), "early");
    await popup.close();
  }
  const [apart] = await Promise.all([page.context().waitForEvent("page"), page.click("text=apart")]);
  await apart.waitForLoadState();
  assert.equal(await apart.title(), "early");
});

check("requests are answered, changed and refused", async (after) => {
  const page = await open(after);
  const ask = async (expected) => {
    await page.click("text=Ask");
    await page.waitForFunction((text) => out.textContent === text, expected);
  };
  await page.route("**/data", (route) => route.fulfill({ body: "from the client" }));
  await ask("from the client");
  await page.unroute("**/data");
  await page.route("**/data", (route) => route.abort());
  await ask("failed");
  await page.unroute("**/data");
  await page.route("**/data", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()) + "!" });
  });
  await ask("from the site!");
  await page.unrouteAll();
  await ask("from the site");
  await page.route("**/echo", (route) =>
    route.continue({ headers: { ...route.request().headers(), "x-mark": "7" } }));
  const seen = await page.evaluate(() => fetch("/echo").then((r) => r.json()));
  assert.equal(seen["x-mark"] ?? seen["X-Mark"], "7");
});

check("requests and the console are told", async (after) => {
  const page = await open(after);
  const [answer, message] = await Promise.all([
    page.waitForResponse("**/data"),
    page.waitForEvent("console"),
    page.evaluate(() => fetch("/data").then(() => console.log("said", 5))),
  ]);
  assert.equal(await answer.text(), "from the site");
  assert.equal(message.text(), "said 5");
});

check("a download is in the workspace, by the name of the path that the client is told",
      async (after) => {
  for (const options of [undefined, { acceptDownloads: true }]) {
    const page = await open(after, "/play", options);
    const [download] = await Promise.all([page.waitForEvent("download"),
                                          page.click("text=file")]);
    assert.equal(download.suggestedFilename(), "report.bin");
    assert.equal(await download.failure(), null);
    const name = basename(await download.path());
    const file = await fetch(`${TROUPE_URL}/v1/sandboxes/default/files/output/${name}`,
                             { headers });
    assert.equal(await file.text(), "the content".repeat(1000));
  }
});

check("the storage state is had and given", async (after) => {
  const page = await open(after, "/two", {});
  await page.evaluate(() => {
    document.cookie = "c=1; path=/";
    localStorage.setItem("l", "2");
  });
  const state = await page.context().storageState();
  assert.deepEqual(state.cookies.map((c) => [c.name, c.value]), [["c", "1"]]);
  const other = await open(after, "/two", { storageState: state });
  assert.deepEqual(await other.evaluate(() => [document.cookie, localStorage.l]), ["c=1", "2"]);
});

check("pictures and documents are had", async (after) => {
  const page = await open(after, "/long");
  const size = (png) => [png.readUInt32BE(16), png.readUInt32BE(20)];
  const [, height] = size(await page.screenshot());
  const [, all] = size(await page.screenshot({ fullPage: true }));
  assert.ok(height < 1000 && all >= 3000, `${height}, ${all}`);
  const element = await page.locator("div").screenshot({ type: "jpeg" });
  assert.equal(element.readUInt16BE(0), 0xffd8);
  assert.equal((await page.pdf()).subarray(0, 4).toString(), "%PDF");
});

check("a page behind another is alive", async (after) => {
  const page = await open(after, "/two");
  const front = await page.context().newPage();
  after(() => front.close());
  await front.bringToFront();
  await page.evaluate(() => new Promise(requestAnimationFrame));
  const begun = Date.now();
  await page.screenshot();
  assert.ok(Date.now() - begun < 2_000);
});

check("frames, workers and the accessibility tree are seen", async (after) => {
  const page = await open(after);
  assert.equal(await page.frameLocator("iframe").locator("body").innerText(), "the second page");
  const tree = await page.locator("body").ariaSnapshot();
  assert.match(tree, /heading "Play"/);
  const [worker] = await Promise.all([page.waitForEvent("worker"), page.goto(SITE_URL + "/worker")]);
  assert.match(worker.url(), /worker\.js$/);
  await page.waitForFunction(() => document.title === "from a worker");
});

check("files go into a form", async (after) => {
  const page = await open(after);
  await page.setInputFiles("#f", { name: "a.txt", mimeType: "text/plain",
                                   buffer: Buffer.from("hello") });
  assert.equal(await page.evaluate(() => f.files[0].text()), "hello");
});

check("functions of the client are called by pages", async (after) => {
  const page = await open(after, "/two", {});
  await page.exposeFunction("add", (a, b) => a + b);
  assert.equal(await page.evaluate(() => add(2, 3)), 5);
});

check("it has CDP sessions of its own", async (after) => {
  const page = await open(after);
  const session = await page.context().newCDPSession(page);
  const done = await session.send("Runtime.evaluate", { expression: "6*7" });
  assert.equal(done.result.value, 42);
  await assert.rejects(session.send("Nope.nope"), /'Nope.nope' wasn't found/);
  await session.detach();
  const root = await page.context().browser().newBrowserCDPSession();
  assert.match((await root.send("Browser.getVersion")).product, /^Chrome\//);
});

check("a context's own settings hold beside the daemon's", async (after) => {
  const page = await open(after, "/two", {
    timezoneId: "Asia/Tokyo", locale: "de-DE", userAgent: "mine/1", colorScheme: "dark",
    viewport: { width: 640, height: 480 }, deviceScaleFactor: 2, permissions: ["geolocation"],
    geolocation: { latitude: 48, longitude: 11 }, extraHTTPHeaders: { "x-mark": "7" },
  });
  const seen = await page.evaluate(async () => ({
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    number: (1.5).toLocaleString(),
    agent: navigator.userAgent,
    size: [innerWidth, innerHeight, devicePixelRatio],
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    latitude: await new Promise((done, failed) => navigator.geolocation.getCurrentPosition(
      (p) => done(p.coords.latitude), failed)),
    sent: await (await fetch("/echo")).json(),
  }));
  const { sent, ...own } = seen;
  assert.deepEqual(own, { zone: "Asia/Tokyo", number: "1,5", agent: "mine/1",
                          size: [640, 480, 2], dark: true, latitude: 48 });
  assert.equal(sent["User-Agent"], "mine/1");
  assert.equal(sent["x-mark"] ?? sent["X-Mark"], "7");
});

check("contexts share nothing and go with their client", async (after) => {
  const one = await connect(after);
  const two = await connect(after);
  const context = await one.newContext();
  const page = await context.newPage();
  await page.goto(SITE_URL + "/two");
  await page.evaluate(() => { document.cookie = "c=1"; });
  const mine = await (await two.newContext()).newPage();
  await mine.goto(SITE_URL + "/two");
  assert.equal(await mine.evaluate(() => document.cookie), "");
  const urls = async () => {
    const root = await two.newBrowserCDPSession();
    const { targetInfos } = await root.send("Target.getTargets");
    return targetInfos.filter((t) => t.url.startsWith(SITE_URL)).length;
  };
  assert.equal(await urls(), 2);
  await one.close();
  await until("its pages are gone", async () => (await urls()) === 1);
  assert.equal(await mine.title(), "Two");
});

check("a trace is recorded", async (after) => {
  const page = await open(after, "/two", {});
  await page.context().tracing.start({ screenshots: true, snapshots: true });
  await page.goto(SITE_URL + "/play");
  await page.click("text=second");
  await page.context().tracing.stop({ path: "trace.zip" });
  assert.equal((await readFile("trace.zip")).subarray(0, 2).toString(), "PK");
});

check("a crashed page is told, and the others go on", async (after) => {
  const page = await open(after, "/two", {});
  const other = await open(after, "/two", {});
  const crashed = page.waitForEvent("crash");
  await page.goto("chrome://crash").catch(() => {});
  await crashed;
  assert.equal(await other.title(), "Two");
});

check("a killed browser is told, and its pages are there when it connects again", async (after) => {
  const before = await connect(after);
  const page = await before.contexts()[0].newPage();
  await page.goto(SITE_URL + "/long");
  const closed = new Promise((done) => before.once("disconnected", done));
  const pending = page.evaluate(() => new Promise(() => {}));
  const failed = assert.rejects(pending, /closed/);
  await kill_browser();
  await closed;
  await failed;
  const browser = await connect(after);
  const again = await until("the page is back", () =>
    browser.contexts()[0].pages().find((p) => p.url() === SITE_URL + "/long"));
  after(() => again.close());
  await again.waitForFunction(() => document.title === "Long");
});

await serve();
