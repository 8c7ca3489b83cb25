#define CAF_SUITE files_conditions

#include "protocol/files/conditions.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::files;

namespace {

std::string ranged(std::string_view header, std::uint64_t size) {
  auto choice = choose_range(header, size);
  if (auto* r = std::get_if<byte_range>(&choice))
    return std::to_string(r->first) + "+" + std::to_string(r->length);
  return std::holds_alternative<whole>(choice) ? "whole" : "unsatisfiable";
}

verdict read_if(std::string match, std::string none_match, std::string_view etag) {
  return judge({std::move(match), std::move(none_match), {}}, etag, 0, true);
}
verdict write_if(std::string match, std::string none_match, std::string_view etag) {
  return judge({std::move(match), std::move(none_match), {}}, etag, 0, false);
}

}  // namespace

CAF_TEST(a single range is cut to the file) {
  CAF_CHECK_EQUAL(ranged("bytes=0-0", 10), "0+1");
  CAF_CHECK_EQUAL(ranged("bytes=2-5", 10), "2+4");
  CAF_CHECK_EQUAL(ranged("Bytes=7-", 10), "7+3");
  CAF_CHECK_EQUAL(ranged("bytes=7-99999999999999999999999", 10), "7+3");
  CAF_CHECK_EQUAL(ranged("bytes=-3", 10), "7+3");
  CAF_CHECK_EQUAL(ranged("bytes=-99", 10), "0+10");
}

CAF_TEST(a range beyond the end cannot be satisfied) {
  for (auto header : {"bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"})
    CAF_CHECK_EQUAL(ranged(header, 10), "unsatisfiable");
  CAF_CHECK_EQUAL(ranged("bytes=0-", 0), "unsatisfiable");
  CAF_CHECK_EQUAL(ranged("bytes=-5", 0), "unsatisfiable");
}

CAF_TEST(what is no single range means the whole) {
  for (auto header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4",
                      "lines=0-1", "bytes= 0-1", "bytes=0x1-2", "bytes=--1", "bytes=1--2"})
    CAF_CHECK_EQUAL(ranged(header, 10), "whole");
}

// Invariant: a range lies within the size and is not empty.
CAF_TEST(random ranges never leave the file) {
  std::mt19937_64 random(tests::seed());
  for (int round = 0; round < 50'000; ++round) {
    std::string header = "bytes=";
    for (auto n = random() % 8; n > 0; --n) header += "0123456789--, "[random() % 14];
    auto size = random() % 2'000;
    auto choice = choose_range(header, size);
    if (auto* r = std::get_if<byte_range>(&choice))
      CAF_REQUIRE(r->length > 0 && r->first < size && r->length <= size - r->first);
  }
}

CAF_TEST(a read whose client has it already need not be answered again) {
  CAF_CHECK(read_if("", "\"a\"", "\"a\"") == verdict::not_modified);
  CAF_CHECK(read_if("", "\"b\", W/\"a\"", "\"a\"") == verdict::not_modified);
  CAF_CHECK(read_if("", "*", "\"a\"") == verdict::not_modified);
  CAF_CHECK(read_if("", "\"b\"", "\"a\"") == verdict::go_on);
  CAF_CHECK(read_if("", "a", "\"a\"") == verdict::go_on);
}

CAF_TEST(a write goes on only if the file is as the client knows it) {
  CAF_CHECK(write_if("\"a\"", "", "\"a\"") == verdict::go_on);
  CAF_CHECK(write_if("\"x\",\"a\"", "", "\"a\"") == verdict::go_on);
  CAF_CHECK(write_if("*", "", "\"a\"") == verdict::go_on);
  CAF_CHECK(write_if("\"b\"", "", "\"a\"") == verdict::failed);
  CAF_CHECK(write_if("W/\"a\"", "", "\"a\"") == verdict::failed);
  CAF_CHECK(write_if("*", "", "") == verdict::failed);
  CAF_CHECK(write_if("", "*", "") == verdict::go_on);
  CAF_CHECK(write_if("", "*", "\"a\"") == verdict::failed);
}

CAF_TEST(a file that is newer than the date is not written to) {
  conditions c{.if_unmodified_since = http_date(1'000)};
  CAF_CHECK(judge(c, "\"a\"", 1'000, false) == verdict::go_on);
  CAF_CHECK(judge(c, "\"a\"", 999, false) == verdict::go_on);
  CAF_CHECK(judge(c, "\"a\"", 1'001, false) == verdict::failed);
  CAF_CHECK(judge(c, "\"a\"", 1'001, true) == verdict::failed);
  CAF_CHECK(judge(c, "", 0, false) == verdict::go_on);  // nothing has no date
  CAF_CHECK(c.binds_writes());
  c.if_match = "\"a\"";  // says it better
  CAF_CHECK(judge(c, "\"a\"", 1'001, false) == verdict::go_on);
  CAF_CHECK(judge(c, "\"b\"", 999, false) == verdict::failed);
}

CAF_TEST(a file that is no newer than the date need not be read again) {
  conditions c{.if_modified_since = http_date(1'000)};
  CAF_CHECK(judge(c, "\"a\"", 1'000, true) == verdict::not_modified);
  CAF_CHECK(judge(c, "\"a\"", 999, true) == verdict::not_modified);
  CAF_CHECK(judge(c, "\"a\"", 1'001, true) == verdict::go_on);
  CAF_CHECK(judge(c, "\"a\"", 999, false) == verdict::go_on);
  CAF_CHECK(!c.binds_writes());
  c.if_none_match = "\"b\"";
  CAF_CHECK(judge(c, "\"a\"", 999, true) == verdict::go_on);
}

CAF_TEST(a date that cannot be read is none) {
  for (auto* text :
       {"", "now", "1994", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT, x",
        "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 25:49:37 GMT"}) {
    CAF_CHECK(!parse_http_date(text));
    conditions c{.if_modified_since = text, .if_unmodified_since = text};
    CAF_CHECK(judge(c, "\"a\"", 2'000'000'000, false) == verdict::go_on);
    CAF_CHECK(judge(c, "\"a\"", 0, true) == verdict::go_on);
    CAF_CHECK(!c.binds_writes());
  }
}

CAF_TEST(dates are those of HTTP) {
  CAF_CHECK_EQUAL(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (auto* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                     "Sun Nov  6 08:49:37 1994"})
    CAF_CHECK(parse_http_date(text) == 784111777);
  std::mt19937_64 random(tests::seed());
  for (int round = 0; round < 5'000; ++round) {
    auto at = static_cast<std::int64_t>(random() % 253'402'300'799);
    CAF_REQUIRE(parse_http_date(http_date(at)) == at);
  }
}
