// What a page says, shows and has asked for.
#include <algorithm>
#include <utility>

#include "actors/browser/target.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/json.hpp"
#include "protocol/text.hpp"
#include "protocol/time.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

constexpr std::size_t entries_by_default = 200;

std::string time_text(double unix_ms) {
  return protocol::rfc3339(static_cast<protocol::unix_ms>(unix_ms));
}

/// What one of our functions says of the whole page, or of the part that a selector names.
task<json> read_text(turn& t, std::string function, const char* member) {
  json value;
  if (auto selector = text_at(t.params, "selector"); !selector.empty()) {
    auto e = co_await find_element(t, with("selector", selector));
    value = co_await call_on(t, e, "function(){return troupe." + function + "(this)}");
  } else {
    value = co_await evaluate_in(t, t.on->target_id(), "troupe." + function + "()");
  }
  if (!value.is_string()) refuse(error_code::wrong_state, "the page does not answer");
  auto text = value.get<std::string>();
  auto most = static_cast<std::size_t>(number_at(t.params, "bytes_max"));
  auto whole = most == 0 || text.size() <= most;
  if (!whole) text.resize(protocol::utf8_cut(text, most));
  co_return with(member, text, "truncated", !whole);
}

template <class Entries, class Show>
json page_of(const turn& t, const Entries& entries, std::uint64_t last, Show show) {
  auto from = static_cast<std::uint64_t>(std::max(1.0, number_at(t.params, "from")));
  auto limit = static_cast<std::size_t>(number_at(t.params, "limit"));
  if (limit == 0) limit = entries_by_default;
  auto out = json::array();
  std::uint64_t next = last + 1;
  for (auto& each : entries) {
    if (each.n < from) continue;
    auto shown = show(each);
    if (shown.is_null()) continue;
    if (out.size() == limit) {
      next = each.n;
      break;
    }
    out.push_back(std::move(shown));
  }
  return with("entries", std::move(out), "next", next);
}

}  // namespace

task<json> text(turn& t) {
  return read_text(t, "pageText", "text");
}

task<json> markdown(turn& t) {
  return read_text(t, "markdown", "markdown");
}

task<json> html(turn& t) {
  return read_text(t, "pageHtml", "html");
}

task<json> console(turn& t) {
  auto level = text_at(t.params, "level");
  co_return page_of(t, t.on->console, t.on->console_count, [&](const console_line& x) {
    if (!level.empty() && x.level != level) return json();
    return with("n", x.n, "level", x.level, "text", x.text, "url", x.url, "line", x.line, "at",
                time_text(x.at_ms));
  });
}

task<json> network(turn& t) {
  co_return page_of(t, t.on->network, t.on->network_count, [](const request_entry& x) {
    return with("n", x.n, "method", x.method, "url", x.url, "type", x.type, "status",
                x.status > 0 ? json(x.status) : json(), "mime", x.mime, "bytes", x.bytes, "error",
                x.failed.empty() ? json() : json(x.failed), "duration_ms",
                x.over ? json(x.duration_ms) : json(), "at", time_text(x.started_ms));
  });
}

/// Elements that say a text or match a selector, each with a ref.
task<json> find(turn& t) {
  auto selector = text_at(t.params, "selector");
  auto limit = static_cast<std::size_t>(number_at(t.params, "limit"));
  auto skip = static_cast<std::size_t>(number_at(t.params, "skip"));
  if (limit == 0) limit = 20;
  auto expression =
      selector.empty() ? "troupe.withText(" + protocol::json_string(text_at(t.params, "text")) + ")"
                       : "troupe.all(" + protocol::json_string(selector) + ")";
  auto out = json::array();
  auto all = t.on->frames();
  for (auto& f : all) {
    auto world = co_await world_of(t, f.id);
    if (world == 0) continue;
    session s(t.talk(), f.session_id);
    for (std::size_t i = 0; out.size() < limit; ++i) {
      auto params =
          with("expression", expression + "[" + std::to_string(i) + "]", "contextId", world);
      auto told = co_await s.call("Runtime.evaluate", params);
      auto id = text_at(told.result, "result", "objectId");
      if (id.empty()) break;
      if (skip > 0) {
        --skip;
        continue;
      }
      auto by_id = with("objectId", id);
      auto node = co_await s.call("DOM.describeNode", by_id);
      element e{f.session_id, f.id, id};
      auto shown = co_await call_on(t, e, "function(){return troupe.describe(this)}");
      auto number = integer_at(node.result, "node", "backendNodeId");
      out.push_back(
          with("ref", t.on->refs.name({f.id, f.loader_id, number}), "element", std::move(shown)));
    }
  }
  co_return with("matches", std::move(out));
}

}  // namespace actors::browsing
