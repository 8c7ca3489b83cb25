#include "config/assign.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "config/egress_rule.hpp"

namespace config {
namespace {

bool has_range(const option& row) {
  return row.limits.min != row.limits.max;
}

std::string wrong_type(const option& row) {
  return "must be " + type_name(row);
}

std::string wrong_range(const option& row, const std::string& got) {
  return "must be " + range_text(row) + ", not " + got;
}

std::string store_integer(const option& row, settings& values, std::int64_t x) {
  const auto wide = static_cast<double>(x);
  if (has_range(row) && (wide < row.limits.min || wide > row.limits.max))
    return wrong_range(row, std::to_string(x));
  if (const auto* get = std::get_if<field_of<std::int64_t>>(&row.member))
    (*get)(values) = x;
  else if (const auto* get_unsigned = std::get_if<field_of<std::uint64_t>>(&row.member))
    (*get_unsigned)(values) = static_cast<std::uint64_t>(x);
  return {};
}

std::string store_real(const option& row, settings& values, double x) {
  // Not a number fails both comparisons, so the test is for being inside.
  if (!(x >= row.limits.min && x <= row.limits.max)) return wrong_range(row, std::to_string(x));
  std::get<field_of<double>>(row.member)(values) = x;
  return {};
}

/// The index of `word` among the choices of the row.
std::optional<std::size_t> choice(const option& row, std::string_view word) {
  auto rest = row.choices;
  for (std::size_t index = 0; !rest.empty(); ++index) {
    const auto end = rest.find('|');
    if (rest.substr(0, end) == word) return index;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return {};
}

std::string store_string(const option& row, settings& values, std::string_view x) {
  const auto index = row.choices.empty() ? std::optional<std::size_t>(0) : choice(row, x);
  if (!index) return wrong_range(row, quote_toml(x));
  if (x.find('\0') != std::string_view::npos) return "must not contain a NUL";
  if (const auto* text = std::get_if<field_of<std::string>>(&row.member))
    (*text)(values) = x;
  else if (const auto* on = std::get_if<field_of<restart_on>>(&row.member))
    (*on)(values) = static_cast<restart_on>(*index);
  else if (const auto* then = std::get_if<field_of<when_exhausted>>(&row.member))
    (*then)(values) = static_cast<when_exhausted>(*index);
  return {};
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  std::string digits;
  for (const auto c : text)
    if (c != '_') digits += c;
  Number x{};
  const auto* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, x);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != end) return {};
  return x;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return {};
}

enum class kind { boolean, integer, real, list, word };

kind kind_of(const option& row) {
  constexpr std::array kinds{kind::boolean, kind::integer, kind::integer, kind::real,
                             kind::word,    kind::list,    kind::word,    kind::word};
  static_assert(kinds.size() == std::variant_size_v<field>);
  return kinds[row.member.index()];
}

std::string assign_array(const option& row, settings& values, const toml::node& node) {
  const auto* array = node.as_array();
  if (!array) return wrong_type(row);
  string_list list;
  for (const auto& element : *array) {
    const auto* text = element.as_string();
    if (!text) return wrong_type(row);
    list.push_back(text->get());
  }
  return assign_list(row, values, list);
}

/// The port of "HOST:PORT" or "[V6]:PORT".
std::optional<unsigned> port_of(std::string_view listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  const auto host = listen.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[] /") != std::string_view::npos) return {};
  const auto port = parse_number<unsigned>(listen.substr(colon + 1));
  return port && *port <= 65'535 ? port : std::nullopt;
}

void check_listen(std::vector<conflict>& found, std::string_view key, const std::string& listen) {
  if (!port_of(listen)) found.push_back({key, "must be HOST:PORT, not " + quote_toml(listen)});
}

void check_policy(std::vector<conflict>& found, std::string_view min_key,
                  const restart_policy& policy) {
  if (policy.backoff_min_ms > policy.backoff_max_ms)
    found.push_back(
        {min_key, "is larger than backoff_max_ms (" + std::to_string(policy.backoff_max_ms) + ")"});
}

void check_rules(std::vector<conflict>& found, std::string_view key, const string_list& rules) {
  for (const auto& text : rules)
    if (const auto rule = parse_egress_rule(text); !rule.wrong.empty())
      found.push_back({key, "has " + quote_toml(text) + ", which " + rule.wrong});
}

void check_size(std::vector<conflict>& found, std::string_view key, const std::string& size) {
  const auto by = size.find('x');
  const auto number = [](std::string_view text) {
    const auto x = parse_number<std::int64_t>(text);
    return x && *x >= 1 && *x <= 16'384;
  };
  const std::string_view text = size;
  if (by == std::string::npos || !number(text.substr(0, by)) || !number(text.substr(by + 1)))
    found.push_back({key, "must be WIDTHxHEIGHT, not " + quote_toml(size)});
}

}  // namespace

