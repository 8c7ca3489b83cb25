#include "config/load.hpp"

#include <pwd.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "config/assign.hpp"
#include "config/options.hpp"

namespace config {
namespace {

constexpr std::uint64_t file_bytes_max = 1 << 20;

using fault = std::optional<load_error>;

std::string hint(std::string_view key) {
  const auto near = nearest_key(key);
  return near.empty() ? std::string() : "; did you mean `" + near + "`?";
}

loaded defaults() {
  loaded result;
  for (const auto& row : option_table()) result.origin[std::string(row.key)] = "default";
  return result;
}

/// Walks a parsed file; stops at the first error.
class toml_reader {
 public:
  toml_reader(loaded& into, std::string_view name) : into_(into), name_(name) {}

  fault read(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const auto full = prefix + std::string(key.str());
      const auto where = place(key.source().begin.line);
      if (auto wrong = read_one(full, node, where)) return wrong;
    }
    return {};
  }

 private:
  static bool is_section(std::string_view key) {
    const auto inside = std::string(key) + ".";
    return std::ranges::any_of(option_table(), [&](auto& x) { return x.key.starts_with(inside); });
  }

  std::string place(toml::source_index line) const { return name_ + ":" + std::to_string(line); }

  fault read_one(const std::string& key, const toml::node& node, const std::string& where) {
    if (const auto* row = find_option(key)) {
      if (auto wrong = assign_toml(*row, into_.values, node); !wrong.empty())
        return load_error{where + ": " + key + " " + wrong};
      into_.origin[key] = where;
      return {};
    }
    if (!is_section(key)) return load_error{where + ": unknown key `" + key + "`" + hint(key)};
    const auto* table = node.as_table();
    if (!table) return load_error{where + ": " + key + " must be a table"};
    return read(*table, key + ".");
  }

  loaded& into_;
  std::string name_;
};

fault apply_text(loaded& into, std::string_view text, std::string_view name) {
  // toml++ throws for what it cannot parse; this is the adapter that ends that.
  try {
    const auto table = toml::parse(text, std::string(name));
    return toml_reader(into, name).read(table, "");
  } catch (const toml::parse_error& e) {
    return load_error{std::string(name) + ":" + std::to_string(e.source().begin.line) + ": " +
                      std::string(e.description())};
  } catch (const std::exception& e) {
    return load_error{std::string(name) + ": " + e.what()};
  }
}

fault apply_file(loaded& into, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return load_error{path + ": " + std::strerror(errno)};
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) return load_error{path + ": cannot be read"};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max) return load_error{path + ": larger than 1 MiB"};
  return apply_text(into, text, path);
}

/// Variables that are the client's, not options.
bool is_client_variable(std::string_view name) {
  return name == "TROUPE_URL" || name == "TROUPE_TOKEN" || name == "TROUPE_CONFIG" ||
         name == "TROUPE_INSTANCE" || name == "TROUPE_KERNEL" || name == "TROUPE_START";
}

fault apply_environment(loaded& into, const variables& environment) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("TROUPE_") || is_client_variable(name)) continue;
    const auto table = option_table();
    const auto row = std::ranges::find_if(
        table, [&name = name](const option& x) { return environment_name(x.key) == name; });
    if (row == table.end()) {
      into.warnings.push_back("the variable " + name + " is no option and is ignored");
      continue;
    }
    if (auto wrong = assign_text(*row, into.values, value); !wrong.empty())
      return load_error{name + ": " + wrong};
    into.origin[std::string(row->key)] = name;
  }
  return {};
}

fault apply_flags(loaded& into, const flag_values& flags) {
  for (const auto& [key, values] : flags) {
    const auto* row = find_option(key);
    if (!row) return load_error{"--" + key + ": unknown option" + hint(key)};
    const bool list = std::holds_alternative<field_of<string_list>>(row->member);
    std::string wrong;
    if (list)
      wrong = assign_list(*row, into.values, values);
    else
      wrong = assign_text(*row, into.values, values.empty() ? "true" : values.back());
    if (!wrong.empty()) return load_error{"--" + key + ": " + wrong};
    into.origin[key] = "--" + key;
  }
  return {};
}

load_result<loaded> checked(loaded result) {
  const auto conflicts = cross_check(result.values);
  if (conflicts.empty()) return result;
  const std::string key(conflicts.front().key);
  return load_error{result.origin[key] + ": " + key + " " + conflicts.front().text};
}

std::string home() {
  if (const char* set = std::getenv("HOME"); set && *set) return set;
  const auto* entry = getpwuid(geteuid());
  return entry ? entry->pw_dir : "/";
}

}  // namespace

load_result<loaded> load(const sources& from) {
  auto result = defaults();
  if (!from.file.empty())
    if (auto wrong = apply_file(result, from.file)) return *wrong;
  if (auto wrong = apply_environment(result, from.environment)) return *wrong;
  if (auto wrong = apply_flags(result, from.flags)) return *wrong;
  return checked(std::move(result));
}

load_result<loaded> load_text(std::string_view toml, std::string_view name) {
  auto result = defaults();
  if (auto wrong = apply_text(result, toml, name)) return *wrong;
  return checked(std::move(result));
}

variables process_environment() {
  variables result;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      result.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

std::string resolve_data_dir(const node_options& node) {
  if (!node.data_dir.empty()) return node.data_dir;
  if (geteuid() == 0) return "/var/lib/troupe";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/')
    return std::string(state) + "/troupe";
  return home() + "/.local/state/troupe";
}

}  // namespace config
