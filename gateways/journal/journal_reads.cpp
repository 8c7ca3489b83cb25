// What the journal answers: rows on disk, with what is not there yet laid over them.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "gateways/journal/journal.hpp"

namespace gateways {

using protocol::error_code;

caf::error journal_state::cannot_read(const disk_fault& why) {
  spdlog::warn("journal_read_failed kind={} detail=\"{}\"", name_of(why.kind), why.detail);
  repair(why);
  return caf::make_error(error_code::unavailable, "the journal cannot be read: " + why.detail);
}

disk_result<std::uint64_t> journal_state::last_event(const std::string& id) {
  auto here = pending_.find(id);
  if (here && !here->events.empty()) return here->events.back().n;
  if (!store_->is_open()) return 0;
  return store_->last_event(id);
}

disk_result<std::optional<protocol::execution_record>> journal_state::find(const std::string& id) {
  disk_result<std::optional<protocol::execution_record>> found(std::nullopt);
  auto here = pending_.find(id);
  if (here && here->record) {
    found = here->record;
  } else if (store_->is_open()) {
    found = store_->find_execution(id);
  }
  if (found && *found && (*found)->state != protocol::execution_state::ended) {
    auto last = last_event(id);
    if (!last) return last.error();
    (*found)->last_event = *last;
  }
  return found;
}

caf::result<protocol::execution_record> journal_state::load(const protocol::load_execution& what) {
  auto found = find(what.execution_id);
  if (!found) return cannot_read(found.error());
  if (*found) return std::move(**found);
  return caf::make_error(error_code::execution_not_found, what.execution_id);
}

disk_result<std::vector<numbered_event>> journal_state::events(const std::string& id,
                                                               std::uint64_t from,
                                                               std::uint64_t bytes_max) {
  disk_result<std::vector<numbered_event>> out(std::vector<numbered_event>{});
  if (store_->is_open())
    out = id.empty() ? store_->node_events(from, bytes_max) : store_->events(id, from, bytes_max);
  if (!out) return out;
  std::uint64_t bytes = 0;
  for (const auto& event : *out) bytes += event.body.size();
  auto add = [&](std::uint64_t n, const protocol::buffer& body) {
    auto expected = out->empty() ? n : out->back().n + 1;
    if (n < from || n < expected) return true;
    bytes += body.size();
    // A gap means that the disk holds more before this one, or that rows were dropped between.
    if (!out->empty() && (n > expected || bytes > bytes_max)) return false;
    out->push_back({n, body});
    return true;
  };
  if (id.empty()) {
    for (const auto& event : pending_.node_events()) {
      if (!add(event.n, event.body)) break;
    }
  } else if (auto here = pending_.find(id)) {
    for (const auto& event : here->events) {
      if (!add(event.n, event.body)) break;
    }
  }
  return out;
}

caf::result<protocol::event_batch> journal_state::load(const protocol::load_events& what) {
  protocol::event_batch out;
  auto from = std::max<std::uint64_t>(what.from, 1);
  if (!what.execution_id.empty()) {
    auto found = find(what.execution_id);
    if (!found) return cannot_read(found.error());
    if (!*found) return caf::make_error(error_code::execution_not_found, what.execution_id);
    out.record = std::move(**found);
  }
  auto found = events(what.execution_id, from, what.bytes_max);
  if (!found) return cannot_read(found.error());
  out.execution_id = what.execution_id;
  out.first = found->empty() ? from : found->front().n;
  for (auto& event : *found) {
    // Rows dropped while the disk refused leave a gap; a batch has none within it.
    if (event.n != out.first + out.events.size()) break;
    out.events.push_back(std::move(event.body));
  }
  out.ended = out.record.state == protocol::execution_state::ended &&
              out.first + out.events.size() > out.record.last_event;
  if (!out.ended) out.record = {};
  return out;
}

caf::result<protocol::sandbox_list> journal_state::load(const protocol::load_sandboxes&) {
  disk_result<std::vector<protocol::sandbox_spec>> kept(std::vector<protocol::sandbox_spec>{});
  if (store_->is_open()) kept = store_->sandboxes();
  if (!kept) return cannot_read(kept.error());
  protocol::sandbox_list out{std::move(*kept)};
  for (const auto& [id, here] : pending_.sandboxes()) {
    std::erase_if(out.specs, [&id = id](const auto& x) { return x.id == id; });
    if (here.spec) out.specs.push_back(*here.spec);
  }
  return out;
}

caf::result<protocol::kernel_memory> journal_state::load(const protocol::load_kernel& what) {
  protocol::kernel_memory out;
  auto here = pending_.generation({what.sandbox_id, what.kernel_id});
  if (store_->is_open()) {
    auto kept = store_->unfinished(what.sandbox_id, what.kernel_id);
    if (!kept) return cannot_read(kept.error());
    out.unfinished = std::move(*kept);
    auto generation = store_->generation(what.sandbox_id, what.kernel_id);
    if (!generation) return cannot_read(generation.error());
    out.generation = *generation;
  }
  if (here) out.generation = *here;
  std::erase_if(out.unfinished, [&](const auto& x) {
    auto newer = pending_.find(x.id);
    return newer && newer->record;
  });
  for (const auto& [id, x] : pending_.by_age()) {
    if (!x->record || x->ended()) continue;
    const auto& record = *x->record;
    if (record.sandbox_id == what.sandbox_id && record.kernel_id == what.kernel_id)
      out.unfinished.push_back(record);
  }
  for (auto& record : out.unfinished) {
    auto last = last_event(record.id);
    if (!last) return cannot_read(last.error());
    record.last_event = *last;
  }
  return out;
}

}  // namespace gateways
