#include "gateways/cli/cli.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string_view>
#include <vector>

#include "gateways/cli/daemon.hpp"
#include "protocol/text.hpp"

namespace gateways::cli {
namespace {

constexpr const char* version_line = "troupe " TROUPE_VERSION;

int print_version() {
  std::cout << version_line << '\n';
  return exit_ok;
}

/// A word where the name of a command should be.
int refuse_stranger(const CLI::App& app, const std::string& word) {
  std::vector<std::string_view> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const bool flag = word.starts_with("-");
  const auto near = flag ? std::string_view() : protocol::nearest(word, names);
  std::cerr << "troupe: there is no " << (flag ? "option " : "command ") << word
            << (near.empty() ? "" : "; did you mean " + std::string(near) + "?")
            << " (`troupe --help` lists all)\n";
  return exit_usage;
}

}  // namespace

void declare(CLI::App& app, const serve_function& serve, std::function<int()>& chosen) {
  app.require_subcommand(1);
  app.set_version_flag("--version", version_line, "Print the version");
  add_serve(app, serve, chosen);
  add_exec(app, chosen);
  add_run(app, chosen);
  add_sh(app, chosen);
  add_lists(app, chosen);
  add_events(app, chosen);
  add_status(app, chosen);
  add_doctor(app, chosen);
  add_config(app, chosen);
  add_completion(app, chosen);
  app.add_subcommand("version", "Print the version")->callback([&chosen] {
    chosen = print_version;
  });
}

void add_data_dir(CLI::App& command, std::string& data_dir) {
  command.add_option("--data-dir", data_dir, "Where the daemon keeps its address and token")
      ->type_name("DIR");
}

int run(int argc, char** argv, const serve_function& serve) {
  CLI::App app("The runtime that gives AI agents a place to work.", "troupe");
  std::function<int()> chosen;
  declare(app, serve, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool no_command = e.get_exit_code() != 0 && app.get_subcommands().empty();
    if (no_command && app.remaining_size() > 0) return refuse_stranger(app, app.remaining()[0]);
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return chosen();
}

}  // namespace gateways::cli
