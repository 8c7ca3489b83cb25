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
  return judge({std::move(match), std::move(none_match), {}}, etag, true);
}
verdict write_if(std::string match, std::string none_match, std::string_view etag) {
  return judge({std::move(match), std::move(none_match), {}}, etag, false);
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

CAF_TEST(dates are those of HTTP) {
  CAF_CHECK_EQUAL(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}
