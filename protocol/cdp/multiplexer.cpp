#include "protocol/cdp/multiplexer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "protocol/json.hpp"

namespace protocol::cdp {
namespace {

constexpr std::string_view resume = "\"Runtime.runIfWaitingForDebugger\"";
constexpr std::string_view detach = "\"Target.detachFromTarget\"";

/// What would end the browser for all, or open a way around this machine.
bool is_forbidden(std::string_view method) {
  static constexpr std::array<std::string_view, 3> list{
      "\"Browser.crash\"", "\"Browser.crashGpuProcess\"", "\"Target.exposeDevToolsProtocol\""};
  return std::ranges::count(list, method) > 0;
}

/// What Chromium refuses on a page's own socket.
bool is_of_browser(std::string_view method) {
  static constexpr std::array<std::string_view, 4> list{
      "\"Target.attachToBrowserTarget\"", "\"Target.createBrowserContext\"",
      "\"Target.disposeBrowserContext\"", "\"Target.getBrowserContexts\""};
  return std::ranges::count(list, method) > 0;
}

std::string with_member(std::string_view name, std::string_view text) {
  return "{\"" + std::string(name) + "\":" + json_string(text) + "}";
}

std::string text_member(std::string_view object, std::string_view name) {
  return json_text(json_member(object, name));
}

/// `object` with the member set, or without it.
std::string changed(std::string_view object, std::string_view name,
                    std::optional<std::string_view> text) {
  std::string out = "{";
  json_each(object, [&](std::string_view key, std::string_view value) {
    if (json_text(key) == name) return;
    if (out.size() > 1) out += ',';
    out.append(key).append(":").append(value);
  });
  if (text) {
    if (out.size() > 1) out += ',';
    out += json_string(name) + ":" + json_string(*text);
  }
  return out + "}";
}

}  // namespace

// -- clients -------------------------------------------------------------------------------------

effects multiplexer::connect(client_id who, std::string target_id) {
  auto& c = clients_[who];
  c.target_id = std::move(target_id);
  if (c.target_id.empty())
    ask({.who = who, .opening = true}, "\"Target.attachToBrowserTarget\"", {}, {});
  else
    ask({.who = who, .opening = true}, "\"Target.attachToTarget\"",
        "{\"targetId\":" + json_string(c.target_id) + ",\"flatten\":true}", {});
  return std::exchange(out_, {});
}

effects multiplexer::received(client_id from, std::string_view text, time_point now) {
  auto found = clients_.find(from);
  if (found == clients_.end() || found->second.session_id.empty()) return {};
  auto parsed = parse_command(text);
  if (auto* wrong = std::get_if<no_command>(&parsed)) {
    deliver(from, std::move(wrong->answer));
  } else {
    auto& c = std::get<command>(parsed);
    if (!answered_here(from, c, now)) forward(from, c);
  }
  return std::exchange(out_, {});
}

effects multiplexer::gone(client_id who, time_point now) {
  auto found = clients_.find(who);
  if (found == clients_.end()) return {};
  auto session = found->second.session_id;
  forget(who, now);
  if (!session.empty()) ask({.nobody = true}, detach, with_member("sessionId", session), {});
  return std::exchange(out_, {});
}

/// A session that is still to come is given back then.
void multiplexer::forget(client_id who, time_point now) {
  clients_.erase(who);
  std::erase_if(pending_, [&](auto& each) {
    return each.second.who == who && !each.second.opening && !each.second.nobody;
  });
  std::vector<std::string> sessions;
  for (auto& [id, owner] : owner_)
    if (owner == who) sessions.push_back(id);
  for (auto& id : sessions) drop_session(id, now);
}

/// Its targets need not wait for it any more.
void multiplexer::drop_session(const std::string& session_id, time_point now) {
  owner_.erase(session_id);
  let_go(session_id, now);
}

// -- commands ------------------------------------------------------------------------------------

void multiplexer::ask(asked what, std::string_view quoted_method, std::string_view params,
                      const std::string& session_id) {
  // Chromium takes ids of 32 bits.
  do {
    last_id_ = last_id_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_id_ + 1;
  } while (pending_.contains(last_id_));
  pending_.emplace(last_id_, std::move(what));
  out_.emplace_back(effect::send{command_text(last_id_, quoted_method, params, session_id)});
}

/// What Chromium must not see, or would answer otherwise than for a client with a browser of its
/// own.
bool multiplexer::answered_here(client_id from, const command& c, time_point now) {
  auto& of = clients_.at(from);
  auto fail = [&](error_code code, std::string_view what, std::string_view session = {}) {
    deliver(from, error_text(c.id, code, what, session));
    return true;
  };
  if (!c.session_id.empty()) {
    auto owner = owner_.find(c.session_id);
    if (owner == owner_.end() || owner->second != from || c.session_id == of.session_id)
      return fail(error_code::session_not_found, "Session with given id not found.");
  }
  if (from == own_client) {
    if (c.method != resume || let_go(c.session_id, now)) return false;
    deliver(from, result_text(c.id, "{}", c.session_id));
    return true;
  }
  if (is_forbidden(c.method) ||
      (!of.target_id.empty() && c.session_id.empty() && is_of_browser(c.method)))
    return fail(error_code::server_error, "Not allowed", c.session_id);
  if (c.method == "\"Browser.close\"") {
    deliver(from, result_text(c.id, "{}", c.session_id));
    out_.emplace_back(effect::close{from, "the client closed its browser"});
    return true;
  }
  if (c.method != resume) return false;
  auto& session = c.session_id.empty() ? of.session_id : c.session_id;
  if (let_go(session, now)) return false;
  deliver(from, result_text(c.id, "{}", c.session_id));
  return true;
}

void multiplexer::forward(client_id from, const command& c) {
  auto& of = clients_.at(from);
  if (c.method == "\"Target.setAutoAttach\"")
    of.waits |= json_member(c.params, "waitForDebuggerOnStart") == "true";
  auto& session = c.session_id.empty() ? of.session_id : c.session_id;
  auto params = from == own_client ? std::string() : safe_params(c.method, c.params);
  ask({.who = from, .id = c.id, .session_id = c.session_id}, c.method,
      params.empty() ? c.params : params, session);
}

/// Paths and proxies are the daemon's to choose. Empty: they are as they were.
std::string multiplexer::safe_params(std::string_view method, std::string_view params) const {
  if (method == "\"Browser.setDownloadBehavior\"" || method == "\"Page.setDownloadBehavior\"") {
    if (json_member(params, "downloadPath").empty()) return {};
    return changed(params, "downloadPath", rules_.download_path);
  }
  if (method == "\"Target.createBrowserContext\"") {
    auto without = changed(params.empty() ? "{}" : params, "proxyServer", {});
    return changed(without, "proxyBypassList", {});
  }
  return {};
}

// -- from the browser ----------------------------------------------------------------------------

effects multiplexer::from_browser(std::string_view text, time_point now) {
  auto m = read_message(text);
  if (!m.id.empty()) {
    reply(m);
    return std::exchange(out_, {});
  }
  auto owner = owner_.find(m.session_id);
  auto whose = owner == owner_.end() ? std::optional<client_id>() : owner->second;
  if (whose && m.method == "\"Target.attachedToTarget\"") attached(m, *whose, now);
  // The client's own session is invisible to it.
  if (whose) {
    auto top = clients_.at(*whose).session_id == m.session_id;
    deliver(*whose, event_text(m, top ? std::string_view() : m.session_id));
  }
  if (m.method == "\"Target.detachedFromTarget\"") detached(m, now);
  return std::exchange(out_, {});
}

void multiplexer::reply(const message& m) {
  auto found = pending_.find(json_integer(m.id, -1));
  if (found == pending_.end()) return;
  auto a = std::move(found->second);
  pending_.erase(found);
  if (a.opening) return opened(a, m);
  if (!a.nobody) deliver(a.who, reply_text(a.id, m, a.session_id));
}

void multiplexer::opened(const asked& a, const message& m) {
  auto session = text_member(m.result, "sessionId");
  auto found = clients_.find(a.who);
  if (found == clients_.end()) {  // it has gone meanwhile
    if (!session.empty()) ask({.nobody = true}, detach, with_member("sessionId", session), {});
    return;
  }
  if (session.empty()) {
    clients_.erase(found);
    out_.emplace_back(effect::refused{a.who, text_member(m.error, "message")});
    return;
  }
  found->second.session_id = session;
  owner_[session] = a.who;
  out_.emplace_back(effect::opened{a.who});
}

/// A session of the client's is there; the event comes before the reply to what made it.
void multiplexer::attached(const message& m, client_id to, time_point now) {
  auto session = text_member(m.params, "sessionId");
  owner_[session] = to;
  if (json_member(m.params, "waitingForDebugger") != "true") return;
  auto target = text_member(json_member(m.params, "targetInfo"), "targetId");
  auto& h = held_.try_emplace(target, held_target{now, {}, {}}).first->second;
  h.holders.insert(session);
  if (to == own_client) h.own_session = session;
}

void multiplexer::detached(const message& m, time_point now) {
  auto session = text_member(m.params, "sessionId");
  auto owner = owner_.find(session);
  if (owner == owner_.end()) return;
  auto who = owner->second;
  drop_session(session, now);
  auto found = clients_.find(who);
  if (found == clients_.end() || found->second.session_id != session) return;
  // The page of a client that asked for nothing else.
  deliver(who, R"({"method":"Inspector.detached","params":{"reason":"target_closed"}})");
  forget(who, now);
  out_.emplace_back(effect::close{who, "the target closed"});
}

// -- targets that are held -----------------------------------------------------------------------

/// Whether the session's own command may go on: it was the last, or holds nothing.
bool multiplexer::let_go(const std::string& session_id, time_point now) {
  auto at = std::ranges::find_if(
      held_, [&](auto& each) { return each.second.holders.contains(session_id); });
  if (at == held_.end()) return true;
  auto& h = at->second;
  h.holders.erase(session_id);
  h.askers.insert(session_id);
  if (!h.holders.empty()) return false;
  // Others may be about to be told of the target.
  auto others = std::ranges::any_of(
      clients_, [](auto& c) { return c.first != own_client && c.second.waits; });
  if (others && now < h.since + rules_.hold_settle) return false;
  pass_on(h, session_id);
  held_.erase(at);
  return true;
}

/// The first frees what waits for the target, each the navigations that its own session holds.
/// Sessions that are gone hold none; should they have been the last, the daemon's frees the target.
void multiplexer::pass_on(const held_target& h, const std::string& but) {
  auto sessions = h.askers;
  sessions.insert(h.own_session);
  for (auto& session : sessions)
    if (owner_.contains(session) && session != but) ask({.nobody = true}, resume, {}, session);
}

effects multiplexer::elapsed(time_point now) {
  for (auto at = held_.begin(); at != held_.end();) {
    auto& h = at->second;
    auto over = now >= h.since + (h.holders.empty() ? rules_.hold_settle : rules_.hold_max);
    if (over) pass_on(h, {});
    at = over ? held_.erase(at) : std::next(at);
  }
  return std::exchange(out_, {});
}

std::optional<multiplexer::time_point> multiplexer::due() const {
  std::optional<time_point> first;
  for (auto& [target, h] : held_) {
    auto at = h.since + (h.holders.empty() ? rules_.hold_settle : rules_.hold_max);
    if (!first || at < *first) first = at;
  }
  return first;
}

}  // namespace protocol::cdp
