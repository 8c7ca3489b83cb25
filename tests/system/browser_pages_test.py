"""Pages as the web has them: each kind is read and acted on as an agent would."""
import base64
import json
import os
import tempfile
import zlib

from browser_case import PAGES, BrowserCase
from harness import WALLED
from waiting import wait_until

PAGES.update({
    "/app": b"""<title>App</title><nav><a href='/app/one'>One</a></nav><main>start</main><script>
        document.querySelector('a').onclick = (e) => { e.preventDefault();
          history.pushState({}, '', '/app/one'); document.title = 'One';
          setTimeout(() => document.querySelector('main').textContent = 'the first', 50); };
        </script>""",
    "/shadow": b"""<title>Shadow</title><x-open></x-open><x-shut></x-shut><script>
        for (const mode of ['open', 'closed']) {
          const e = document.querySelector(mode === 'open' ? 'x-open' : 'x-shut');
          const b = document.createElement('button');
          b.textContent = 'press ' + mode; b.onclick = () => document.title += ' ' + mode;
          e.attachShadow({mode}).append(b); }</script>""",
    "/inner": b"<title>I</title><button onclick='this.textContent=\"pressed\"'>Far away</button>",
    "/endless": b"""<title>Endless</title><ul></ul><script>
        const ul = document.querySelector('ul');
        const more = () => { for (let i = 0; i < 20; ++i) {
          const li = document.createElement('li'); li.style.height = '60px';
          li.textContent = 'row ' + ul.children.length; ul.append(li); } };
        more(); onscroll = () => {
          if (innerHeight + scrollY > document.body.scrollHeight - 100 && ul.children.length < 80)
            more(); };</script>""",
    "/sticky": b"""<title>Sticky</title>
        <header style='position:sticky;top:0;height:120px;background:#ccc'>always here</header>
        <div style='height:3000px'></div><button onclick='document.title="hit"'>Below</button>
        <div style='height:3000px'></div>""",
    "/canvas": b"""<title>Canvas</title><body style='margin:0'>
        <canvas width=200 height=100></canvas><script>
        const c = document.querySelector('canvas'), x = c.getContext('2d');
        x.fillStyle = '#f00'; x.fillRect(0, 0, 200, 100);
        c.onclick = (e) => { x.fillStyle = '#00f'; x.fillRect(0, 0, 200, 100);
          document.title = e.offsetX + ',' + e.offsetY; }</script>""",
    "/opener": b"""<title>Opener</title><button onclick="window.open('/two')">Open</button>
        <a href='data:application/octet-stream,hello' download='a.bin'>Load</a>""",
})


def first_pixel(png):
    """Of a PNG with 8 bits a channel and without interlacing, whose first line has no filter that
    its first pixel depends on."""
    at, data = 8, b""
    while at < len(png):
        size, kind = int.from_bytes(png[at:at + 4], "big"), png[at + 4:at + 8]
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + size]
        at += 12 + size
    return tuple(zlib.decompress(data)[1:4])


