#include "gateways/cli/event_printer.hpp"

#include <array>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "gateways/cli/daemon.hpp"
#include "gateways/cli/json_text.hpp"
#include "protocol/cause.hpp"
#include "protocol/text.hpp"

namespace gateways::cli {
namespace {

using nlohmann::json;

struct picture_kind {
  const char* mime;
  const char* suffix;
  bool base64;
};

constexpr std::array picture_kinds{picture_kind{"image/png", ".png", true},
                                   picture_kind{"image/jpeg", ".jpg", true},
                                   picture_kind{"image/svg+xml", ".svg", false}};

/// Ids come from the daemon; as part of a file name only harmless characters are kept.
std::string file_stem(const std::string& id, std::uint64_t n) {
  std::string stem;
  for (const auto c : id.substr(0, 80))
    stem += std::isalnum(static_cast<unsigned char>(c)) || c == '-' ? c : '_';
  return (stem.empty() ? "execution" : stem) + "-" + std::to_string(n);
}

bool write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  return static_cast<bool>(file.flush());
}

std::string cause_text(const json& cause) {
  auto text = text_at(cause, "detail");
  const auto add = [&](const std::string& part) {
    if (part.empty() || text.find(part) != std::string::npos) return;
    text += (text.empty() ? "" : ", ") + part;
  };
  add(text_at(cause, "signal"));
  if (const auto limit = text_at(cause, "limit"); !limit.empty()) add("limit " + limit);
  if (member(cause, "exit_code").is_number_integer())
    add("exit code " + member(cause, "exit_code").dump());
  if (text.empty()) text = text_at(cause, "kind");
  return text;
}

}  // namespace

event_printer::event_printer(printer_options options, std::ostream& out, std::ostream& err)
    : options_(std::move(options)), out_(out), err_(err) {}

void event_printer::show(std::string_view line) {
  const auto event = json::parse(line, nullptr, false);
  const auto n = number_at(event, "n");
  if (n <= last_) return;
  last_ = n;
  const auto type = text_at(event, "type");
  if (type == "ended") {
    status_ = text_at(member(event, "data"), "status");
    if (status_.empty()) status_ = "unknown";
    // Interrupted, but by a limit and not by anybody who would know.
    over_quota_ = text_at(member(member(event, "data"), "cause"), "kind") == "disk_quota";
    take_own_code(member(event, "data"));
  }
  if (type == "input_request") prompt_ = {true, member(member(event, "data"), "password") == true};
  if (options_.json)
    out_ << line << '\n' << std::flush;
  else
    show_event(type, event);
}

void event_printer::take_own_code(const json& data) {
  if (status_ != "ok" && status_ != "error") return;
  if (member(data, "exit_code").is_number_integer())
    own_code_ = member(data, "exit_code").get<int>();
  else if (const auto signal = text_at(data, "signal"); !signal.empty())
    own_code_ = 128 + signal_of(signal);
}

int event_printer::exit_code() const noexcept {
  return over_quota_ ? exit_died : own_code_.value_or(exit_code_of(status_));
}

void event_printer::show_event(const std::string& type, const json& event) {
  const auto& data = member(event, "data");
  if (type == "stream") {
    auto& to = text_at(data, "name") == "stderr" ? err_ : out_;
    to << text_at(data, "text") << std::flush;
  } else if (type == "execute_result" || type == "display_data" || type == "update_display_data") {
    show_bundle(data, event);
  } else if (type == "error") {
    show_error(data);
  } else if (type == "input_request") {
    err_ << text_at(data, "prompt") << std::flush;
  } else if (type == "interrupt") {
    note((text_at(data, "step") == "kill" ? "killed: " : "interrupted: ") +
         text_at(data, "reason"));
  } else if (type == "kernel_restarting") {
    note("the kernel restarts");
  } else if (type == "truncated") {
    const auto path = text_at(data, "path");
    note("output truncated: " + member(data, "bytes_kept").dump() + " of " +
         member(data, "bytes_total").dump() + " bytes shown" +
         (path.empty() ? "" : "; the rest is in " + path + " of the workspace"));
  } else if (type == "ended") {
    show_end(data);
  }
}

void event_printer::show_bundle(const json& data, const json& event) {
  const auto& bundle = member(data, "data");
  if (save_picture(bundle, event)) return;
  const auto text = text_at(bundle, "text/plain");
  if (text.empty()) return;
  out_ << (options_.colour_out ? text : without_ansi(text)) << '\n' << std::flush;
}

bool event_printer::save_picture(const json& bundle, const json& event) {
  for (const auto& kind : picture_kinds) {
    const auto data = text_at(bundle, kind.mime);
    if (data.empty()) continue;
    const auto stem = file_stem(text_at(event, "execution_id"), number_at(event, "n"));
    const auto path = std::filesystem::path(options_.out_dir) / (stem + kind.suffix);
    if (write_file(path, kind.base64 ? protocol::from_base64(data) : data)) {
      out_ << path.string() << '\n' << std::flush;
      return true;
    }
    note("cannot write the picture " + path.string());
    return false;
  }
  return false;
}

void event_printer::show_error(const json& data) {
  std::string text;
  const auto& traceback = member(data, "traceback");
  if (traceback.is_array())
    for (const auto& line : traceback) text += text_of(line) + "\n";
  if (text.empty()) text = text_at(data, "ename") + ": " + text_at(data, "evalue") + "\n";
  err_ << (options_.colour_err ? text : without_ansi(text)) << std::flush;
}

void event_printer::show_end(const json& data) {
  if (status_ == "ok" || status_ == "error") return;
  auto text = status_;
  if (const auto cause = cause_text(member(data, "cause")); !cause.empty()) text += ": " + cause;
  if (member(data, "state_preserved") == false) text += "; the kernel's state is lost";
  note(text);
}

void event_printer::note(const std::string& text) {
  err_ << "troupe: " << text << '\n' << std::flush;
}

std::string without_ansi(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    // A control sequence: ESC [ parameters, then one byte of @ to ~.
    if (i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
    }
  }
  return plain;
}

int signal_of(const std::string& name) {
  for (int number = 1; number <= SIGRTMAX; ++number)
    if (protocol::signal_name(number) == name) return number;
  return 0;
}

int exit_code_of(std::string_view status) noexcept {
  if (status == "ok") return exit_ok;
  if (status == "error") return exit_raised;
  if (status == "timeout") return exit_time_limit;
  if (status == "interrupted" || status == "cancelled") return exit_interrupted;
  return exit_died;
}

}  // namespace gateways::cli
