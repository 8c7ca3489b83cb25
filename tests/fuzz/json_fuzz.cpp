// Any bytes as JSON text: nothing is read outside them, what is accepted is what nlohmann::json
// accepts, and what `one_line_json` hands on is one line that parses.
#include <array>
#include <cstdlib>

#include "protocol/cause.hpp"
#include "protocol/event.hpp"
#include "protocol/json.hpp"
#include "protocol/resource.hpp"
#include "protocol/text.hpp"

using namespace protocol;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// A number beyond double is grammar to a scanner and an error to a parser.
bool may_overflow(std::string_view text) {
  return text.find_first_of("eE") != std::string_view::npos || text.size() > 300;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_json(text);
  if (parsed) require(nlohmann::json::accept(text));
  const buffer line = one_line_json(buffer(std::string(text)));
  require(line.view().find_first_of("\r\n") == std::string_view::npos);
  if (!line.empty() && !may_overflow(line.view())) require(nlohmann::json::accept(line.view()));
  if (parsed && parsed->is_object()) {
    require(!line.empty());
    for (const auto& [name, value] : parsed->items())
      require(nlohmann::json::parse(json_member(text, name)) == value);
  }
  require(json_text(json_string(text)).size() >= strip_ansi(text).size());
  (void)json_member(text, "a");
  (void)cause_from_json(text);
  (void)record_from_json(text);
  const std::array events{buffer(std::string(text)),
                          render_event(1, "display_data", 0, "e", 1, line.view()),
                          render_event(2, "stream", 0, "e", 1, line.view()),
                          render_event(3, "error", 0, "e", 1, line.view())};
  const auto shown = to_json(execution_record{}, events);
  const bool foreign = event_data(text).empty();  // a line that imitates ours is taken at its word
  if (foreign && !may_overflow(line.view())) require(nlohmann::json::accept(shown));
  return 0;
}
