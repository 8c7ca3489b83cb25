#define CAF_SUITE config_options
#include "config/options.hpp"

#include <set>
#include <sstream>

#include "config/describe.hpp"
#include "config/load.hpp"
#include "tests/support/checked_in.hpp"
#include "tests/support/unit.hpp"

namespace {

/// The sample file with every option in force.
std::string uncommented(const std::string& sample) {
  std::istringstream lines(sample);
  std::string text;
  for (std::string line; std::getline(lines, line);)
    text += (line.starts_with("#") && !line.starts_with("# ") ? line.substr(1) : line) + "\n";
  return text;
}

}  // namespace

CAF_TEST(keys and variables and aliases are unique) {
  std::set<std::string> keys;
  std::set<std::string> variables;
  std::set<std::string_view> aliases;
  for (const auto& row : config::option_table()) {
    CAF_CHECK(keys.insert(std::string(row.key)).second);
    CAF_CHECK(variables.insert(config::environment_name(row.key)).second);
    if (!row.alias.empty()) CAF_CHECK(aliases.insert(row.alias).second);
  }
}

CAF_TEST(every row reaches a field of its own) {
  config::settings values;
  std::set<void*> addresses;
  for (const auto& row : config::option_table())
    std::visit([&](auto get) { CAF_CHECK(addresses.insert(&get(values)).second); }, row.member);
}

CAF_TEST(every row has one line of doc that ends with a full stop) {
  for (const auto& row : config::option_table()) {
    CAF_CHECK(row.doc.ends_with('.'));
    CAF_CHECK(row.doc.find('\n') == std::string_view::npos);
  }
}

CAF_TEST(the defaults are what the sample says and lie in their ranges) {
  const auto sample = config::load_text(uncommented(config::sample_file()));
  CAF_REQUIRE(sample.has_value());
  const config::settings defaults;
  for (const auto& row : config::option_table()) {
    CAF_CHECK_EQUAL(config::toml_value(row, sample->values), config::toml_value(row, defaults));
    CAF_CHECK_NOT_EQUAL(sample->origin.at(std::string(row.key)), "default");
  }
}

CAF_TEST(the checked in sample and page are what the table generates) {
  CAF_CHECK_EQUAL(tests::checked_in("config/troupe.toml.example"), config::sample_file());
  CAF_CHECK_EQUAL(tests::checked_in("docs/config.md"), config::reference_page());
}

CAF_TEST(the nearest key is found for a slip and not for something else) {
  CAF_CHECK_EQUAL(config::nearest_key("kernel.queue_mx"), "kernel.queue_max");
  CAF_CHECK_EQUAL(config::nearest_key("http.lisen"), "http.listen");
  CAF_CHECK_EQUAL(config::nearest_key("zzzzzzzzzzzzzzzzzz"), "");
}

CAF_TEST(a variable is the key in capitals) {
  CAF_CHECK_EQUAL(config::environment_name("kernel.restart.max_restarts"),
                  "TROUPE_KERNEL_RESTART_MAX_RESTARTS");
}

CAF_TEST(strings are quoted so that they can be read back) {
  const std::string odd = "a\"b\\c\n\t\x01 \x7f ü";
  const auto back = config::load_text("[node]\ndata_dir = " + config::quote_toml(odd));
  CAF_REQUIRE(back.has_value());
  CAF_CHECK_EQUAL(back->values.node.data_dir, odd);
}
