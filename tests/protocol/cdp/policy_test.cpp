#define CAF_SUITE cdp_policy
#include "protocol/cdp/policy.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::cdp;

namespace {

std::string why_not(std::string_view text) {
  auto read = read_token_policies(text);
  return read ? std::string() : read.error().detail;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

CAF_TEST(domains and methods are allowed and what is denied wins) {
  token_policy p{"t", {"Page", "Runtime.evaluate", "Target"}, {"Page.navigate"}};
  for (auto* yes : {"Page.enable", "Runtime.evaluate", "Target.attachToTarget"})
    CAF_CHECK(p.allows(yes));
  for (auto* no :
       {"Page.navigate", "Runtime.enable", "Pages.enable", "Pag", "", "page.enable",
        "Target.exposeDevToolsProtocol", "Target.sendMessageToTarget", "Runtime.evaluate2"})
    CAF_CHECK(!p.allows(no));
  token_policy but{"t", {}, {"Browser"}};
  CAF_CHECK(but.allows("Page.navigate"));
  CAF_CHECK(!but.allows("Browser.close"));
  CAF_CHECK(!but.allows("Target.exposeDevToolsProtocol"));
  CAF_CHECK(!but.allows("Target.sendMessageToTarget"));
}

CAF_TEST(the file is read as a whole or refused with what is wrong) {
  auto read = read_token_policies(
      R"({"tokens":[{"token":"0123456789abcdef","allow":["Page"]},{"token":"fedcba9876543210"}]})");
  CAF_REQUIRE_EQUAL(read->size(), 2u);
  CAF_CHECK_EQUAL((*read)[0].allow[0], "Page");
  CAF_CHECK((*read)[1].allow.empty());
  CAF_CHECK(read_token_policies(R"({"tokens":[]})")->empty());
  auto broken = read_token_policies("{");
  CAF_CHECK(broken.error().code == protocol::error_code::malformed_json);
  for (auto* text : {"[]", "{}", R"({"tokens":{}})", R"({"tokens":[],"more":1})"})
    CAF_CHECK(has(why_not(text), "tokens"));
  CAF_CHECK(has(why_not(R"({"tokens":[1]})"), "/tokens/0"));
  CAF_CHECK(has(why_not(R"({"tokens":[{}]})"), "/tokens/0/token"));
  CAF_CHECK(has(why_not(R"({"tokens":[{"token":"short"}]})"), "16"));
  CAF_CHECK(has(why_not(R"({"tokens":[{"token":"0123456789abcdef","alow":["Page"]}]})"), "alow"));
  CAF_CHECK(has(why_not(R"({"tokens":[{"token":"0123456789abcdef","allow":"Page"}]})"),
                "/tokens/0/allow"));
  CAF_CHECK(
      has(why_not(R"({"tokens":[{"token":"0123456789abcdef"},{"token":"0123456789abcdef"}]})"),
          "twice"));
}
