#define CAF_SUITE config_egress_rule
#include "config/egress_rule.hpp"

#include "config/load.hpp"
#include "tests/support/unit.hpp"

using config::egress_rule;
using config::parse_egress_rule;
using kind = config::egress_rule::kind;

namespace {

bool is(std::string_view text, kind what, std::uint16_t first = 1, std::uint16_t last = 65'535) {
  auto rule = parse_egress_rule(text);
  return rule.wrong.empty() && rule.is == what && rule.port_first == first &&
         rule.port_last == last && rule.text == text;
}

bool wrong(std::string_view text) {
  return !parse_egress_rule(text).wrong.empty();
}

bool within(std::string_view block, std::string_view address) {
  return parse_egress_rule(block).block.contains(*config::parse_ip(address));
}

}  // namespace

CAF_TEST(a rule is a host or a suffix or a block with or without ports) {
  CAF_CHECK(is("example.org", kind::host));
  CAF_CHECK(is("Example.ORG:443", kind::host, 443, 443));
  CAF_CHECK(is(".example.org:8000-8099", kind::suffix, 8'000, 8'099));
  CAF_CHECK(is("*.example.org", kind::suffix));
  CAF_CHECK(is("192.0.2.1", kind::block));
  CAF_CHECK(is("192.0.2.0/24:22", kind::block, 22, 22));
  CAF_CHECK(is("0.0.0.0/0", kind::block));
  CAF_CHECK(is("2001:db8::1", kind::block));
  CAF_CHECK(is("2001:db8::/32", kind::block));
  CAF_CHECK(is("[2001:db8::/32]:443", kind::block, 443, 443));
  CAF_CHECK_EQUAL(parse_egress_rule("*.Example.org").name, ".example.org");
  CAF_CHECK_EQUAL(parse_egress_rule("example.org.").name, "example.org");
}

CAF_TEST(what is not clearly a rule is refused) {
  for (auto* text : {"",
                     ".",
                     "*",
                     "*.",
                     "a..b",
                     "-a.org",
                     "a b",
                     "http://a.org",
                     "a.org/",
                     "a.org:",
                     "a.org:0",
                     "a.org:65536",
                     "a.org:9-8",
                     "a.org:080",
                     "a.org:+1",
                     "a.org:1-",
                     "127.1",
                     "2130706433",
                     "0x7f.1",
                     "1.2.3.4.5",
                     "10.0.0.1/8",
                     "10.0.0.0/33",
                     "10.0.0.0/",
                     "10.0.0.0/-1",
                     "[::1",
                     "[::1]x",
                     "[10.0.0.1]:80",
                     "[a.org]",
                     "::ffff:0:0/96",
                     "2001:db8::1/32",
                     "fe80::1%eth0",
                     "*.*.org",
                     "a.*"})
    CAF_CHECK_EQUAL(wrong(text) ? "" : text, std::string());
  CAF_CHECK(wrong(std::string_view("127.0.0.1\0.org", 14)));
}

CAF_TEST(a block holds the addresses that share its first bits) {
  CAF_CHECK(within("10.0.0.0/8", "10.255.0.1"));
  CAF_CHECK(!within("10.0.0.0/8", "11.0.0.0"));
  CAF_CHECK(within("10.0.0.0/9", "10.127.255.255"));
  CAF_CHECK(!within("10.0.0.0/9", "10.128.0.0"));
  CAF_CHECK(within("0.0.0.0/0", "1.2.3.4"));
  CAF_CHECK(!within("0.0.0.0/0", "2001:db8::1"));
  CAF_CHECK(within("2001:db8::/33", "2001:db8:7fff::1"));
  CAF_CHECK(!within("2001:db8::/33", "2001:db8:8000::1"));
  CAF_CHECK(!within("::/0", "::ffff:10.0.0.1"));
  CAF_CHECK(within("10.0.0.0/8", "::ffff:10.0.0.1"));
}

CAF_TEST(a wrong rule in the configuration is told with its place) {
  auto loaded =
      config::load_text("[kernel.egress]\nmode = \"proxy\"\nallow = [\"a.org\", \"10.0.0.1/8\"]\n");
  CAF_REQUIRE(!loaded);
  auto text = loaded.error().text;
  CAF_CHECK(text.find(":3: kernel.egress.allow has \"10.0.0.1/8\", which has bits set") !=
            text.npos);
  CAF_CHECK(!config::load_text("kernel.egress.deny = [\"*\"]"));
  CAF_CHECK(!config::load_text("kernel.egress.mode = \"open\""));
  CAF_CHECK(config::load_text("kernel.egress.deny = [\".example.org:443\"]").has_value());
}
