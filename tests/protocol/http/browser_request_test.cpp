// The table of the browser's actions, and what is refused by it.
#define CAF_SUITE http_browser_request
#include "protocol/http/browser_request.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::http;
using nlohmann::json;
using protocol::error_code;

namespace {

json read(std::string_view verb, json body) {
  auto out = read_browser_action(verb, body);
  return out ? *out : json(out.error().members);
}

bool points_at(std::string_view verb, json body, std::string_view pointer) {
  auto out = read_browser_action(verb, body);
  if (out || out.error().code != error_code::invalid_field) return false;
  auto members = json::parse(out.error().members);
  for (auto& each : members["errors"])
    if (each["pointer"] == pointer) return true;
  return false;
}

}  // namespace

CAF_TEST(a target is an object or stands for itself) {
  json there{{"target", {{"ref", "e1"}}}, {"count", 2}};
  CAF_CHECK(read("click", there) == there);
  CAF_CHECK(read("click", {{"ref", "e1"}, {"count", 2}, {"button", nullptr}}) == there);
  CAF_CHECK(read("click", {{"x", 1}, {"y", 2}}) == json({{"target", {{"x", 1}, {"y", 2}}}}));
  CAF_CHECK(read("type", {{"ref", "e1"}, {"text", "a"}}) ==
            json({{"target", {{"ref", "e1"}}}, {"text", "a"}}));
}

CAF_TEST(what is wrong is pointed at) {
  CAF_CHECK(points_at("click", json::object(), "/target"));
  CAF_CHECK(points_at("click", {{"ref", "e1"}, {"text", "a"}}, "/target"));
  CAF_CHECK(points_at("click", {{"x", 1}}, "/target"));
  CAF_CHECK(points_at("click", {{"ref", "e1"}, {"target", {{"ref", "e1"}}}}, "/target"));
  CAF_CHECK(points_at("click", {{"ref", ""}}, "/target/ref"));
  CAF_CHECK(points_at("click", {{"ref", "e1"}, {"cuont", 2}}, "/cuont"));
  CAF_CHECK(points_at("click", {{"ref", "e1"}, {"count", 4}}, "/count"));
  CAF_CHECK(points_at("click", {{"ref", "e1"}, {"modifiers", {"Hyper"}}}, "/modifiers/0"));
  CAF_CHECK(points_at("drag", {{"from", {{"ref", "e1"}}}, {"to", json::object()}}, "/to"));
  CAF_CHECK(points_at("navigate", json::object(), "/url"));
  CAF_CHECK(points_at("wait", json::object(), ""));
  CAF_CHECK(points_at("emulate", {{"geolocation", {{"latitude", 91}, {"longitude", 0}}}},
                      "/geolocation/latitude"));
  CAF_CHECK(points_at("cookies", {{"action", "set"}}, "/name"));
  auto none = read_browser_action("nope", json::object());
  CAF_CHECK(!none && none.error().code == error_code::route_not_found);
}

CAF_TEST(a query is read by the kinds of the fields) {
  auto got = read_browser_query("console", {{"from", "7"}, {"level", "error"}});
  CAF_REQUIRE(got);
  CAF_CHECK(*got == json({{"from", 7}, {"level", "error"}}));
  CAF_CHECK(!read_browser_query("console", {{"from", "x"}}));
  auto urls = read_browser_query("cookies", {{"urls", "http://a.test"}});
  CAF_CHECK(urls && (*urls)["urls"] == json::array({"http://a.test"}));
}

CAF_TEST(every action has a time limit and a schema) {
  for (auto& each : browser_verbs()) {
    CAF_CHECK(browser_timeout_ms(each.name, json::object()) >= 10'000);
    CAF_CHECK(to_json_schema(each.body)["properties"].contains("timeout_s"));
  }
  CAF_CHECK_EQUAL(browser_timeout_ms("click", {{"timeout_s", 0.5}}), 500);
}
