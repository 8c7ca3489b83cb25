#define CAF_SUITE cdp_access
#include "gateways/cdp/cdp_access.hpp"

#include <array>

#include "tests/support/unit.hpp"

using namespace gateways;
using enum cdp_admission;

namespace {

const cdp_access access_to{"secret", false, {1000, 1001}};
const cdp_access insecure{"secret", true, {}};

auto uid(std::optional<uid_t> of) {
  return [of] { return of; };
}

cdp_admission how(const cdp_access& access, const cdp_visit& v,
                  const std::function<std::optional<uid_t>()>& peer_uid) {
  return access.judge(v, peer_uid).how;
}

/// Must not be asked.
std::optional<uid_t> unasked() {
  CAF_FAIL("the uid was looked up");
  return {};
}

}  // namespace

CAF_TEST(programs of trusted users on this machine show nothing) {
  CAF_CHECK(how(access_to, {.loopback = true}, uid(1000)) == trusted);
  CAF_CHECK(how(access_to, {.loopback = true}, uid(1001)) == trusted);
  CAF_CHECK(how(access_to, {.loopback = true}, uid(0)) == refused);
  CAF_CHECK(how(access_to, {.loopback = true}, uid({})) == refused);
  CAF_CHECK(how(access_to, {.loopback = true, .authorization = "Bearer no"}, uid(1000)) == trusted);
  CAF_CHECK(how(access_to, {}, unasked) == refused);
  CAF_CHECK(how(access_to, {.remote = true, .loopback = true}, unasked) == refused);
}

CAF_TEST(everybody may show the token) {
  for (bool remote : {false, true}) {
    auto by = [&](std::string_view authorization, std::optional<std::string_view> path = {}) {
      return how(access_to, {remote, true, authorization, path}, uid(1));
    };
    CAF_CHECK(by("Bearer secret") == by_token);
    CAF_CHECK(by("bearer  secret") == by_token);
    CAF_CHECK(by("", "secret") == by_token);
    for (auto wrong : {"", "secret", "Basic secret", "Bearer ", "Bearer secre", "Bearer secret2"})
      CAF_CHECK(by(wrong) == refused);
    CAF_CHECK(by("Bearer secret", "wrong") == refused);
    CAF_CHECK(by("", "") == refused);
  }
  CAF_CHECK(how(access_to, {.loopback = true, .path_token = "no"}, unasked) == refused);
  CAF_CHECK(how(cdp_access("", false, {}), {.path_token = ""}, unasked) == refused);
}

CAF_TEST(whoever shows a token with a policy is held to it) {
  cdp_access access("secret", true, {1000}, {{"less", {"Page"}, {}}, {"least", {"DOM"}, {}}});
  auto by = [&](cdp_visit v) { return access.judge(v, uid(1000)); };
  auto less = by({.loopback = true, .authorization = "Bearer less"});
  CAF_CHECK(less.how == by_token);
  CAF_REQUIRE(less.only);
  CAF_CHECK_EQUAL(less.only->allow[0], "Page");
  CAF_CHECK_EQUAL(by({.remote = true, .path_token = "least"}).only->allow[0], "DOM");
  CAF_CHECK(!by({.authorization = "Bearer secret"}).only);
  CAF_CHECK(!by({.loopback = true}).only);
}

CAF_TEST(without security nothing is asked) {
  CAF_CHECK(how(insecure, {.remote = true}, unasked) == trusted);
  CAF_CHECK(how(insecure, {.path_token = "x"}, unasked) == trusted);
  CAF_CHECK(how(insecure, {.path_token = "secret"}, unasked) == by_token);
}

CAF_TEST(a token may stand before the path) {
  auto with = split_token("/token/abc/json/version?x");
  CAF_CHECK_EQUAL(with.rest, "/json/version?x");
  CAF_CHECK_EQUAL(with.prefix, "/token/abc");
  CAF_CHECK_EQUAL(with.token.value_or("none"), "abc");
  CAF_CHECK_EQUAL(split_token("/token/abc").rest, "");
  CAF_CHECK_EQUAL(split_token("/token/abc?x").rest, "?x");
  CAF_CHECK_EQUAL(split_token("/token/").token.value_or("none"), "");
  CAF_CHECK(!split_token("/json/token/abc/").token);
  CAF_CHECK(!split_token("/token").token);
}

CAF_TEST(a Host is an address or below localhost) {
  for (auto host : {"", "127.0.0.1", "127.0.0.1:9222", "0.0.0.0:1", "10.1.2.3", "[::1]:9", "[::1]",
                    "localhost", "LocalHost:9222", "a.localhost:1", "a.b.localhost"})
    CAF_CHECK(plain_host(host));
  for (auto host :
       {"example.com", "example.com:80", "localhost.example.com", "xlocalhost", ".localhost",
        "127.0.0.1.example.com", "127.1", "[::1", "::1", "[x]", "127.0.0.1:9x", "127.0.0.1x",
        "a/b.localhost", "a\"b.localhost", "user@a.localhost", "localhost:1:2"})
    CAF_CHECK(!plain_host(host));
}

CAF_TEST(the owner of a socket is read from the tables of the kernel) {
  constexpr std::string_view table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:2406 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      "11 1 0000000000000000 100 0 0 10 0\n"
      "   1: 0100007F:C001 0100007F:2406 01 00000000:00000000 00:00000000 00000000  1000        0 "
      "12 1 0000000000000000 20 4 30 10 -1\n"
      "   2: 0100007F:C002 0100007F:2406 06 00000000:00000000 03:00000000 00000000     0        0 "
      "0 3 0000000000000000\n";
  const std::array<unsigned char, 4> loopback{127, 0, 0, 1};
  auto here = socket_key(loopback, 0x2406);
  CAF_CHECK_EQUAL(here, "0100007F:2406");
  auto owner = [&](std::uint16_t port) {
    return owner_in(table, socket_key(loopback, port), here).value_or(77);
  };
  CAF_CHECK_EQUAL(owner(0xC001), 1000u);
  CAF_CHECK_EQUAL(owner(0xC002), 77u);  // nobody's any more
  CAF_CHECK_EQUAL(owner(0xC003), 77u);
  CAF_CHECK(!owner_in("", here, here));
  CAF_CHECK(!owner_in("1: a b 01", "a", "b"));
  std::array<unsigned char, 16> six{};
  six[15] = 1;
  CAF_CHECK_EQUAL(socket_key(six, 1), "00000000000000000000000001000000:0001");
}
