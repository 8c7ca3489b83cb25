// `troupe completion SHELL`: a completion script made from the declared commands, so that it cannot
// drift from them.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "gateways/cli/cli.hpp"
#include "gateways/cli/daemon.hpp"

namespace gateways::cli {
namespace {

std::string first_line(const std::string& text) {
  auto line = text.substr(0, text.find('\n'));
  std::string quoted;
  for (const auto c : line) quoted += c == '\'' ? std::string("’") : std::string(1, c);
  return quoted;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// The flags of a command, each as "--name".
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  return flags;
}

std::string words(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& word : list) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : commands_of(app)) names.push_back(command->get_name());
  return words(names);
}

std::string bash_script(const CLI::App& app) {
  std::string text =
      "# bash completion for troupe; made by `troupe completion bash`\n"
      "_troupe() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} flags=\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W '" +
      command_names(app) +
      " --help --version' -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case $command in\n";
  for (const auto* command : commands_of(app))
    text += "    " + command->get_name() + ") flags='" + words(flags_of(*command)) + "' ;;\n";
  return text +
         "  esac\n"
         "  if [[ $word == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
         "  elif [[ $command == completion ]]; then\n"
         "    COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "  fi\n"
         "}\n"
         "complete -F _troupe troupe\n";
}

std::string zsh_script(const CLI::App& app) {
  std::string text =
      "#compdef troupe\n"
      "# made by `troupe completion zsh`\n"
      "_troupe() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const auto* command : commands_of(app))
    text += "    '" + command->get_name() + ":" + first_line(command->get_description()) + "'\n";
  text +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  case $words[2] in\n";
  for (const auto* command : commands_of(app))
    text += "    " + command->get_name() + ") compadd -- " + words(flags_of(*command)) +
            (command->get_name() == "completion" ? " bash zsh fish" : "") + " ;;\n";
  return text +
         "  esac\n"
         "  [[ $words[CURRENT] == -* ]] || _files\n"
         "}\n"
         "_troupe \"$@\"\n";
}

std::string fish_script(const CLI::App& app) {
  std::string text = "# made by `troupe completion fish`\n";
  for (const auto* command : commands_of(app)) {
    const auto& name = command->get_name();
    text += "complete -c troupe -n __fish_use_subcommand -f -a " + name + " -d '" +
            first_line(command->get_description()) + "'\n";
    for (const auto* option : command->get_options())
      for (const auto& flag : option->get_lnames())
        text += "complete -c troupe -n '__fish_seen_subcommand_from " + name + "' -l " + flag +
                " -d '" + first_line(option->get_description()) + "'\n";
  }
  return text +
         "complete -c troupe -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
}

}  // namespace

void add_completion(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &chosen, shell] {
    chosen = [&app, shell] {
      const auto script = *shell == "bash"  ? bash_script
                          : *shell == "zsh" ? zsh_script
                                            : fish_script;
      std::cout << script(app);
      return static_cast<int>(exit_ok);
    };
  });
}

}  // namespace gateways::cli
