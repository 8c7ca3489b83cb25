#define CAF_SUITE egress_resolve
#include "gateways/egress/resolve.hpp"

#include "protocol/http/localhost.hpp"
#include "tests/support/unit.hpp"

using gateways::resolve_host;

CAF_TEST(names of this machine are loopback without a name server or a file) {
  for (auto* name : {"localhost", "LOCALHOST", "localhost.", "a.b.localhost", "x.LocalHost."}) {
    auto found = resolve_host(name);
    CAF_REQUIRE_EQUAL(found.addresses.size(), 2u);
    CAF_CHECK_EQUAL(to_string(found.addresses[0]), "127.0.0.1");
    CAF_CHECK_EQUAL(to_string(found.addresses[1]), "::1");
  }
}

CAF_TEST(what only looks like one is none) {
  for (auto* name :
       {"", ".", "notlocalhost", "localhost.invalid", "localhost..", ".localhost", "ocalhost"})
    CAF_CHECK(!protocol::http::is_localhost(name));
}

CAF_TEST(an address is itself) {
  auto found = resolve_host("192.0.2.7");
  CAF_REQUIRE_EQUAL(found.addresses.size(), 1u);
  CAF_CHECK_EQUAL(to_string(found.addresses[0]), "192.0.2.7");
}