@WALLED
class Pages(BrowserCase):
    def evaluate(self, page, expression):
        return self.act("evaluate", page=page["id"], expression=expression)["result"]

    def test_an_application_of_one_page_changes_its_address(self):
        page = self.open("/app")
        done = self.act("click", page=page["id"], text="One")
        self.assertEqual((done["url"], done["title"], done["changed"]),
                         (self.home + "/app/one", "One", True))
        self.act("wait", page=page["id"], text="the first", url="*/app/one")
        self.act("back", page=page["id"])
        self.assertEqual(self.evaluate(page, "location.pathname"), "/app")

    def test_what_is_in_shadow_trees_has_refs(self):
        page = self.open("/shadow")
        for mode in ("open", "closed"):
            snapshot = self.look("snapshot", page["id"])["snapshot"]
            line = next(l for l in snapshot.splitlines() if f"press {mode}" in l)
            self.act("click", page=page["id"], ref=line.split("[ref=")[1].split("]")[0])
        self.assertEqual(self.evaluate(page, "document.title"), "Shadow open closed")

    def test_a_frame_of_another_site_is_read_and_clicked(self):
        page = self.open("/two")
        other = self.home.replace("127.0.0.1", "localhost")
        self.evaluate(page, f"""new Promise((done) => {{
            const f = document.createElement('iframe'); f.src = '{other}/inner'; f.onload = done;
            document.body.append(f); }}).then(() => 1)""")
        snapshot = self.look("snapshot", page["id"])["snapshot"]
        line = next(l for l in snapshot.splitlines() if "Far away" in l)
        self.act("click", page=page["id"], ref=line.split("[ref=")[1].split("]")[0])
        wait_until(lambda: "pressed" in self.look("snapshot", page["id"])["snapshot"], 5,
                   "it was pressed")

    def test_a_page_without_end_grows_as_it_is_scrolled(self):
        page = self.open("/endless")
        for _ in range(5):
            self.act("scroll", page=page["id"], to="bottom")
        self.act("wait", page=page["id"], text="row 79")
        self.assertIn("row 79", self.look("text", page["id"])["text"])

    def test_what_a_sticky_header_covers_is_brought_out_from_under_it(self):
        page = self.open("/sticky")
        self.evaluate(page, "scrollTo(0, document.querySelector('button').offsetTop - 10); 1")
        self.act("click", page=page["id"], text="Below")
        self.assertEqual(self.evaluate(page, "document.title"), "hit")

    def test_a_canvas_is_seen_and_clicked_by_coordinates(self):
        page = self.open("/canvas")

        def colour():
            shot = self.act("screenshot", page=page["id"], selector="canvas")
            return first_pixel(base64.b64decode(shot["data"]))
        self.assertEqual(colour(), (255, 0, 0))
        done = self.act("click", page=page["id"], x=150, y=30)
        self.assertEqual(done["title"], "150,30")
        self.assertEqual(colour(), (0, 0, 255))

    def test_a_popup_is_a_new_page_and_told(self):
        page = self.open("/opener")
        done = self.act("click", page=page["id"], text="Open")
        new, = done["new_pages"]
        self.addCleanup(self.client.delete, f"{self.base}/pages/{new}")
        self.act("wait", page=new, text="the second page")
        told = next(p for p in self.browser()["pages"] if p["id"] == new)
        self.assertEqual(told["opener"], page["id"])

    def test_a_download_goes_into_the_workspace(self):
        page = self.open("/opener")
        done = self.act("click", page=page["id"], text="Load")
        self.assertEqual(len(done["downloads"]), 1)
        said = self.look("downloads", page["id"])["downloads"][-1]
        self.assertEqual((said["suggested_name"], said["state"]), ("a.bin", "completed"))
        got = self.client.get("/v1/sandboxes/default/files/" + said["path"])
        self.assertEqual(got.body, b"hello")

    def test_the_last_page_may_go_and_the_next_one_come(self):
        self.open("/two")
        for page in self.browser()["pages"]:
            self.client.delete(f"{self.base}/pages/{page['id']}")
        wait_until(lambda: self.browser()["pages"] == [], 5, "none is left")
        answer = self.client.post(f"{self.base}/pages/active/navigate", {"url": self.home})
        self.check_problem(answer, 404, "page_not_found")
        self.assertEqual(self.open("/two")["title"], "Two")


@WALLED
class Extensions(BrowserCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="tsys", dir="/var/tmp")
        os.chmod(folder, 0o755)
        cls.addClassCleanup(os.rmdir, folder)
        for name, text in (("manifest.json", json.dumps({
                "manifest_version": 3, "name": "mark", "version": "1", "content_scripts": [
                    {"matches": ["<all_urls>"], "js": ["mark.js"]}]})),
                           ("mark.js", "document.documentElement.dataset.marked = 'yes';")):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            cls.addClassCleanup(os.unlink, path)
        cls.flags = BrowserCase.flags + ("--browser.extensions", folder)
        super().setUpClass()

    def test_an_extension_acts_on_pages(self):
        page = self.open("/two")
        self.assertEqual(self.act("evaluate", page=page["id"],
                                  expression="document.documentElement.dataset.marked")["result"],
                         "yes")
