import { setTimeout as pass } from "node:timers/promises";
import CDP from "chrome-remote-interface";
import { CDP_URL, SITE_URL, TROUPE_TOKEN, assert, browser_of_daemon, check, kill_browser, serve,
         troupe, until, within } from "./checks.mjs";

const { hostname: host, port } = new URL(CDP_URL);
const at = { host, port: Number(port) };

const once = (client, event, sessionId) =>
  within(8_000, new Promise((done) => client.once(sessionId ? `${event}.${sessionId}` : event,
                                                  done)), event);

// A client of the browser itself.
async function connect(after) {
  const { webSocketDebuggerUrl } = await CDP.Version(at);
  const client = await CDP({ ...at, target: webSocketDebuggerUrl });
  after(() => client.close());
  return client;
}

// A client of a page of its own.
async function open(after, path = "/play") {
  const target = await CDP.New({ ...at, url: SITE_URL + path });
  after(() => CDP.Close({ ...at, id: target.id }).catch(() => {}));
  const client = await CDP({ ...at, target });
  after(() => client.close());
  await client.Page.enable();
  await until("it is loaded", async () =>
    (await value(client, "location.href + document.readyState")) === `${SITE_URL}${path}complete`);
  return { client, id: target.id };
}

async function value(client, expression, sessionId) {
  const { result } = await client.send("Runtime.evaluate", { expression, awaitPromise: true },
                                       sessionId);
  return result.value;
}

// Is not waited for: what it opens may hold the page.
function click(client, text) {
  const expression = `[...document.querySelectorAll("button")]
    .find((b) => b.innerText === "${text}").click()`;
  client.Runtime.evaluate({ expression, userGesture: true }).catch(() => {});
}

const hold = (client) => client.Target.setAutoAttach({
  autoAttach: true, waitForDebuggerOnStart: true, flatten: true });

const next_held = (client) => new Promise((done) =>
  client.on("Target.attachedToTarget", (told) => told.waitingForDebugger && done(told)));

check("targets are made, listed, activated and closed", async (after) => {
  const version = await CDP.Version(at);
  assert.equal(version["Protocol-Version"], "1.3");
  const made = await CDP.New({ ...at, url: SITE_URL + "/two" });
  assert.equal(made.url, SITE_URL + "/two");
  const listed = async () => (await CDP.List(at)).find((t) => t.id === made.id);
  await until("its title", async () => (await listed()).title === "Two");
  assert.equal((await listed()).type, "page");
  await CDP.Activate({ ...at, id: made.id });
  await CDP.Close({ ...at, id: made.id });
  await until("it is gone", async () => !(await listed()));
  await assert.rejects(CDP.Close({ ...at, id: made.id }), /No such target id/);
  const { domains } = await CDP.Protocol({ ...at, local: false });
  assert.ok(domains.some((d) => d.domain === "Page"));
});

