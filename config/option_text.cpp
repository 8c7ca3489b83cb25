// What is said about a row of the table: its names, its nearest neighbour, its values as text.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <numeric>

#include "config/options.hpp"

namespace config {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::string number_text(double x) {
  std::array<char, 64> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), x, std::chars_format::fixed);
  return {text.data(), end.ptr};
}

std::string to_toml(bool x) {
  return x ? "true" : "false";
}
std::string to_toml(std::int64_t x) {
  return std::to_string(x);
}
std::string to_toml(std::uint64_t x) {
  return std::to_string(x);
}
std::string to_toml(const std::string& x) {
  return quote_toml(x);
}
std::string to_toml(restart_on x) {
  const std::array words{"\"never\"", "\"abnormal\"", "\"always\""};
  return words.at(static_cast<std::size_t>(x));
}
std::string to_toml(when_exhausted x) {
  return x == when_exhausted::fail ? "\"fail\"" : "\"escalate\"";
}
std::string to_toml(double x) {
  auto text = number_text(x);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}
std::string to_toml(const string_list& x) {
  std::string text = "[";
  for (const auto& word : x) text += (text.size() > 1 ? ", " : "") + quote_toml(word);
  return text + "]";
}

struct type_namer {
  std::string operator()(field_of<bool>) const { return "true or false"; }
  std::string operator()(field_of<std::int64_t>) const { return "a whole number"; }
  std::string operator()(field_of<std::uint64_t>) const { return "a whole number"; }
  std::string operator()(field_of<double>) const { return "a number"; }
  std::string operator()(field_of<string_list>) const { return "a list of strings"; }
  template <class T>
  std::string operator()(field_of<T>) const {
    return "a string";
  }
};

}  // namespace

std::string_view section_of(std::string_view key) noexcept {
  return key.substr(0, key.rfind('.'));
}

std::string_view name_of(std::string_view key) noexcept {
  return key.substr(key.rfind('.') + 1);
}

std::string environment_name(std::string_view key) {
  std::string name = "TROUPE_";
  for (const auto c : key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string nearest_key(std::string_view unknown) {
  // Longer input cannot be near, and the distance costs its length times the key's.
  if (unknown.size() > 64) return {};
  const option* best = nullptr;
  auto best_distance = std::max<std::size_t>(2, unknown.size() / 3) + 1;
  for (const auto& row : option_table()) {
    const auto distance = edit_distance(unknown, row.key);
    if (distance < best_distance) {
      best = &row;
      best_distance = distance;
    }
  }
  return best ? std::string(best->key) : std::string();
}

std::string type_name(const option& row) {
  return std::visit(type_namer{}, row.member);
}

std::string range_text(const option& row) {
  if (!row.choices.empty()) {
    std::string text = "one of ";
    for (const auto c : row.choices) c == '|' ? text += ", " : text += c;
    return text;
  }
  if (row.limits.min == row.limits.max) return {};
  auto text = number_text(row.limits.min) + " .. " + number_text(row.limits.max);
  return row.unit.empty() ? text : text + " " + std::string(row.unit);
}

std::string toml_value(const option& row, const settings& values) {
  // Accessors give a mutable reference; a copy keeps the caller's const.
  auto copy = values;
  return std::visit([&](auto get) { return to_toml(get(copy)); }, row.member);
}

std::string quote_toml(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string quoted = "\"";
  for (const auto c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += "\\u00";
      quoted += hex[byte >> 4];
      quoted += hex[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace config