std::string assign_toml(const option& row, settings& values, const toml::node& node) {
  switch (kind_of(row)) {
    case kind::boolean:
      if (const auto* x = node.as_boolean())
        return std::get<field_of<bool>>(row.member)(values) = x->get(), std::string();
      break;
    case kind::integer:
      if (const auto* x = node.as_integer()) return store_integer(row, values, x->get());
      break;
    case kind::real:
      if (const auto* x = node.as_floating_point()) return store_real(row, values, x->get());
      if (const auto* x = node.as_integer())
        return store_real(row, values, static_cast<double>(x->get()));
      break;
    case kind::list: return assign_array(row, values, node);
    case kind::word:
      if (const auto* x = node.as_string()) return store_string(row, values, x->get());
      break;
  }
  return wrong_type(row);
}

std::string assign_text(const option& row, settings& values, std::string_view text) {
  const auto wrong = [&] { return wrong_type(row) + ", not " + quote_toml(text); };
  switch (kind_of(row)) {
    case kind::boolean: {
      const auto x = parse_bool(text);
      if (!x) return wrong();
      std::get<field_of<bool>>(row.member)(values) = *x;
      return {};
    }
    case kind::integer: {
      const auto x = parse_number<std::int64_t>(text);
      return x ? store_integer(row, values, *x) : wrong();
    }
    case kind::real: {
      const auto x = parse_number<double>(text);
      return x ? store_real(row, values, *x) : wrong();
    }
    case kind::word: return store_string(row, values, text);
    case kind::list: break;
  }
  string_list list;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (comma != 0) list.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return assign_list(row, values, list);
}

std::string assign_list(const option& row, settings& values, const string_list& list) {
  for (const auto& word : list) {
    if (word.empty() || word.find('\0') != std::string::npos)
      return "must not contain an empty string or a NUL";
    if (!row.choices.empty() && !choice(row, word)) return wrong_range(row, quote_toml(word));
  }
  std::get<field_of<string_list>>(row.member)(values) = list;
  return {};
}

std::vector<conflict> cross_check(const settings& values) {
  std::vector<conflict> found;
  check_listen(found, "http.listen", values.http.listen);
  check_listen(found, "cdp.listen", values.cdp.listen);
  if (const auto& remote = values.cdp.remote_listen; !remote.empty())
    check_listen(found, "cdp.remote_listen", remote.front() == ':' ? "0.0.0.0" + remote : remote);
  check_policy(found, "kernel.restart.backoff_min_ms", values.kernel.restart);
  check_policy(found, "actor_restart.backoff_min_ms", values.actor_restart);
  check_rules(found, "kernel.egress.allow", values.kernel.egress.allow);
  check_rules(found, "kernel.egress.deny", values.kernel.egress.deny);
  check_policy(found, "browser.restart.backoff_min_ms", values.browser.restart);
  check_rules(found, "browser.egress.allow", values.browser.egress.allow);
  check_rules(found, "browser.egress.deny", values.browser.egress.deny);
  check_size(found, "browser.window", values.browser.window);
  check_size(found, "browser.screen", values.browser.screen);
  if (values.kernel.timeout_ms > values.kernel.timeout_ms_max)
    found.push_back({"kernel.timeout_ms", "is larger than kernel.timeout_ms_max (" +
                                              std::to_string(values.kernel.timeout_ms_max) + ")"});
  if (values.kernel.python.empty()) found.push_back({"kernel.python", "must name a program"});
  return found;
}

}  // namespace config