check("the token may be shown before the path", async (after) => {
  const by_token = { ...at, alterPath: (path) => `/token/${TROUPE_TOKEN}${path}` };
  const { webSocketDebuggerUrl } = await CDP.Version(by_token);
  assert.ok(webSocketDebuggerUrl.includes(`/token/${TROUPE_TOKEN}/devtools/browser/`));
  const client = await CDP({ ...at, target: webSocketDebuggerUrl });
  after(() => client.close());
  assert.match((await client.Browser.getVersion()).product, /^Chrome\//);
  await assert.rejects(CDP.List({ ...at, alterPath: (path) => "/token/wrong" + path }), /token/i);
});

check("a page is driven by its own socket", async (after) => {
  const { client, id } = await open(after, "/two");
  const { Page, Runtime, Network, Target } = client;
  await Promise.all([Network.enable(), Runtime.enable()]);
  const [answer] = await Promise.all([once(client, "Network.responseReceived"),
                                      once(client, "Page.loadEventFired"),
                                      Page.navigate({ url: SITE_URL + "/play" })]);
  assert.equal(answer.response.status, 200);
  assert.equal(await value(client, "document.title"), "Play");
  const { targetInfos } = await Target.getTargets();
  assert.ok(targetInfos.some((t) => t.targetId === id));
  await assert.rejects(client.send("Target.createBrowserContext"), /Not allowed/);
});

check("a page that is closed says so and ends its socket", async (after) => {
  const { client, id } = await open(after, "/two");
  const reasons = [];
  client.on("Inspector.detached", ({ reason }) => reasons.push(reason));
  const ended = once(client, "disconnect");
  await CDP.Close({ ...at, id });
  await ended;
  assert.deepEqual(reasons, ["Render process gone.", "target_closed"]);
});

check("what is wrong is answered as Chromium answers", async (after) => {
  const client = await connect(after);
  const rows = [
    ["Nope.nope", {}, -32601, "'Nope.nope' wasn't found"],
    ["Page.enable", {}, -32601, "'Page.enable' wasn't found"],
    ["Target.attachToTarget", {}, -32602, "Invalid parameters"],
    ["Target.attachToTarget", { targetId: "NOPE" }, -32602, "No target with given id found"],
    ["Target.closeTarget", { targetId: "NOPE" }, -32602, "No target with given id found"],
    ["Target.detachFromTarget", { sessionId: "NOPE" }, -32602, "No session with given id"],
    ["Target.disposeBrowserContext", { browserContextId: "x" }, -32000,
     "Failed to find context with id x"],
    ["Target.createTarget", { url: "about:blank", browserContextId: "x" }, -32000,
     "Failed to find browser context with id x"],
  ];
  for (const [method, params, code, message] of rows)
    await assert.rejects(client.send(method, params), (e) => {
      assert.deepEqual([e.response.code, e.response.message], [code, message], method);
      return true;
    });
  await assert.rejects(client.send("Runtime.evaluate", { expression: "1" }, "NOPE"),
                       /Session with given id not found/);
  const raw = client._ws;  // what CRI itself would not send
  const answer = (text) => new Promise((done) => {
    raw.once("message", (data) => done(JSON.parse(data)));
    raw.send(text);
  });
  for (const [text, code] of [["{nonsense", -32700], ["[]", -32600], ['{"id":"a"}', -32600],
                              ['{"method":"Browser.getVersion"}', -32600]]) {
    const told = await answer(text);
    assert.equal(told.error.code, code, text);
    assert.ok(!("id" in told), text);
  }
  assert.equal((await answer('{"id":77}')).error.code, -32600);
  assert.equal((await answer('{"id":78,"method":"Browser.getVersion","more":1}')).error.code,
               -32600);
});

check("sessions belong to the client that has them", async (after) => {
  const one = await connect(after);
  const two = await connect(after);
  const { targetId } = await one.Target.createTarget({ url: SITE_URL + "/two" });
  after(() => one.Target.closeTarget({ targetId }));
  const { sessionId } = await one.Target.attachToTarget({ targetId, flatten: true });
  await assert.rejects(two.send("Runtime.evaluate", { expression: "1" }, sessionId),
                       /Session with given id not found/);
  const own = (await two.Target.attachToTarget({ targetId, flatten: true })).sessionId;
  const sums = await Promise.all([one, two, one, two].map((client, i) =>
    value(client, `${i} + 10`, client === one ? sessionId : own)));
  assert.deepEqual(sums, [10, 11, 12, 13]);
  await two.Target.detachFromTarget({ sessionId: own });
  assert.equal(await value(one, "7", sessionId), 7);
});

check("sessions that are not flat work", async (after) => {
  const client = await connect(after);
  const { targetId } = await client.Target.createTarget({ url: "about:blank" });
  after(() => client.Target.closeTarget({ targetId }));
  const { sessionId } = await client.Target.attachToTarget({ targetId });
  const told = once(client, "Target.receivedMessageFromTarget");
  const message = JSON.stringify({ id: 5, method: "Runtime.evaluate",
                                   params: { expression: "6*7" } });
  await client.Target.sendMessageToTarget({ sessionId, message });
  const answer = JSON.parse((await told).message);
  assert.deepEqual([answer.id, answer.result.result.value], [5, 42]);
});

check("contexts go with their client when they are said to", async (after) => {
  const stays = await connect(after);
  const goes = await connect(after);
  const { browserContextId } = await goes.Target.createBrowserContext({ disposeOnDetach: true });
  const { targetId } = await goes.Target.createTarget({ url: SITE_URL + "/two",
                                                        browserContextId });
  const there = async () => (await stays.Target.getTargets()).targetInfos
    .some((t) => t.targetId === targetId);
  assert.ok(await there());
  await goes.close();
  await until("its context is gone", async () => !(await there()));
});

check("a popup that a client holds goes on when the client has gone", async (after) => {
  const { client: opener } = await open(after);
  const holder = await connect(after);
  const held = next_held(holder);
  await hold(holder);
  click(opener, "Open");
  const { targetId } = (await held).targetInfo;
  after(() => CDP.Close({ ...at, id: targetId }));
  await holder.close();
  await until("the popup is there", async () =>
    (await CDP.List(at)).some((t) => t.id === targetId && t.url === SITE_URL + "/popup"));
  assert.equal(await within(3_000, value(opener, "popup.closed"), "the opener"), false);
});

check("a popup waits for all who hold it", async (after) => {
  const { client: opener } = await open(after);
  const holders = [await connect(after), await connect(after)];
  const held = holders.map(next_held);
  for (const client of holders) await hold(client);
  click(opener, "Open");
  const [one, two] = await Promise.all(held);
  const { targetId } = one.targetInfo;
  after(() => CDP.Close({ ...at, id: targetId }));
  await holders[0].send("Runtime.runIfWaitingForDebugger", {}, one.sessionId);
  await holders[1].send("Page.enable", {}, two.sessionId);
  await holders[1].send("Page.addScriptToEvaluateOnNewDocument", { source: "window.mark = 'late'" },
                        two.sessionId);
  await holders[1].send("Runtime.runIfWaitingForDebugger", {}, two.sessionId);
  await until("its title", async () =>
    (await CDP.List(at)).find((t) => t.id === targetId)?.title === "late");
});

check("a dialog whose client has gone is answered", async (after) => {
  const { client, id } = await open(after);
  const other = await CDP({ ...at, target: id });
  after(() => other.close());
  const opened = once(client, "Page.javascriptDialogOpening");
  click(client, "Confirm");
  assert.equal((await opened).message, "sure?");
  await client.close();
  const title = await within(8_000, value(other, "document.title"), "the page");
  assert.equal(title, "false");
});

check("a dialog is answered by the first of its clients", async (after) => {
  const { client, id } = await open(after);
  const other = await CDP({ ...at, target: id });
  after(() => other.close());
  await other.Page.enable();
  const opened = Promise.all([client, other].map((c) => once(c, "Page.javascriptDialogOpening")));
  click(client, "Confirm");
  await opened;
  await client.Page.handleJavaScriptDialog({ accept: true });
  await assert.rejects(other.Page.handleJavaScriptDialog({ accept: true }),
                       /No dialog is showing/);
  assert.equal(await value(other, "document.title"), "true");
});

check("a request whose client has gone goes on", async (after) => {
  const { client, id } = await open(after);
  const other = await CDP({ ...at, target: id });
  after(() => other.close());
  await client.Fetch.enable({ patterns: [{ urlPattern: "*/data" }] });
  const paused = once(client, "Fetch.requestPaused");
  const asked = value(other, "fetch('/data').then((r) => r.text())");
  await paused;
  await client.close();
  assert.equal(await within(5_000, asked, "the request"), "from the site");
});

check("a script without end is ended", async (after) => {
  const { client } = await open(after, "/two");
  const ended = assert.rejects(value(client, "for (;;);")).then(() => true);
  await until("it is ended", async () => {  // one that comes before the script ends nothing
    await client.Runtime.terminateExecution();
    return Promise.race([ended, pass(200)]);
  });
  assert.equal(await value(client, "1 + 1"), 2);
});

check("a page that crashes is told and is the same afterwards", async (after) => {
  const { client, id } = await open(after, "/two");
  const crashed = once(client, "Inspector.targetCrashed");
  const again = once(client, "Page.loadEventFired");
  client.Page.crash().catch(() => {});
  await crashed;
  await again;  // the daemon loads it again
  assert.equal(await value(client, "document.title"), "Two");
  assert.ok((await CDP.List(at)).some((t) => t.id === id));
});

check("its close leaves the browser to the others", async (after) => {
  const stays = await connect(after);
  const goes = await connect(after);
  const ended = once(goes, "disconnect");
  await goes.Browser.close();
  await ended;
  assert.match((await stays.Browser.getVersion()).product, /^Chrome\//);
  for (const method of ["Browser.crash", "Browser.crashGpuProcess",
                        "Target.exposeDevToolsProtocol"])
    await assert.rejects(stays.send(method, { targetId: "x" }), /Not allowed/);
});

check("a client that sends bytes is cut and no other", async (after) => {
  const stays = await connect(after);
  const goes = await connect(after);
  const ended = once(goes, "disconnect");
  goes._ws.send(Buffer.from([1, 2, 3]));
  await ended;
  assert.match((await stays.Browser.getVersion()).product, /^Chrome\//);
});

check("a killed browser is told, and pages keep their id of the daemon", async (after) => {
  const page = await troupe("POST", "/v1/sandboxes/default/browser/pages",
                            { url: SITE_URL + "/long" });
  after(() => troupe("DELETE", `/v1/sandboxes/default/browser/pages/${page.id}`));
  const before = await connect(after);
  let code = null;
  before._ws.on("close", (c) => { code = c; });
  const ended = once(before, "disconnect");
  const back = await kill_browser();
  await ended;
  assert.equal(code, 1012);
  await assert.rejects(before.Browser.getVersion());
  const client = await connect(after);
  assert.match((await client.Browser.getVersion()).product, /^Chrome\//);
  await back();
  const { pages } = await browser_of_daemon();
  assert.ok(pages.some((p) => p.id === page.id && p.url === SITE_URL + "/long"));
  await until("it is listed", async () => (await CDP.List(at)).some((t) => t.title === "Long"));
});

check("who connects again finds each page at its own address", async (after) => {
  const made = await Promise.all(["/long", "/two"].map((path) =>
    troupe("POST", "/v1/sandboxes/default/browser/pages", { url: SITE_URL + path })));
  after(() => Promise.all(made.map(({ id }) =>
    troupe("DELETE", `/v1/sandboxes/default/browser/pages/${id}`))));
  const urls = async (client) => (await client.Target.getTargets()).targetInfos
    .filter((t) => t.type === "page").map((t) => t.url).sort();
  const before = await connect(after);
  const seen = await urls(before);
  const ended = once(before, "disconnect");
  await kill_browser();
  await ended;
  assert.deepEqual(await urls(await connect(after)), seen);
});

await serve();
