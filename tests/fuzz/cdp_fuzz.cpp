// Any lines as commands of two clients and as what the browser writes: what goes to the browser is
// always one well-formed command with an id of ours, and no client gets it to use another's
// session.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "protocol/cdp/multiplexer.hpp"
#include "protocol/cdp/policy.hpp"
#include "protocol/cdp/screencast.hpp"
#include "protocol/json.hpp"

using namespace protocol::cdp;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Each client has one session on the browser; `B` and its number.
void check(const effects& what, const std::string& allowed) {
  for (auto& each : what) {
    auto* sent = std::get_if<effect::send>(&each);
    if (!sent) continue;
    require(protocol::is_json_object(sent->text, depth_max + 1));
    require(protocol::json_integer(protocol::json_member(sent->text, "id"), 0) > 0);
    auto session = protocol::json_text(protocol::json_member(sent->text, "sessionId"));
    if (!allowed.empty()) require(session == allowed);
  }
}

/// Whatever was said, both sides get what they can read.
void check_screencast(std::string_view text) {
  screencast cast({});
  cast.begin();
  // The browser's texts are JSON.
  if (protocol::is_json_object(text))
    if (auto told = cast.from_browser(text)) require(protocol::is_json_object(*told));
  auto said = cast.from_client(text);
  for (auto& each : said.commands) require(protocol::is_json_object(each));
  if (said.answer) require(protocol::is_json_object(*said.answer));
}

/// A file of tokens is read or refused; what was read holds.
void check_policies(std::string_view text) {
  auto read = read_token_policies(text);
  if (!read) return require(!read.error().detail.empty());
  for (auto& each : *read)
    for (auto& method : each.deny) require(!each.allows(method));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_screencast(text);
  check_policies(text);
  multiplexer::time_point now{};
  multiplexer mux({.download_path = "/d"});
  for (client_id who = 0; who < 3; ++who) {
    mux.connect(who, {});
    auto number = std::to_string(who + 1);
    mux.from_browser("{\"id\":" + number + R"(,"result":{"sessionId":"B)" + number + "\"}}", now);
  }
  // Without sessions of its own making, a client speaks on the one it was given.
  check(mux.received(1, text, now), "B2");
  check(mux.received(2, text, now), "B3");
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    auto rest = line.substr(1);
    if (line.front() == 'b')
      check(mux.from_browser(rest, now), {});
    else
      check(mux.received(line.front() % 3, rest, now), {});
    if (auto due = mux.due()) check(mux.elapsed(now = *due), {});
  }
  for (client_id who = 0; who < 3; ++who) check(mux.gone(who, now), {});
  require(mux.sessions() == 0);
  return 0;
}
