#include "protocol/files/change_feed.hpp"

#include <array>
#include <utility>

#include "protocol/http/problem.hpp"
#include "protocol/http/target.hpp"
#include "protocol/object_writer.hpp"

namespace protocol::files {
namespace {

constexpr std::array<std::string_view, 5> types{"created", "modified", "removed", "moved",
                                                "overflow"};

/// Whether `again` tells nothing that `before`, of the same path, does not.
bool says_it_already(const change_event& before, const change_event& again) {
  using enum change_type;
  if (again.type == modified) return before.type == created || before.type == modified;
  return again.type == created && before.type == created;
}

}  // namespace

result<change_cursor> parse_change_cursor(std::string_view text, std::string_view pointer) {
  constexpr std::size_t name_bytes_max = 32;
  auto dash = text.rfind('-');
  auto n = dash == text.npos ? std::nullopt : http::parse_count(text.substr(dash + 1));
  if (!n || dash == 0 || dash > name_bytes_max)
    return http::invalid_fields({{std::string(pointer), "must be the `cursor` of an event"}});
  return change_cursor{std::string(text.substr(0, dash)), *n};
}

void change_feed::note(change_event what) {
  if (pending_.size() >= pending_max) return overflow("changes");
  auto [found, first] = latest_.try_emplace(what.path, pending_.size());
  if (!first) {
    if (says_it_already(pending_[found->second], what)) return;
    found->second = pending_.size();
  }
  if (what.cookie != 0) departed_[what.cookie] = pending_.size();
  pending_.push_back(std::move(what));
}

bool change_feed::arrived(std::uint32_t cookie, const std::string& to, bool folder) {
  auto found = departed_.find(cookie);
  if (found == departed_.end()) return false;
  auto at = found->second;
  departed_.erase(found);
  auto& move = pending_[at];
  move.type = change_type::moved;
  move.from = std::exchange(move.path, to);
  if (folder) move.is = kind::folder;
  if (auto left = latest_.find(move.from); left != latest_.end() && left->second == at)
    latest_.erase(left);
  latest_[to] = at;
  return true;
}

change_feed::events change_feed::tell(unix_ms at, const kind_finder& find) {
  events out{cursor_of(last_), last_ + 1, {}};
  // Last, since whoever reads it lists the folder anew.
  if (!missed_.empty())
    pending_.push_back({change_type::overflow, top_, {}, kind::folder, 0, missed_});
  out.lines.reserve(pending_.size());
  for (auto& each : pending_) {
    if (!each.is && each.type != change_type::removed) each.is = find(each.path);
    out.lines.push_back(render(++last_, each, at));
    keep(out.lines.back());
  }
  missed_ = {};
  pending_.clear();
  latest_.clear();
  departed_.clear();
  return out;
}

void change_feed::keep(const buffer& line) {
  kept_.push_back(line);
  kept_bytes_ += line.size();
  while (kept_.size() > kept_max || kept_bytes_ > kept_bytes_max) {
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
  }
}

change_feed::events change_feed::since(const change_cursor& seen, unix_ms at) const {
  auto forgotten = last_ - kept_.size();
  if (seen.feed == name_ && seen.n >= forgotten && seen.n <= last_)
    return {cursor_of(seen.n),
            seen.n + 1,
            {kept_.end() - static_cast<std::ptrdiff_t>(last_ - seen.n), kept_.end()}};
  change_event lost{change_type::overflow, top_, {}, kind::folder, 0, "cursor"};
  return {cursor_of(last_), last_, {render(last_, lost, at)}};
}

buffer change_feed::render(std::uint64_t n, const change_event& what, unix_ms at) const {
  object_writer out(160 + what.path.size() + what.from.size());
  out.number("n", n);
  out.text("type", types[static_cast<std::size_t>(what.type)]);
  out.text("path", what.path);
  if (what.type == change_type::moved) out.text("from", what.from);
  out.text_or_null("kind", what.is ? name_of(*what.is) : "");
  if (what.type == change_type::overflow) out.text("reason", what.reason);
  out.time_or_null("time", at);
  out.text("cursor", cursor_of(n));
  return buffer(out.close());
}

}  // namespace protocol::files
