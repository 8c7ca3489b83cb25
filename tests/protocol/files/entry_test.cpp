#define CAF_SUITE files_entry

#include "protocol/files/entry.hpp"

#include "protocol/files/path.hpp"
#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::files;

CAF_TEST(a page takes what there is room for and then nothing more) {
  page p;
  const std::string half(page::bytes_max / 2, '1');
  CAF_CHECK(p.add(half));
  CAF_CHECK(!p.add(half));
  CAF_CHECK(!p.add("1"));
  CAF_CHECK(p.full());
  CAF_CHECK_EQUAL(p.close(), "[" + half + "]");
  page small;
  CAF_CHECK(small.add("1") && small.add("2"));
  CAF_CHECK(!small.full());
  CAF_CHECK_EQUAL(small.close(), "[1,2]");
}

// Invariant: the cursor of a page that is cut is that of its last entry, so pages fit together.
CAF_TEST(a listing whose names are long in JSON is cut and goes on at the cursor) {
  listing l;
  l.next = "end";
  for (int i = 0; i < 2'000; ++i) {
    auto& e = l.entries.emplace_back();
    e.path = std::to_string(10'000 + i) + std::string(1'500, '\1');
  }
  auto text = to_json(l);
  CAF_CHECK(text.size() < page::bytes_max + 10'000);
  auto body = protocol::parse_json(text);
  CAF_REQUIRE(body);
  auto shown = (*body)["entries"].size();
  CAF_REQUIRE(shown > 0 && shown < l.entries.size());
  CAF_CHECK_EQUAL((*body)["next"].get<std::string>(), cursor_of(l.entries[shown - 1].path));
  l.entries.resize(shown);
  body = protocol::parse_json(to_json(l));
  CAF_REQUIRE(body);
  CAF_CHECK_EQUAL((*body)["next"].get<std::string>(), "end");
}

CAF_TEST(the name of a file says its type) {
  CAF_CHECK_EQUAL(type_of("a/index.HTML"), "text/html; charset=utf-8");
  CAF_CHECK_EQUAL(type_of("m.mjs"), type_of("m.js"));
  CAF_CHECK_EQUAL(type_of("m.wasm"), "application/wasm");
  CAF_CHECK_EQUAL(type_of("f.woff2"), "font/woff2");
  CAF_CHECK_EQUAL(type_of("f.ico"), "image/x-icon");
  for (auto* plain : {"html", "a.html/b", "a.", "a.htmlx", ""})
    CAF_CHECK_EQUAL(type_of(plain), "application/octet-stream");
}
