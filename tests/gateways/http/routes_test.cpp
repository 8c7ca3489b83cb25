#define CAF_SUITE http_routes

#include "gateways/http/routes.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/checked_in.hpp"
#include "tests/support/unit.hpp"

using namespace gateways::http;

namespace {

const std::vector<route>& all_routes() {
  static const auto rules = protocol::http::request_rules({}, {}, {});
  static const auto routes = make_routes(rules);
  return routes;
}

}  // namespace

CAF_TEST(every route has an id of its own and a tag that is described) {
  std::set<std::string_view> ids, tags;
  for (const auto& tag : all_tags()) tags.insert(tag.name);
  for (const auto& r : all_routes()) {
    CAF_CHECK(ids.insert(r.id).second);
    CAF_CHECK(tags.contains(r.tag));
    CAF_CHECK(r.handle != nullptr);
  }
}

CAF_TEST(the page of the API lists every route with what it does) {
  const auto page = tests::checked_in("docs/http-api.md");
  for (const auto& r : all_routes()) {
    auto line = "| `" + std::string(name_of(r.verb)) + " " + std::string(r.pattern) + "` | " +
                std::string(r.summary) + " |";
    CAF_MESSAGE(line);
    CAF_CHECK_NOT_EQUAL(page.find(line), page.npos);
  }
}

CAF_TEST(the description lists what these routes answer) {
  const auto paths = nlohmann::json::parse(openapi_json(all_routes(), "1"))["paths"];
  auto answers = [&](std::string path, const char* verb, std::string status) {
    return paths["/v1/sandboxes/{sandbox_id}" + path][verb]["responses"].contains(status);
  };
  for (std::string path : {"", "/kernels/{kernel_id}"}) {
    CAF_CHECK(answers(path, "delete", "204") && answers(path, "delete", "422"));
    CAF_CHECK(!answers(path, "delete", "200") && !answers(path, "delete", "202"));
  }
  CAF_CHECK(answers("/files/{path}", "get", "422"));
  CAF_CHECK(answers("/commands", "post", "507"));
  CAF_CHECK(!paths["/kernel/reset"]["post"]["responses"].contains("422"));
}

CAF_TEST(the description has every route and refers to nothing that is missing) {
  const auto text = openapi_json(all_routes(), "1.2.3");
  const auto description = nlohmann::json::parse(text);
  for (const auto& r : all_routes()) CAF_CHECK(description["paths"].contains(r.pattern));
  const auto& schemas = description["components"]["schemas"];
  constexpr std::string_view mark = "#/components/schemas/";
  for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    auto begin = at + mark.size();
    CAF_CHECK(schemas.contains(text.substr(begin, text.find('"', begin) - begin)));
  }
}
