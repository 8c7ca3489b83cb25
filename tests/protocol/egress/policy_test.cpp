#define CAF_SUITE egress_policy
#include "protocol/egress/policy.hpp"

#include "tests/support/unit.hpp"

using protocol::egress::parse_target;
using protocol::egress::policy;
using strings = std::vector<std::string>;

namespace {

/// By the name and then by one address; empty: allowed.
std::string refusal(const policy& p, std::string_view to, std::string_view at) {
  auto target = parse_target(to);
  CAF_REQUIRE(target);
  if (auto by_name = p.judge_name(*target); !by_name.allowed) return by_name.rule;
  auto judged = p.judge(*target, *config::parse_ip(at));
  return judged.allowed ? std::string() : judged.rule;
}

std::string refusal(const policy& p, std::string_view literal) {
  auto judged = p.judge_name(*parse_target(literal));
  return judged.allowed ? std::string() : judged.rule;
}

const strings everything{"0.0.0.0/0", "::/0"};

}  // namespace

CAF_TEST(without a rule nothing is allowed) {
  policy none({}, {});
  CAF_CHECK_EQUAL(refusal(none, "example.org:443", "93.184.216.34"), "no rule of allow");
  CAF_CHECK_EQUAL(refusal(none, "93.184.216.34:443"), "no rule of allow");
  CAF_CHECK(!refusal(none, "127.0.0.1:80").empty());
}

CAF_TEST(a host rule takes that host alone and a suffix those below it) {
  policy p({"example.org:443", ".example.com"}, {});
  CAF_CHECK_EQUAL(refusal(p, "EXAMPLE.org.:443", "93.184.216.34"), "");
  CAF_CHECK(!refusal(p, "example.org:80", "93.184.216.34").empty());
  CAF_CHECK(!refusal(p, "a.example.org:443", "93.184.216.34").empty());
  CAF_CHECK_EQUAL(refusal(p, "a.b.example.com:1", "93.184.216.34"), "");
  CAF_CHECK(!refusal(p, "example.com:1", "93.184.216.34").empty());
  CAF_CHECK(!refusal(p, "badexample.com:1", "93.184.216.34").empty());
  CAF_CHECK(!refusal(p, "93.184.216.34:443").empty());
}

CAF_TEST(deny wins whatever allows and is told by its text) {
  policy p(everything, {"evil.org", ".bad.org:80", "93.0.0.0/8", "2001:db9::/32"});
  CAF_CHECK_EQUAL(refusal(p, "evil.org:1", "8.8.8.8"), "deny evil.org");
  CAF_CHECK_EQUAL(refusal(p, "a.bad.org:80", "8.8.8.8"), "deny .bad.org:80");
  CAF_CHECK_EQUAL(refusal(p, "a.bad.org:81", "8.8.8.8"), "");
  CAF_CHECK_EQUAL(refusal(p, "good.org:80", "93.184.216.34"), "deny 93.0.0.0/8");
  CAF_CHECK_EQUAL(refusal(p, "93.184.216.34:80"), "deny 93.0.0.0/8");
  CAF_CHECK_EQUAL(refusal(p, "[2001:db9::1]:80"), "deny 2001:db9::/32");
  // NAT64 and 6to4 end up at the address they hold.
  CAF_CHECK_EQUAL(refusal(p, "[64:ff9b::5db8:d822]:80"), "deny 93.0.0.0/8");
  CAF_CHECK_EQUAL(refusal(p, "[2002:5db8:d822::1]:80"), "deny 93.0.0.0/8");
}

