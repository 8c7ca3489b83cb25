// What the checks of all clients share. A check is asked for by a line on standard input that has
// its name, and answered by a line of JSON: {"error": null} or what went wrong.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { setTimeout as pass } from "node:timers/promises";

export { assert };
export const { CDP_URL, SITE_URL, TROUPE_URL, TROUPE_TOKEN } = process.env;
export const other_port = `${TROUPE_URL}/v1/sandboxes/default/cdp`;
export const headers = { Authorization: `Bearer ${TROUPE_TOKEN}` };

const checks = new Map();
const check_ms_max = 20_000;

// `after` takes what is to be done when the check is over, the last first.
export function check(name, run) {
  checks.set(name, run);
}

export async function serve() {
  process.on("unhandledRejection", (e) => console.error("unhandled:", e));
  for await (const name of createInterface({ input: process.stdin })) {
    const todo = [];
    let error = null;
    try {
      await within(check_ms_max, checks.get(name)((f) => todo.push(f)), name);
    } catch (e) {
      error = e?.stack ?? String(e);
    }
    for (const f of todo.reverse())
      await within(5_000, f(), "clean up").catch((e) => console.error("clean up:", e));
    console.log(JSON.stringify({ error }));
  }
  process.exit();
}

export async function within(ms, promise, what) {
  const stop = new AbortController();
  const late = pass(ms, null, { signal: stop.signal }).then(() => {
    throw new Error(`not within ${ms} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => {});
  }
}

// Asks until it is so; gives the answer.
export async function until(what, condition, ms = 10_000) {
  for (const end = Date.now() + ms; ; await pass(20)) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
  }
}

export async function troupe(method, path, body) {
  const answer = await fetch(TROUPE_URL + path, {
    method,
    headers: { ...headers, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  return answer.status === 204 ? null : answer.json();
}

export const browser_of_daemon = () => troupe("GET", "/v1/sandboxes/default/browser");

// Kills the browser; gives a function that waits for the next one.
export async function kill_browser() {
  const before = await browser_of_daemon();
  process.kill(before.pid, "SIGKILL");
  return () =>
    until("the next browser", async () => {
      const now = await browser_of_daemon();
      return now.generation > before.generation && now.state === "idle";
    });
}
