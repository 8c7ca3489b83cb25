#include "gateways/cli/daemon.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "config/load.hpp"
#include "gateways/cli/json_text.hpp"

namespace gateways::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

/// The data dir by flag, else as the daemon's own configuration would have it.
std::variant<std::string, refusal> data_dir_of(const std::string& flag) {
  if (!flag.empty()) return flag;
  const auto settings = config::load(
      {.file = variable("TROUPE_CONFIG"), .environment = config::process_environment()});
  if (!settings) return refusal{exit_usage, settings.error().text};
  return config::resolve_data_dir(settings->values.node);
}

std::variant<http_client, refusal> client_for(const std::string& url, const std::string& token,
                                              const std::string& source) {
  const auto parts = parse_url(url);
  if (!parts) return refusal{exit_usage, source + ": `" + url + "` is not http://HOST:PORT"};
  return http_client(*parts, token);
}

}  // namespace

std::variant<http_client, refusal> find_daemon(const std::string& data_dir) {
  const auto url = data_dir.empty() ? variable("TROUPE_URL") : std::string();
  auto token = data_dir.empty() ? variable("TROUPE_TOKEN") : std::string();
  if (!url.empty() && !token.empty()) return client_for(url, token, "TROUPE_URL");
  auto dir = data_dir_of(data_dir);
  if (auto* wrong = std::get_if<refusal>(&dir)) return *wrong;
  const auto& folder = std::get<std::string>(dir);
  if (token.empty()) token = trimmed(content_of(folder + "/token"));
  if (!url.empty()) return client_for(url, token, "TROUPE_URL");
  const auto file = folder + "/daemon.json";
  const auto facts = nlohmann::json::parse(content_of(file), nullptr, false);
  const auto found = text_at(facts, "url");
  if (found.empty())
    return refusal{exit_unreachable, "no daemon runs on " + folder +
                                         "; start one with `troupe serve`, or set TROUPE_URL"};
  return client_for(found, token, file);
}

refusal explain(const response& answer) {
  const auto problem = nlohmann::json::parse(answer.body, nullptr, false);
  refusal result;
  const bool later = answer.status >= 500 || answer.status == 429;
  result.code = later ? exit_unreachable : exit_usage;
  auto title = text_at(problem, "title");
  result.text = title.empty() ? "the answer was status " + std::to_string(answer.status) : title;
  if (const auto detail = text_at(problem, "detail"); !detail.empty()) result.text += ": " + detail;
  const auto code = text_at(problem, "code");
  auto id = text_at(problem, "request_id");
  if (id.empty()) id = answer.header("x-request-id");
  if (code.empty() && id.empty()) return result;
  result.text += " (" + code + (code.empty() || id.empty() ? "" : ", ") +
                 (id.empty() ? "" : "request " + id) + ")";
  return result;
}

refusal explain(const transport_error& error, const http_client& client) {
  const auto* what = error.connected ? "the daemon at " : "no daemon answers at ";
  return {exit_unreachable, what + client.address() + ": " + error.text};
}

}  // namespace gateways::cli