CAF_TEST(no address that is not a public one is allowed by allowing all) {
  policy p(everything, {});
  CAF_CHECK_EQUAL(refusal(p, "8.8.8.8:53"), "");
  CAF_CHECK_EQUAL(refusal(p, "[2606:4700::1111]:53"), "");
  CAF_CHECK_EQUAL(refusal(p, "[64:ff9b::808:808]:53"), "");
  for (auto* address : {"127.0.0.1",
                        "127.255.0.1",
                        "0.0.0.0",
                        "0.1.2.3",
                        "10.1.2.3",
                        "172.16.0.1",
                        "172.31.255.255",
                        "192.168.1.1",
                        "169.254.169.254",
                        "168.63.129.16",
                        "100.64.0.1",
                        "100.100.100.200",
                        "192.0.0.192",
                        "198.18.0.1",
                        "224.0.0.1",
                        "239.255.255.255",
                        "255.255.255.255",
                        "240.0.0.1",
                        "::",
                        "::1",
                        "::7f00:1",
                        "fe80::1",
                        "febf::1",
                        "fec0::1",
                        "fc00::1",
                        "fd00:ec2::254",
                        "ff02::1",
                        "::ffff:127.0.0.1",
                        "::ffff:10.0.0.1",
                        "64:ff9b::7f00:1",
                        "64:ff9b::a9fe:a9fe",
                        "64:ff9b:1::1",
                        "2002:7f00:1::",
                        "2002:a00:1::1",
                        "2001::1"}) {
    auto rule = refusal(p, "name.example:80", address);
    CAF_CHECK_EQUAL(rule.starts_with("built-in ") ? "" : address, std::string());
    auto literal = std::string(address);
    if (literal.find(':') != literal.npos) literal = "[" + literal + "]";
    CAF_CHECK_EQUAL(refusal(p, literal + ":80"), rule);
  }
  CAF_CHECK_EQUAL(refusal(p, "172.32.0.1:80"), "");
  CAF_CHECK_EQUAL(refusal(p, "127.0.0.1:80"), "built-in loopback 127.0.0.0/8");
}

CAF_TEST(such an address is allowed by a rule that names it) {
  CAF_CHECK_EQUAL(refusal(policy({"127.0.0.1:80"}, {}), "127.0.0.1:80"), "");
  CAF_CHECK(!refusal(policy({"127.0.0.1:80"}, {}), "127.0.0.1:81").empty());
  CAF_CHECK_EQUAL(refusal(policy({"10.1.0.0/16"}, {}), "10.1.2.3:80"), "");
  CAF_CHECK_EQUAL(refusal(policy({"10.1.0.0/16"}, {}), "intern.example:80", "10.1.2.3"), "");
  CAF_CHECK_EQUAL(refusal(policy({"169.254.169.254"}, {}), "169.254.169.254:80"), "");
  CAF_CHECK_EQUAL(refusal(policy({"localhost"}, {}), "localhost:80", "127.0.0.1"), "");
  CAF_CHECK_EQUAL(refusal(policy({"localhost"}, {}), "localhost:80", "::1"), "");
  CAF_CHECK(!refusal(policy({"localhost"}, {}), "127.0.0.1:80").empty());
  CAF_CHECK_EQUAL(refusal(policy({"64:ff9b::7f00:1"}, {}), "[64:ff9b::7f00:1]:80"), "");
}

CAF_TEST(a name does not reach the metadata of a cloud nor a suffix what is private) {
  policy p({"example.org", ".example.org"}, {});
  CAF_CHECK_EQUAL(refusal(p, "example.org:80", "169.254.169.254"),
                  "built-in link-local 169.254.0.0/16");
  CAF_CHECK_EQUAL(refusal(p, "example.org:80", "64:ff9b::a00:1"), "built-in private 10.0.0.0/8");
  CAF_CHECK_EQUAL(refusal(p, "a.example.org:80", "10.0.0.1"), "built-in private 10.0.0.0/8");
  CAF_CHECK_EQUAL(refusal(p, "a.example.org:80", "127.0.0.1"), "built-in loopback 127.0.0.0/8");
}

CAF_TEST(a name that no rule could allow is not even resolved) {
  CAF_CHECK(!policy({"93.0.0.0/8:443"}, {}).judge_name(*parse_target("a.org:80")).allowed);
  CAF_CHECK(policy({"93.0.0.0/8:443"}, {}).judge_name(*parse_target("a.org:443")).allowed);
}

CAF_TEST(a target is a host and a port and no other form of either) {
  CAF_CHECK_EQUAL(to_string(*parse_target("Example.ORG.:443")), "example.org:443");
  CAF_CHECK_EQUAL(to_string(*parse_target("[2001:DB8::1]:443")), "[2001:db8::1]:443");
  CAF_CHECK_EQUAL(to_string(*parse_target("[::ffff:127.0.0.1]:1")), "127.0.0.1:1");
  CAF_CHECK_EQUAL(to_string(*parse_target("a.org", 80)), "a.org:80");
  for (auto* text : {"", ":80", "a.org", "a.org:", "a.org:0", "a.org:99999", "a.org:80:80", "[::1]",
                     "[::1]x:80", "[a.org]:80", "[127.0.0.1]:80", "::1:80", "u@a.org:80",
                     "a.org:80/", "127.1:80", "2130706433:80", "0x7f000001:80", "017700000001:80"})
    CAF_CHECK_EQUAL(parse_target(text) ? text : "", std::string());
}
