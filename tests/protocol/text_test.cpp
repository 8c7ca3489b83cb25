#define CAF_SUITE protocol_text
#include "protocol/text.hpp"

#include <array>

#include "protocol/id.hpp"
#include "protocol/time.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;

CAF_TEST(a mistyped word finds the name that was meant) {
  constexpr std::array<std::string_view, 5> names{"code", "kernel_id", "timeout_s", "labels",
                                                  "on_disconnect"};
  CAF_CHECK_EQUAL(nearest("cdoe", names), "code");
  CAF_CHECK_EQUAL(nearest("timeout", names), "timeout_s");
  CAF_CHECK_EQUAL(nearest("kernelid", names), "kernel_id");
  CAF_CHECK_EQUAL(nearest("on_disconect", names), "on_disconnect");
  CAF_CHECK_EQUAL(nearest("code", names), "code");
  CAF_CHECK_EQUAL(nearest("zzz", names), "");
  CAF_CHECK_EQUAL(nearest("", names), "");
  CAF_CHECK_EQUAL(nearest(std::string(100'000, 'c'), names), "");
  CAF_CHECK_EQUAL(nearest("code", {}), "");
}

CAF_TEST(terminal codes are taken out and nothing else) {
  CAF_CHECK_EQUAL(strip_ansi("\x1b[0;31mValueError\x1b[0m: x"), "ValueError: x");
  CAF_CHECK_EQUAL(strip_ansi("\x1b]0;title\x07text\x1b]8;;http://a\x1b\\link"), "textlink");
  CAF_CHECK_EQUAL(strip_ansi("a\x1b(Bb\x1b=c\x1b[?25ld"), "abcd");
  CAF_CHECK_EQUAL(strip_ansi("[31m plain 中文 \n"), "[31m plain 中文 \n");
  CAF_CHECK_EQUAL(strip_ansi("end\x1b"), "end");
  CAF_CHECK_EQUAL(strip_ansi("end\x1b[3"), "end");
  CAF_CHECK_EQUAL(strip_ansi("\x1b]never closed"), "never closed");
  CAF_CHECK_EQUAL(strip_ansi("\x1b[31\nx"), "\nx");
}

CAF_TEST(a cut never splits a character) {
  const std::string text = "aé中😀";  // 1, 2, 3 and 4 bytes
  constexpr std::array<std::size_t, 11> cuts{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (std::size_t max = 0; max < cuts.size(); ++max)
    CAF_CHECK_EQUAL(utf8_cut(text, max), cuts[max]);
  CAF_CHECK_EQUAL(utf8_cut(text, 99), text.size());
  CAF_CHECK_EQUAL(utf8_cut(std::string(9, '\x80'), 5), 5u);
}

CAF_TEST(wrong characters have no length) {
  for (auto wrong : {"\x80", "\xc1\x81", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                     "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8", "\xc3"})
    CAF_CHECK_EQUAL(utf8_length(wrong, 0), 0u);
  CAF_CHECK_EQUAL(utf8_length("", 0), 0u);
  CAF_CHECK_EQUAL(utf8_length("\xf4\x8f\xbf\xbf", 0), 4u);
}

CAF_TEST(times have milliseconds and a Z) {
  CAF_CHECK_EQUAL(rfc3339(0), "1970-01-01T00:00:00.000Z");
  CAF_CHECK_EQUAL(rfc3339(1'767'323'045'678), "2026-01-02T03:04:05.678Z");
  CAF_CHECK_EQUAL(rfc3339(951'827'696'789), "2000-02-29T12:34:56.789Z");
  CAF_CHECK_EQUAL(rfc3339(-1), "1969-12-31T23:59:59.999Z");
  CAF_CHECK_EQUAL(rfc3339(std::numeric_limits<unix_ms>::max()), "9999-12-31T23:59:59.999Z");
  CAF_CHECK_EQUAL(rfc3339(std::numeric_limits<unix_ms>::min()), "0000-01-01T00:00:00.000Z");
}

CAF_TEST(an id keeps all bits behind its kind) {
  CAF_CHECK_EQUAL(make_id("exe_", 0, 0), "exe_AAAAAAAAAAAAAAAAAAAAAA");
  CAF_CHECK_EQUAL(make_id("exe_", ~0ull, ~0ull), "exe_P__________P__________");
  CAF_CHECK(make_id("exe_", 1, 0) != make_id("exe_", 0, 1));
  std::mt19937_64 random(tests::seed());
  for (int i = 0; i < 1'000; ++i) CAF_REQUIRE(valid_id(make_id("sbx_", random(), random())));
}

CAF_TEST(names of clients are safe as file names) {
  for (auto good : {"default", "main", "a.b-c_D9", "_", "exe_P__________P__________"})
    CAF_CHECK(valid_id(good));
  for (auto bad : {"", ".", "..", ".a", "-a", "a/b", "a b", "é", "a\n", "a%2f"})
    CAF_CHECK(!valid_id(bad));
  CAF_CHECK(valid_id(std::string(64, 'a')));
  CAF_CHECK(!valid_id(std::string(65, 'a')));
}

CAF_TEST(bytes that are no UTF - 8 are replaced and the rest is kept) {
  CAF_CHECK_EQUAL(to_utf8("a\xff"
                          "b"),
                  "a\xef\xbf\xbd"
                  "b");
  CAF_CHECK_EQUAL(to_utf8("\xed\xa0\xbd"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  CAF_CHECK_EQUAL(to_utf8("中文 😀"), "中文 😀");
  CAF_CHECK_EQUAL(to_utf8("\xe4\xb8"), "\xef\xbf\xbd\xef\xbf\xbd");
  CAF_CHECK_EQUAL(to_utf8(""), "");
}

CAF_TEST(text that comes in pieces is the same text wherever it is cut) {
  std::mt19937_64 random(tests::seed());
  const std::string_view parts[] = {"a",    "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80",
                                    "\xff", "\xe4\xb8", "\xf0\x9f",     "\x80"};
  for (int i = 0; i < 2'000; ++i) {
    std::string all, joined;
    for (auto n = random() % 12; n > 0; --n) all += parts[random() % std::size(parts)];
    utf8_joiner joiner;
    for (std::size_t at = 0; at < all.size();) {
      auto size = 1 + random() % 4;
      joined += joiner.add(std::string_view(all).substr(at, size));
      at += size;
    }
    joined += joiner.finish();
    CAF_REQUIRE_EQUAL(joined, to_utf8(all));
  }
}
