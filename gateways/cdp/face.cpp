#include "gateways/cdp/face.hpp"

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>
#include <vector>

#include "protocol/http/target.hpp"
#include "protocol/json.hpp"

namespace gateways {
namespace {

using member = std::pair<std::string_view, std::string>;

constexpr int depth_max = 64;

std::string object_text(std::span<const member> members) {
  std::string out = "{\n";
  for (const auto& [name, value] : members) {
    if (out.size() > 2) out += ",\n";
    out.append("   \"").append(name).append("\": ");
    protocol::append_json_string(out, value);
  }
  return out + "\n}";
}

struct target {
  std::string id, parent, title, type, url;
};

std::string target_text(const target& t, std::string_view revision, const cdp_place& at) {
  auto page = at.host + at.prefix + "/devtools/page/" + t.id;
  std::vector<member> members{
      {"description", ""},
      {"devtoolsFrontendUrl", "https://chrome-devtools-frontend.appspot.com/serve_rev/" +
                                  std::string(revision) + "/inspector.html?ws=" + page},
      {"id", t.id}};
  if (!t.parent.empty()) members.emplace_back("parentId", t.parent);
  members.emplace_back("title", t.title);
  members.emplace_back("type", t.type);
  members.emplace_back("url", t.url);
  members.emplace_back("webSocketDebuggerUrl", "ws://" + page);
  return object_text(members);
}

/// Unescaped once. What is no URL is the empty page, as with Chromium; the rest is its to judge.
std::string url_of(std::string_view query) {
  auto decoded = protocol::http::percent_decode(query);
  auto url = decoded ? std::move(*decoded) : std::string(query);
  auto colon = url.find(':');
  auto in_scheme = [](unsigned char c) {
    return std::isalnum(c) || c == '+' || c == '-' || c == '.';
  };
  if (colon == 0 || colon == url.npos || colon + 1 == url.size() ||
      !std::isalpha(static_cast<unsigned char>(url[0])) ||
      !std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(colon), in_scheme))
    return "about:blank";
  return url;
}

cdp_ask read_command(std::string_view rest, std::string_view query) {
  if (rest.empty()) rest = "/list";
  if (rest.front() != '/') return {cdp_action::nothing, {}};
  rest.remove_prefix(1);
  auto slash = rest.find('/');
  auto command = rest.substr(0, slash);
  std::string argument(slash == rest.npos ? std::string_view() : rest.substr(slash + 1));
  if (command == "list")
    return {cdp_action::list, {}, query == "for_tab" || query.starts_with("for_tab&")};
  if (command == "version") return {cdp_action::version, {}};
  if (command == "protocol") return {cdp_action::protocol, {}};
  if (command == "new") return {cdp_action::make, url_of(query)};
  if (command == "activate") return {cdp_action::activate, std::move(argument)};
  if (command == "close") return {cdp_action::close, std::move(argument)};
  return {cdp_action::unknown, std::string(command)};
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Payload Too Large";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}

}  // namespace

cdp_ask read_cdp_target(std::string_view target) {
  auto mark = target.find('?');
  auto path = target.substr(0, mark);
  auto query = mark == target.npos ? std::string_view() : target.substr(mark + 1);
  if (path.empty() || path == "/") return {cdp_action::root, {}};
  constexpr std::string_view json = "/json", browser = "/devtools/browser/",
                             page = "/devtools/page/", screencast = "/screencast/";
  if (path.starts_with(json)) return read_command(path.substr(json.size()), query);
  if (path.starts_with(browser))
    return {cdp_action::browser, std::string(path.substr(browser.size()))};
  if (path.starts_with(page)) return {cdp_action::page, std::string(path.substr(page.size()))};
  if (path.starts_with(screencast))
    return {cdp_action::screencast, std::string(path.substr(screencast.size())), false,
            std::string(query)};
  return {};
}

std::string version_text(const browser_version& v, std::string_view browser_id,
                         const cdp_place& at) {
  const member members[] = {
      {"Browser", v.product},
      {"File-Path-Style", "posix"},
      {"Protocol-Version", v.protocol_version},
      {"User-Agent", v.user_agent},
      {"V8-Version", v.js_version},
      {"WebKit-Version", "537.36 (" + v.revision + ")"},
      {"webSocketDebuggerUrl",
       "ws://" + at.host + at.prefix + "/devtools/browser/" + std::string(browser_id)}};
  return object_text(members) + "\n";
}

std::string_view list_params(bool tabs) noexcept {
  return tabs ? R"({"filter":[{"type":"tab"}]})" : "{}";
}

protocol::result<std::string> list_text(std::string_view result, std::string_view revision,
                                        const cdp_place& at) {
  auto parsed = protocol::parse_json(result, depth_max);
  if (!parsed) return parsed.error();
  std::string out = "[ ";
  auto text = [](const nlohmann::json& in, const char* name) {
    return in.is_object() && in.contains(name) && in[name].is_string() ? in[name].get<std::string>()
                                                                       : std::string();
  };
  auto infos = parsed->is_object() ? parsed->value("targetInfos", nlohmann::json::array())
                                   : nlohmann::json::array();
  for (const auto& each : infos) {
    target t{text(each, "targetId"), text(each, "parentFrameId"), text(each, "title"),
             text(each, "type"), text(each, "url")};
    // Each client's session is one more browser.
    if (t.id.empty() || t.type == "browser") continue;
    if (out.size() > 2) out += ", ";
    out += target_text(t, revision, at);
  }
  return out + " ]\n";
}

std::string made_text(std::string_view target_id, std::string_view url, std::string_view revision,
                      const cdp_place& at) {
  return target_text({std::string(target_id), {}, {}, "page", std::string(url)}, revision, at) +
         "\n";
}

cdp_answer html_answer(int status, std::string body) {
  return {status, "text/html", std::move(body), {}};
}

std::string answer_text(const cdp_answer& a, bool with_body, bool last) {
  std::string out = "HTTP/1.1 " + std::to_string(a.status) + " ";
  out.append(reason_of(a.status)).append("\r\n").append(a.line);
  out.append("Content-Length:").append(std::to_string(a.body.size()));
  out.append("\r\nContent-Type:").append(a.type).append("\r\n");
  if (last) out += "Connection:close\r\n";
  out += "\r\n";
  if (with_body) out += a.body;
  return out;
}

}  // namespace gateways
