// Any bytes as a configuration file: refused with one line that names the place, or settings that
// print as a file which loads to the same.
#include <cstdlib>

#include "config/describe.hpp"
#include "config/load.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = config::load_text(text);
  if (!loaded) {
    require(!loaded.error().text.empty());
    return 0;
  }
  const auto printed = config::print_config(*loaded);
  const auto again = config::load_text(printed);
  require(again.has_value());
  for (const auto& row : config::option_table())
    require(config::toml_value(row, again->values) == config::toml_value(row, loaded->values));
  return 0;
}
