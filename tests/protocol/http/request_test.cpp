#define CAF_SUITE http_request
#include "protocol/http/request.hpp"

#include "config/options.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::http;  // NOLINT: the test speaks of nothing else
using nlohmann::json;

namespace {

const request_rules& rules() {
  static const request_rules all({}, {}, {});
  return all;
}

bool takes(std::string_view limit, double value) {
  return validate(json{{std::string(limit), value}}, rules().limits).empty();
}

}  // namespace

CAF_TEST(a limit has the range of its option) {
  for (std::string name : {"memory_bytes", "processes", "cpus", "disk_bytes", "tmp_bytes",
                           "open_files", "output_bytes"}) {
    auto range = config::find_option("limits." + name)->limits;
    CAF_CHECK(takes(name, range.min) && takes(name, range.max));
    CAF_CHECK(!takes(name, range.min - 1) && !takes(name, range.max + 1));
  }
  auto wrong = read_body(R"({"limits":{"memory_bytes":1048576}})", rules().sandbox);
  CAF_REQUIRE(!wrong);
  CAF_CHECK_EQUAL(wrong.error().detail,
                  "/limits/memory_bytes: must be at least 67108864 and at most 1099511627776");
}
