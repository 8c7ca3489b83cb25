// Makes `settings` of a TOML file, TROUPE_* variables and flags; the later source wins.
//
// Used by the command line at start; nothing here is kept. Whatever is wrong is one error with its
// place: `troupe.toml:12: …`, `TROUPE_KERNEL_QUEUE_MAX: …` or `--kernel.queue_max: …`.
// Pure but for `load`, which reads the one file it is told of. Never throws.
#pragma once

#include <boost/system/result.hpp>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace config {

struct load_error {
  std::string text;  ///< one line, its place first
};

template <class T>
using load_result = boost::system::result<T, load_error>;

/// Found by argument-dependent lookup when `result::value()` holds an error: a programming error.
[[noreturn]] inline void throw_exception_from_error(const load_error& e,
                                                    const boost::source_location&) {
  throw std::logic_error("unchecked load_error: " + e.text);
}

struct loaded {
  settings values;
  std::map<std::string, std::string> origin;  ///< key -> where its value came from
  std::vector<std::string> warnings;          ///< nothing wrong, but perhaps not meant
};

/// A flag's key and the values it was given; lists may have several.
using flag_values = std::vector<std::pair<std::string, std::vector<std::string>>>;
using variables = std::vector<std::pair<std::string, std::string>>;

struct sources {
  std::string file{};               ///< empty: none
  config::variables environment{};  ///< all variables; those that are not Troupe's are ignored
  flag_values flags{};              ///< by key
};

load_result<loaded> load(const sources& from);

/// The text of a file alone; `name` is what errors call it.
load_result<loaded> load_text(std::string_view toml, std::string_view name = "troupe.toml");

/// This process's variables.
variables process_environment();

/// The data dir that is meant: as configured, else $XDG_STATE_HOME/troupe or
/// ~/.local/state/troupe, as root /var/lib/troupe.
std::string resolve_data_dir(const node_options& node);

}  // namespace config
