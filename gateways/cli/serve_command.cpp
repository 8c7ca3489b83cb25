// `troupe serve` and `troupe config`: the table of options as flags, and the texts made of it.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <stdexcept>

#include "config/describe.hpp"
#include "gateways/cli/cli.hpp"
#include "gateways/cli/daemon.hpp"

namespace gateways::cli {
namespace {

constexpr int not_started = 1;

struct serve_arguments {
  config::sources from;
  bool print_config = false;
  std::vector<std::string> rest;  ///< what no flag has taken
};

void add_option_row(CLI::App& command, const config::option& row, config::flag_values& to) {
  const auto key = std::string(row.key);
  const auto names = "--" + key + (row.alias.empty() ? "" : "," + std::string(row.alias));
  const auto help = config::flag_help(row);
  CLI::Option* flag = nullptr;
  if (std::holds_alternative<config::field_of<config::string_list>>(row.member)) {
    auto take = [&to, key](const std::vector<std::string>& all) { to.emplace_back(key, all); };
    flag = command.add_option_function<std::vector<std::string>>(names, take, help);
    flag->type_name("TEXT")->expected(1)->take_all();
  } else {
    auto take = [&to, key](const std::string& value) {
      to.push_back({key, value.empty() ? std::vector<std::string>{} : std::vector{value}});
    };
    flag = command.add_option_function<std::string>(names, take, help)->type_name("VALUE");
    if (std::holds_alternative<config::field_of<bool>>(row.member)) flag->expected(0, 1);
  }
  flag->group(std::string(config::section_of(row.key)));
}

/// What is said of arguments that nothing has taken.
std::string explain_rest(const std::vector<std::string>& rest) {
  for (const auto& word : rest) {
    if (!word.starts_with("--")) continue;
    const auto near = config::nearest_key(std::string_view(word).substr(2));
    return word + ": unknown option" + (near.empty() ? "" : "; did you mean --" + near + "?");
  }
  return rest.front() + ": unexpected";
}

/// A sandbox costs the daemon a dozen or two, and what a shell gives is for a shell.
void open_as_many_files_as_allowed() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

int start(const config::loaded& with, const serve_function& serve) try {
  return serve(with);
} catch (const std::runtime_error& e) {
  std::cerr << "troupe: " << e.what() << '\n';
  return not_started;
}

int serve_with(const serve_arguments& given, const serve_function& serve) {
  if (!given.rest.empty()) {
    std::cerr << "troupe: " << explain_rest(given.rest) << '\n';
    return exit_usage;
  }
  auto loaded = config::load(given.from);
  if (!loaded) {
    std::cerr << "troupe: " << loaded.error().text << '\n';
    return exit_usage;
  }
  auto& node = loaded->values.node;
  node.data_dir = config::resolve_data_dir(node);
  if (given.print_config) {
    std::cout << config::print_config(*loaded);
    return exit_ok;
  }
  for (const auto& warning : loaded->warnings) std::cerr << "troupe: " << warning << '\n';
  open_as_many_files_as_allowed();
  return start(*loaded, serve);
}

}  // namespace

void add_serve(CLI::App& app, const serve_function& serve, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("serve", "Run the daemon in the foreground");
  auto given = std::make_shared<serve_arguments>();
  command->add_option("--config", given->from.file, "TOML file with options")
      ->type_name("FILE")
      ->envname("TROUPE_CONFIG");
  command->add_flag("--print-config", given->print_config,
                    "Print the effective options and where each came from, then end");
  for (const auto& row : config::option_table()) add_option_row(*command, row, given->from.flags);
  command->allow_extras();  // refused by us, with the nearest name
  command->callback([&chosen, command, given, serve] {
    given->rest = command->remaining();
    given->from.environment = config::process_environment();
    chosen = [given, serve] { return serve_with(*given, serve); };
  });
}

void add_config(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("config", "Print all options with their defaults");
  auto markdown = std::make_shared<bool>(false);
  command->add_flag("--markdown", *markdown, "As a page instead of a TOML file");
  command->callback([&chosen, markdown] {
    chosen = [markdown] {
      std::cout << (*markdown ? config::reference_page() : config::sample_file());
      return static_cast<int>(exit_ok);
    };
  });
}

}  // namespace gateways::cli
