// `troupe doctor`: which walls this machine offers to kernels, and what is missing for the others.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <stdexcept>

#include "gateways/cli/cli.hpp"
#include "gateways/cli/daemon.hpp"
#include "gateways/cli/table.hpp"
#include "gateways/isolation/launcher.hpp"

namespace gateways::cli {
namespace {

constexpr int not_walled = 1;

/// Exit code 0 when kernels can have a file system, a network and processes of their own.
int examine() try {
  config::isolation_options options;
  options.level = "auto";
  const launcher here(options, "doctor-" + std::to_string(::getpid()));
  table rows{{"PROTECTION", "", "HOW, OR WHY NOT"}};
  for (const auto& p : here.protections()) rows.add({p.name, p.present ? "yes" : "no", p.detail});
  rows.print(std::cout);
  for (const auto& p : here.protections())
    if (!p.present) std::cout << '\n' << p.name << ": " << p.remedy << '\n';
  std::cout << "\nlimits.disk_bytes is watched: a workspace can go beyond it for some seconds\n";
  if (here.level() != isolation_level::full)
    std::cout << "limits.memory_bytes is watched: without control groups nothing holds the sum\n";
  std::cout << "\nisolation.level = \"auto\" gives: " << name_of(here.level()) << '\n';
  return here.mounts() ? exit_ok : not_walled;
} catch (const std::runtime_error& e) {
  std::cerr << "troupe: " << e.what() << '\n';
  return not_walled;
}

}  // namespace

void add_doctor(CLI::App& app, std::function<int()>& chosen) {
  app.add_subcommand("doctor", "Show which protections this machine offers to kernels")
      ->callback([&chosen] { chosen = examine; });
}

}  // namespace gateways::cli
