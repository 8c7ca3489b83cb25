// THE table of options: one row for each field of `settings`, with its key, range and line of doc.
//
// Everything that is said about an option elsewhere is made from a row: the TOML key, the flag
// `--KEY`, the variable TROUPE_KEY, the help, config/troupe.toml.example and docs/config.md.
// Invariant: every field of `settings` has exactly one row, and its default lies in its range.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.hpp"

namespace config {

using string_list = std::vector<std::string>;

/// Reaches the field of a row in a `settings`; the alternative is the field's type.
template <class T>
using field_of = T& (*)(settings&);
using field = std::variant<field_of<bool>, field_of<std::int64_t>, field_of<std::uint64_t>,
                           field_of<double>, field_of<std::string>, field_of<string_list>,
                           field_of<restart_on>, field_of<when_exhausted>>;

/// The range of a number; bounds are whole or small enough to be exact in a double.
struct range {
  double min = 0;
  double max = 0;
};

struct option {
  std::string_view key;  ///< "kernel.queue_max"
  field member;
  std::string_view unit;     ///< "ms", "bytes"; empty: a plain number or no number
  range limits;              ///< of numbers
  std::string_view choices;  ///< "a|b" for words that are taken from a list; empty: any
  std::string_view doc;      ///< one line
  std::string_view alias;    ///< "--listen"; empty: only `--KEY`
};

/// All rows, grouped by section.
std::span<const option> option_table() noexcept;

/// The row of `key`, or null.
const option* find_option(std::string_view key) noexcept;

/// The part of a key before its last dot: "kernel.restart".
std::string_view section_of(std::string_view key) noexcept;
/// The part of a key after its last dot: "max_restarts".
std::string_view name_of(std::string_view key) noexcept;

/// TROUPE_KERNEL_QUEUE_MAX for `kernel.queue_max`.
std::string environment_name(std::string_view key);

/// The known key that is the fewest edits away, or empty if none is near.
std::string nearest_key(std::string_view unknown);

/// "a whole number", "a list of strings", …: what a value of the row must be.
std::string type_name(const option& row);

/// "1 .. 64 ms", "one of debug, info"; empty if anything of the type is taken.
std::string range_text(const option& row);

/// The value of the row in `values`, written as TOML.
std::string toml_value(const option& row, const settings& values);

std::string quote_toml(std::string_view text);

}  // namespace config
