#define CAF_SUITE cli_command_line

#include <CLI/CLI.hpp>

#include "config/options.hpp"
#include "gateways/cli/cli.hpp"
#include "gateways/cli/daemon.hpp"
#include "tests/support/checked_in.hpp"
#include "tests/support/unit.hpp"

using namespace gateways::cli;

namespace {

/// The program with a daemon that only remembers what it was started with.
struct program {
  config::loaded given;
  int served = 0;

  int run(std::vector<std::string> words) {
    words.insert(words.begin(), "troupe");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    return gateways::cli::run(static_cast<int>(argv.size()), argv.data(), [&](auto& loaded) {
      given = loaded;
      ++served;
      return 0;
    });
  }
};

/// The declared commands, for looking at.
struct declared {
  CLI::App app{"", "troupe"};
  std::function<int()> chosen;
  declared() {
    declare(
        app, [](auto&) { return 0; }, chosen);
  }
  std::vector<CLI::App*> commands() {
    return app.get_subcommands([](CLI::App*) { return true; });
  }
};

}  // namespace

CAF_TEST(every row of the table of options is a flag of serve) {
  declared d;
  auto* serve = d.app.get_subcommand("serve");
  for (const auto& row : config::option_table()) {
    CAF_CHECK(serve->get_option_no_throw("--" + std::string(row.key)) != nullptr);
    if (!row.alias.empty())
      CAF_CHECK(serve->get_option_no_throw(std::string(row.alias)) != nullptr);
  }
}

CAF_TEST(flags reach the settings whatever their form) {
  program p;
  CAF_CHECK_EQUAL(p.run({"serve", "--insecure", "--listen", "127.0.0.1:0"}), 0);
  CAF_CHECK(p.given.values.node.insecure);
  CAF_CHECK_EQUAL(p.given.values.http.listen, "127.0.0.1:0");
  CAF_CHECK_EQUAL(p.run({"serve", "--insecure=false", "--kernel.queue_max=7"}), 0);
  CAF_CHECK(!p.given.values.node.insecure);
  CAF_CHECK_EQUAL(p.given.values.kernel.queue_max, 7u);
  CAF_CHECK_EQUAL(p.run({"serve", "--node.insecure", "true", "--http.allowed_hosts", "a",
                         "--http.allowed_hosts", "b"}),
                  0);
  CAF_CHECK(p.given.values.node.insecure);
  CAF_CHECK_EQUAL(p.given.values.http.allowed_hosts.size(), 2u);
  CAF_CHECK_EQUAL(p.served, 3);
}

CAF_TEST(what is wrong on the command line ends with 2 and starts nothing) {
  program p;
  for (auto& words : std::vector<std::vector<std::string>>{
           {},
           {"no-such-command"},
           {"--no-such-flag"},
           {"no-such-command", "--no-such-flag", "exec"},
           {"serve", "--no.such", "1"},
           {"serve", "stray"},
           {"serve", "--kernel.queue_max", "-5"},
           {"serve", "--kernel.queue_max", "many"},
           {"serve", "--kernel.queue_max"},
           {"serve", "--kernel.python", "a", "--kernel.python", "b"},
           {"serve", "--config", "/no/such/file.toml"},
           {"exec", "--no-such-flag", "1"},
           {"run"},
           {"run", "/no/such/file.py"},
           {"completion", "tcsh"}})
    CAF_CHECK_EQUAL(p.run(words), exit_usage);
  CAF_CHECK_EQUAL(p.served, 0);
}

CAF_TEST(the manual has every command and the flags of all but serve) {
  const auto page = tests::checked_in("docs/troupe.1");
  declared d;
  for (auto* command : d.commands()) {
    CAF_MESSAGE(command->get_name());
    CAF_CHECK_NOT_EQUAL(page.find("\n.B " + command->get_name() + "\n"), page.npos);
    if (command->get_name() == "serve") continue;
    for (auto* option : command->get_options())
      for (auto name : option->get_lnames()) {
        if (name == "help") continue;
        for (auto at = name.find('-'); at != name.npos; at = name.find('-', at + 2))
          name.insert(at, "\\");
        CAF_MESSAGE(name);
        CAF_CHECK_NOT_EQUAL(page.find("\\-\\-" + name), page.npos);
      }
  }
  for (auto code : {exit_ok, exit_raised, exit_usage, exit_unreachable, exit_time_limit,
                    exit_interrupted, exit_died})
    CAF_CHECK_NOT_EQUAL(page.find("\n.B " + std::to_string(code) + "\n"), page.npos);
}
