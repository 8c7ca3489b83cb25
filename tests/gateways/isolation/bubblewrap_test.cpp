#define CAF_SUITE bubblewrap

#include "gateways/isolation/bubblewrap.hpp"

#include <algorithm>

#include "tests/support/unit.hpp"

namespace {

std::string line_of(const gateways::containment& c) {
  gateways::bubblewrap_descriptors fds{
      .status = 5, .filter = 6, .init = 7, .passwd = 8, .workspace = 9, .files = {14}};
  std::string line;
  for (auto& word : gateways::bubblewrap_arguments(c, {"A=b=c"}, fds, {"/opt/more"}))
    line += word + " ";
  return line;
}

gateways::containment some() {
  gateways::containment c;
  c.workspace = "/data/w";
  c.files = {{"launcher.py", "text"}};
  return c;
}

bool in_order(const std::string& text, std::initializer_list<std::string_view> parts) {
  std::size_t at = 0;
  return std::ranges::all_of(parts, [&](auto part) {
    at = text.find(part, at);
    return at != text.npos;
  });
}

}  // namespace

CAF_TEST(zones lie on top of the workspace and the root is closed last) {
  auto line = line_of(some());
  CAF_CHECK(in_order(line, {"--bind-fd 9 /data/w ", "--ro-bind-fd 10 /data/w/upload ",
                            "--bind-fd 11 /data/w/output ", "--bind-fd 12 /data/w/deploy ",
                            "--ro-bind-fd 13 /data/w/.store ", "--remount-ro / "}));
  CAF_CHECK(in_order(line, {"--clearenv", "--setenv A b=c ", "--json-status-fd 5 --seccomp 6"}));
  CAF_CHECK(line.find("--ro-bind-data 14 /run/troupe/launcher.py") != line.npos);
  CAF_CHECK(line.find("--ro-bind-try /opt/more /opt/more") != line.npos);
}

CAF_TEST(a read - only workspace still has its writable zones) {
  auto c = some();
  c.read_only_workspace = true;
  CAF_CHECK(in_order(line_of(c), {"--ro-bind-fd 9 /data/w ", "--bind-fd 11 /data/w/output "}));
}

CAF_TEST(only the browser may make user namespaces) {
  auto c = some();
  CAF_CHECK(line_of(c).find("--disable-userns") != std::string::npos);
  c.filter = gateways::filter_kind::browser;
  CAF_CHECK_EQUAL(line_of(c).find("--disable-userns"), std::string::npos);
}
