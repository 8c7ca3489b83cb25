#!/usr/bin/env python3
"""Logs in to a shop, reads its orders and takes two pictures, by HTTP alone.

    TROUPE_URL=http://127.0.0.1:8888 TROUPE_TOKEN=… docs/examples/browser_http.py SITE [FOLDER]

It goes on when the browser ends under way: its page comes back where it was, so each turn looks at
the page and does what is next there.
"""
import datetime
import json
import os
import sys
import time
import urllib.error
import urllib.request

TROUPE = os.environ.get("TROUPE_URL", "http://127.0.0.1:8888")
TOKEN = os.environ["TROUPE_TOKEN"]
PAGES = "/v1/sandboxes/default/browser/pages"

READ_ORDERS = """({
  rows: [...document.querySelectorAll("tbody tr")].map(r => [...r.cells].map(c => c.innerText)),
  last: ![...document.links].some(a => a.innerText === "Next"),
})"""


class Restarted(Exception):
    """The browser ended; whether it had done what it was asked for, the page shows."""


def call(method, path, body=None, accept="application/json"):
    headers = {"Authorization": "Bearer " + TOKEN, "Accept": accept,
               "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
                urllib.request.Request(TROUPE + path, data, headers, method=method)) as answer:
            said = answer.read()
            return json.loads(said) if accept == "application/json" and said else said
    except urllib.error.HTTPError as e:
        problem = json.load(e)
        if problem.get("code") != "browser_restarted":
            raise SystemExit(f"{method} {path}: {problem}") from None
        time.sleep(float(e.headers.get("Retry-After", 1)))
        raise Restarted from None


def again(*args, **kw):
    """For what may be done twice."""
    while True:
        try:
            return call(*args, **kw)
        except Restarted:
            pass


def next_step(page, orders):
    """Does what is next on the page; whether all is read."""
    act = lambda verb, **fields: call("POST", f"{page}/{verb}", fields)  # noqa: E731
    title = call("GET", f"{page}/text")["title"]
    if title == "Log in":
        act("fill", selector="[name=name]", text="ann")
        act("fill", selector="[name=password]", text="secret")
        act("press", key="Enter")
    elif title == "Shop":
        act("click", text="Orders")
    else:
        seen = act("evaluate", expression=READ_ORDERS)["result"]
        orders.update({row[0]: row for row in seen["rows"]})
        if seen["last"]:
            return True
        act("click", text="Next")
    return False


def restored_since(begun):
    """What the node tells of pages that were brought back. Its events never end."""
    ask = urllib.request.Request(TROUPE + "/v1/events?from=1", headers={
        "Authorization": "Bearer " + TOKEN, "Accept": "application/x-ndjson"})
    with urllib.request.urlopen(ask, timeout=1) as events:
        try:
            for line in filter(str.strip, map(bytes.decode, events)):
                event = json.loads(line)
                at = datetime.datetime.fromisoformat(event["at"].replace("Z", "+00:00"))
                if event["type"] == "browser_restored" and at.timestamp() >= begun:
                    yield event["data"]
        except TimeoutError:
            pass


def main(site, folder="."):
    begun = time.time()
    page = PAGES + "/" + again("POST", PAGES, {"url": site})["id"]
    orders, done = {}, False
    while not done:
        try:
            done = next_step(page, orders)
        except Restarted:
            pass
    for name, options in (("page.png", {}), ("full_page.png", {"full_page": True})):
        picture = again("POST", page + "/screenshot", options, accept="image/png")
        with open(os.path.join(folder, name), "wb") as f:
            f.write(picture)
    again("DELETE", page)
    for number in sorted(orders, key=int):
        print(*orders[number], sep="\t")
    for told in restored_since(begun):
        for back in told["pages"]:
            print(f"generation {told['generation']}: {back['url']} came back with "
                  f"{', '.join(back['restored'])}; lost: {', '.join(back['lost']) or 'nothing'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
