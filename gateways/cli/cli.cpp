#include "gateways/cli/cli.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "gateways/cli/daemon.hpp"

namespace gateways::cli {
namespace {

constexpr const char* version_line = "troupe " TROUPE_VERSION;

int print_version() {
  std::cout << version_line << '\n';
  return exit_ok;
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
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return chosen();
}

}  // namespace gateways::cli
