// The command line of Chromium.
#define CAF_SUITE cdp_arguments
#include "gateways/cdp/browser_arguments.hpp"

#include <algorithm>

#include "tests/support/unit.hpp"

using namespace gateways;

namespace {

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::count(words, word) > 0;
}

bool begins(const std::vector<std::string>& words, std::string_view text) {
  return std::ranges::any_of(words, [&](auto& word) { return word.starts_with(text); });
}

}  // namespace

CAF_TEST(a browser is walled in by itself and asks through the proxy alone) {
  config::browser_options options;
  auto words = browser_arguments(options, {"/own", "156", "127.0.0.1:3128"});
  CAF_CHECK(has(words, "--remote-debugging-pipe"));
  CAF_CHECK(has(words, "--user-data-dir=/own"));
  CAF_CHECK(has(words, "--proxy-server=http://127.0.0.1:3128"));
  CAF_CHECK(has(words, "--proxy-bypass-list=<-loopback>"));
  CAF_CHECK(!begins(words, "--no-sandbox"));
  auto features = [](auto& word) { return word.starts_with("--disable-features="); };
  CAF_CHECK_EQUAL(std::ranges::count_if(words, features), 1);
  CAF_CHECK_EQUAL(words.back(), "about:blank");
}

CAF_TEST(a profile is one consistent whole) {
  config::browser_options options;
  options.profile = "zh-CN";
  auto words = browser_arguments(options, {"/own", "156", {}});
  CAF_CHECK(has(words, "--accept-lang=zh-CN,zh,en"));
  CAF_CHECK(has(words, "--disable-blink-features=AutomationControlled"));
  CAF_CHECK(begins(words, "--user-agent=Mozilla/5.0 (X11; Linux x86_64)"));
  CAF_CHECK(has(browser_environment(options), "TZ=Asia/Shanghai"));
  options.timezone = "Europe/Vienna";
  CAF_CHECK(has(browser_environment(options), "TZ=Europe/Vienna"));
  options.profile = "off";
  options.timezone.clear();
  words = browser_arguments(options, {"/own", "156", {}});
  CAF_CHECK(!begins(words, "--user-agent="));
  CAF_CHECK(!begins(words, "--accept-lang="));
  CAF_CHECK(!has(browser_environment(options), "TZ="));
}

CAF_TEST(the version is the first number) {
  CAF_CHECK_EQUAL(major_version_in("Chromium 156.0.8078.108 built on Debian"), "156");
  CAF_CHECK_EQUAL(major_version_in("nothing"), "");
  CAF_CHECK_EQUAL(major_version_in(""), "");
}
