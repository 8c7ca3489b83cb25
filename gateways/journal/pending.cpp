#include "gateways/journal/pending.hpp"

#include <algorithm>

#include "protocol/event.hpp"

namespace gateways {
namespace {

/// What a row costs beside its text, about.
constexpr std::uint64_t row_bytes = 64;
constexpr std::uint64_t record_bytes = 1'024;

}  // namespace

pending_execution& pending_rows::at(const std::string& execution_id) {
  auto [it, is_new] = executions_.try_emplace(execution_id);
  if (is_new) it->second.order = next_order_++;
  return it->second;
}

void pending_rows::put(protocol::execution_record record) {
  auto& x = at(record.id);
  if (x.ended()) return;
  if (!x.record) bytes_ += record_bytes;
  x.record = std::move(record);
}

void pending_rows::append(const std::string& execution_id, std::uint64_t first,
                          const std::vector<protocol::buffer>& events) {
  if (events.empty()) return;
  auto& x = at(execution_id);
  if (x.ended()) return;
  for (auto n = first; const auto& body : events) {
    if (x.events.empty() || n > x.events.back().n) {
      x.events.push_back({n, body});
      x.event_bytes += body.size();
      bytes_ += body.size() + row_bytes;
    }
    ++n;
  }
}

bool pending_rows::end(protocol::execution_record record, std::uint64_t first,
                       const std::vector<protocol::buffer>& events) {
  auto& x = at(record.id);
  if (x.ended()) return false;
  append(record.id, first, events);
  put(std::move(record));
  return true;
}

void pending_rows::put(protocol::sandbox_spec spec) {
  bytes_ += record_bytes;
  sandboxes_[spec.id].spec = std::move(spec);
}

void pending_rows::forget(const std::string& sandbox_id) {
  bytes_ += row_bytes;
  sandboxes_[sandbox_id] = {true, std::nullopt};
  std::erase_if(kernels_, [&](const auto& x) { return x.first.first == sandbox_id; });
}

void pending_rows::put(protocol::mark_kernel mark) {
  auto [it, is_new] = kernels_.try_emplace({mark.sandbox_id, mark.kernel_id}, 0);
  if (is_new) bytes_ += row_bytes;
  it->second = mark.generation;
}

void pending_rows::put(name_pair sandbox_and_key, claim c) {
  bytes_ += 4 * row_bytes;
  claims_.insert_or_assign(std::move(sandbox_and_key), std::move(c));
}

void pending_rows::put(pending_node_event event) {
  bytes_ += 2 * event.body.size() + row_bytes;
  node_events_.push_back(std::move(event));
}

void pending_rows::renumber(std::uint64_t first) {
  for (auto& event : node_events_) {
    event.n = first++;
    event.body = protocol::render_node_event(event.n, event.type, event.at, event.data);
  }
}

const pending_execution* pending_rows::find(const std::string& execution_id) const {
  auto it = executions_.find(execution_id);
  return it == executions_.end() ? nullptr : &it->second;
}

const claim* pending_rows::find_claim(const name_pair& sandbox_and_key) const {
  auto it = claims_.find(sandbox_and_key);
  return it == claims_.end() ? nullptr : &it->second;
}

std::optional<std::uint64_t> pending_rows::generation(const name_pair& sandbox_and_kernel) const {
  if (auto it = kernels_.find(sandbox_and_kernel); it != kernels_.end()) return it->second;
  auto it = sandboxes_.find(sandbox_and_kernel.first);
  if (it != sandboxes_.end() && it->second.forgotten) return 0;
  return std::nullopt;
}

std::vector<pending_rows::execution_row> pending_rows::by_age() const {
  std::vector<execution_row> out;
  out.reserve(executions_.size());
  for (const auto& [id, x] : executions_) out.emplace_back(&id, &x);
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.second->order < b.second->order; });
  return out;
}

bool pending_rows::empty() const {
  return executions_.empty() && sandboxes_.empty() && kernels_.empty() && claims_.empty() &&
         node_events_.empty();
}

void pending_rows::clear() {
  executions_.clear();
  sandboxes_.clear();
  kernels_.clear();
  claims_.clear();
  node_events_.clear();
  bytes_ = 0;
}

std::uint64_t pending_rows::drop_events(pending_execution& x, std::size_t keep,
                                        std::uint64_t bytes_max) {
  std::size_t dropped = 0;
  while (bytes_ > bytes_max && x.events.size() > dropped + keep) {
    auto size = x.events[dropped++].body.size();
    x.event_bytes -= size;
    bytes_ -= std::min(bytes_, size + row_bytes);
  }
  x.events.erase(x.events.begin(), x.events.begin() + static_cast<std::ptrdiff_t>(dropped));
  return dropped;
}

std::uint64_t pending_rows::shrink(std::uint64_t bytes_max) {
  if (bytes_ <= bytes_max) return 0;
  bytes_max -= bytes_max / 8;  // makes some room, so that the next row does not sort again
  std::uint64_t dropped = 0;
  auto oldest_first = by_age();
  auto each = [&](auto&& action) {
    for (const auto& [id, x] : oldest_first) {
      if (bytes_ <= bytes_max) return;
      action(executions_.at(*id));
    }
  };
  each([&](auto& x) {
    if (!x.ended()) dropped += drop_events(x, 0, bytes_max);
  });
  // Of an end, its last event and its record tell the cause: they go last.
  each([&](auto& x) { dropped += drop_events(x, 1, bytes_max); });
  auto events = node_events_.begin();
  while (bytes_ > bytes_max && events != node_events_.end()) {
    bytes_ -= std::min(bytes_, 2 * events++->body.size() + row_bytes);
    ++dropped;
  }
  node_events_.erase(node_events_.begin(), events);
  for (const auto& [id, x] : oldest_first) {
    if (bytes_ <= bytes_max) break;
    if (!x->ended()) continue;
    auto it = executions_.find(*id);
    dropped += 1 + drop_events(it->second, 0, 0);
    bytes_ -= std::min(bytes_, record_bytes);
    executions_.erase(it);
  }
  while (bytes_ > bytes_max && !claims_.empty()) {
    bytes_ -= std::min(bytes_, 4 * row_bytes);
    claims_.erase(claims_.begin());
    ++dropped;
  }
  return dropped;
}

}  // namespace gateways
