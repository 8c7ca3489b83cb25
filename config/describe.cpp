#include "config/describe.hpp"

#include <algorithm>

namespace config {
namespace {

const settings& defaults() {
  static const settings values;
  return values;
}

/// Calls `section` before the first row of each section and `row` for every row.
template <class Section, class Row>
void each_row(Section section, Row row) {
  std::string_view current;
  for (const auto& x : option_table()) {
    if (section_of(x.key) != current) section(current = section_of(x.key));
    row(x);
  }
}

std::string header(std::string_view section) {
  return "[" + std::string(section) + "]\n";
}

std::string assignment(const option& row, const settings& values) {
  return std::string(name_of(row.key)) + " = " + toml_value(row, values);
}

std::string with_range(const option& row) {
  const auto range = range_text(row);
  return std::string(row.doc) + (range.empty() ? "" : " Range: " + range + ".");
}

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

}  // namespace

std::string print_config(const loaded& effective) {
  std::string text;
  each_row([&](auto section) { text += (text.empty() ? "" : "\n") + header(section); },
           [&](const option& row) {
             const auto origin = effective.origin.find(std::string(row.key));
             const auto from = origin == effective.origin.end() ? "default" : origin->second;
             auto line = assignment(row, effective.values);
             line.resize(std::max<std::size_t>(line.size(), 40), ' ');
             text += line + "  # " + from + "\n";
           });
  return text;
}

std::string sample_file() {
  std::string text =
      "# Configuration of Troupe: every option with its default. Uncomment what you change.\n"
      "#\n"
      "#   troupe serve --config troupe.toml\n"
      "#   troupe serve --config troupe.toml --print-config   # what it comes to, and why\n"
      "#\n"
      "# A variable TROUPE_SECTION_NAME goes before this file, a flag --section.name before both.\n"
      "# Made from the table of options by `troupe config`.\n";
  each_row([&](auto section) { text += "\n" + header(section); },
           [&](const option& row) {
             text += "# " + with_range(row) + "\n#" + assignment(row, defaults()) + "\n";
           });
  return text;
}

std::string reference_page() {
  std::string text =
      "# Configuration\n\n"
      "<!-- Made from the table in config/options.cpp by `troupe config --markdown`: edit there. "
      "-->\n\n"
      "`troupe serve` takes its options from a TOML file (`--config FILE` or `TROUPE_CONFIG`), "
      "then "
      "from\nthe environment, then from flags; the later wins. Each option has one key, written in "
      "three ways:\n\n"
      "| in the file | in the environment | as a flag |\n| --- | --- | --- |\n"
      "| `[kernel]` `queue_max = 8` | `TROUPE_KERNEL_QUEUE_MAX=8` | `--kernel.queue_max 8` |\n"
      "| `[http]` `allowed_hosts = [\"a\", \"b\"]` | `TROUPE_HTTP_ALLOWED_HOSTS=a,b` | "
      "`--http.allowed_hosts a --http.allowed_hosts b` |\n\n"
      "An unknown key, a value of the wrong type or out of range is an error that names its file "
      "and "
      "line,\nits variable or its flag, and the program ends with 2. An unknown variable that "
      "begins "
      "with `TROUPE_`\nis only warned about. `troupe serve --print-config` prints the effective "
      "values and where each came\nfrom. `config/troupe.toml.example` has every option with its "
      "default.\n\n"
      "`TROUPE_URL` and `TROUPE_TOKEN` tell the client commands where the daemon is; they are no "
      "options.\n";
  each_row(
      [&](auto section) {
        text += "\n## " + std::string(section) +
                "\n\n| key | default | range | meaning |\n| --- | --- | --- | --- |\n";
      },
      [&](const option& row) {
        const auto range = range_text(row);
        text += "| " + code(row.key) + (row.alias.empty() ? "" : "<br>also " + code(row.alias)) +
                " | " + code(toml_value(row, defaults())) + " | " + (range.empty() ? "" : range) +
                " | " + std::string(row.doc) + " |\n";
      });
  return text;
}

std::string flag_help(const option& row) {
  const auto range = range_text(row);
  return std::string(row.doc) + " [" + (range.empty() ? "" : range + "; ") + "default " +
         toml_value(row, defaults()) + "]";
}

}  // namespace config
