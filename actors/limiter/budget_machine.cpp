#include "actors/limiter/budget_machine.hpp"

#include <algorithm>
#include <utility>

#include "protocol/object_writer.hpp"

namespace actors {

using protocol::cause;
using protocol::cause_kind;
using protocol::limit_exceeded;
using protocol::sandbox_usage;

namespace {

constexpr std::int64_t rest_factor = 10;  ///< an idle sandbox is looked at so much less often
constexpr double busy_share = 0.05;       ///< of a processor: more than an idle kernel takes
constexpr int growths_busy_killed = 2;    ///< looks at which it has grown since it was over
constexpr int growths_killed = 4;         ///< the same where little was computed
constexpr double walk_share = 10;  ///< measuring takes at most one in so many parts of the time

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

/// What holds a limit at a level of isolation.
std::string_view holder(std::string_view limit, std::string_view level, bool grouped) {
  auto walled = level == "namespaces" || level == "full";
  if (limit == "memory_bytes") return grouped ? "control_group" : "watch";
  if (limit == "disk_bytes") return "watch";
  if (limit == "cpus") return grouped ? "control_group" : "";
  if (limit == "processes" && grouped) return "control_group";
  if (limit == "processes" || limit == "open_files") return level == "none" ? "" : "resource_limit";
  if (limit == "tmp_bytes") return walled ? "mount" : "";
  return "daemon";
}

}  // namespace

std::string to_json(const limit_hit& x, std::string_view sandbox_id) {
  protocol::object_writer w(160);
  w.text("sandbox_id", sandbox_id);
  w.text("limit", x.limit);
  w.measure("measure", x.measure);
  w.measure("of", x.of);
  w.number("times", x.times);
  w.text("action", x.action);
  return w.close();
}

budget_machine::budget_machine(protocol::limits limit, std::int64_t watch_ms)
    : limit_(limit), watch_ms_(watch_ms) {}

void budget_machine::change(const protocol::limits& limit) {
  limit_ = limit;
  disk_over_ = disk_over_ && exceeds(last_);
}

bool budget_machine::busy() const {
  return cpus_ > busy_share;
}

bool budget_machine::began() {
  return !std::exchange(active_, true);
}

std::int64_t budget_machine::next_look_ms() const {
  return active_ ? watch_ms_ : watch_ms_ * rest_factor;
}

look_order budget_machine::by_clock(double steady_ms) const {
  auto due = disk_ended_ms_ + static_cast<double>(watch_ms_) / 2;
  return {.disk = steady_ms >= due && by_request(steady_ms).disk};
}

look_order budget_machine::by_request(double steady_ms) const {
  return {.disk = steady_ms >= disk_ended_ms_ + walk_share * last_.disk_walk_ms, .processes = true};
}

look_outcome budget_machine::looked(const sandbox_usage& found, bool works, double steady_ms,
                                    protocol::unix_ms wall) {
  look_outcome out;
  auto first = !std::exchange(began_to_look_, true);
  rate(found.cpu_ms, steady_ms);
  if (!first) count(found, out);
  hold_memory(found, out);
  if (found.disk_measured) {
    disk_ended_ms_ = steady_ms;
    hold_disk(found, works, out);
  }
  auto before = std::exchange(last_, found);
  if (!found.disk_measured) {
    last_.disk_bytes = before.disk_bytes;
    last_.put_bytes = before.put_bytes;
    last_.disk_whole = before.disk_whole;
    last_.disk_walk_ms = before.disk_walk_ms;
  }
  if (found.open_files < 0) last_.open_files = before.open_files;
  if (found.tmp_bytes < 0) last_.tmp_bytes = before.tmp_bytes;
  out.sooner = !std::exchange(active_, works || busy()) && active_;
  for (auto& hit : out.hits) refusals_[hit.limit] = {wall, hit.measure, hit.action};
  return out;
}

/// Of two looks that follow each other at once, the second says nothing of how busy it is.
void budget_machine::rate(double cpu_ms, double steady_ms) {
  auto elapsed_ms = steady_ms - rated_ms_;
  if (elapsed_ms < static_cast<double>(watch_ms_) / 2) return;
  auto first = rated_ms_ == 0;
  cpus_ = first ? 0 : std::max(0.0, cpu_ms - rated_cpu_ms_) / elapsed_ms;
  rated_ms_ = steady_ms;
  rated_cpu_ms_ = cpu_ms;
}

/// What the system itself refused or ended since the look before.
void budget_machine::count(const sandbox_usage& found, look_outcome& to) {
  if (found.memory_kills > last_.memory_kills)
    to.hits.push_back({"memory_bytes", static_cast<double>(found.memory_peak_bytes),
                       static_cast<double>(limit_.memory_bytes),
                       found.memory_kills - last_.memory_kills, "killed"});
  auto processes = static_cast<double>(limit_.processes);
  if (found.process_refusals > last_.process_refusals)
    to.hits.push_back({"processes", processes, processes,
                       found.process_refusals - last_.process_refusals, "refused"});
}

void budget_machine::hold_memory(const sandbox_usage& found, look_outcome& to) {
  auto over = !found.grouped && found.memory_bytes > limit_.memory_bytes;
  auto told = std::exchange(memory_over_, over);
  if (!over) return;
  cause why{.kind = cause_kind::memory_limit,
            .limit = "memory_bytes=" + number(limit_.memory_bytes),
            .detail = "the sandbox used " + number(found.memory_bytes) + " of " +
                      number(limit_.memory_bytes) + " bytes of memory; what used most was killed"};
  to.orders.push_back({.whose = found.largest, .kill = true, .why = std::move(why)});
  if (!told)
    to.hits.push_back({"memory_bytes", static_cast<double>(found.memory_bytes),
                       static_cast<double>(limit_.memory_bytes), 1, "killed"});
}

bool budget_machine::exceeds(const sandbox_usage& found) const {
  return limit_.disk_bytes > 0 && (!found.disk_whole || found.disk_bytes > limit_.disk_bytes);
}

void budget_machine::hold_disk(const sandbox_usage& found, bool works, look_outcome& to) {
  auto was_over = std::exchange(disk_over_, exceeds(found));
  // What clients put is not the workload's; what they put while it was measured may have been seen
  // or not. What was told to stop has a moment for it, but space can be taken with next to no
  // processor time and with rests between, so each growth counts.
  auto at_least = static_cast<std::int64_t>(found.disk_bytes - found.put_bytes);
  auto at_most = static_cast<std::int64_t>(found.disk_bytes - put_before_);
  auto grown = was_over && at_least > own_bytes_most_;
  if (!was_over) growths_busy_ = growths_ = 0;
  own_bytes_most_ = was_over ? std::max(own_bytes_most_, at_most) : at_most;
  if (!disk_over_) return;
  growths_ += grown ? 1 : 0;
  growths_busy_ += grown && busy() ? 1 : 0;
  auto kill = growths_busy_ == growths_busy_killed || growths_ == growths_killed;
  if (kill) growths_busy_ = growths_ = 0;
  if (works || kill)
    to.orders.push_back({.kill = kill,
                         .why = {.kind = cause_kind::disk_quota,
                                 .limit = "disk_bytes=" + number(limit_.disk_bytes),
                                 .detail = disk_text(found)}});
  if (was_over && !kill) return;  // it has been told
  to.hits.push_back({"disk_bytes", static_cast<double>(found.disk_bytes),
                     static_cast<double>(limit_.disk_bytes), 1,
                     kill ? "killed" : (works ? "interrupted" : "refused")});
}

std::string budget_machine::disk_text(const sandbox_usage& found) const {
  if (!found.disk_whole) return "the workspace is too deep or too large to be measured";
  return "the workspace holds " + number(found.disk_bytes) + " of " + number(limit_.disk_bytes) +
         " bytes";
}

std::optional<protocol::fault> budget_machine::refusal() const {
  if (!disk_over_) return std::nullopt;
  protocol::object_writer members(96);
  members.number("limit", limit_.disk_bytes);
  members.number("used", last_.disk_bytes);
  members.number("remaining", std::uint64_t{0});
  return protocol::fault{.code = protocol::error_code::disk_quota,
                         .detail = disk_text(last_) +
                                   "; nothing runs in it before files are deleted or the limit "
                                   "is raised",
                         .members = members.close()};
}

double budget_machine::used(std::string_view limit) const {
  if (limit == "memory_bytes") return static_cast<double>(last_.memory_bytes);
  if (limit == "processes") return static_cast<double>(last_.processes);
  if (limit == "cpus") return cpus_;
  if (limit == "disk_bytes") return static_cast<double>(last_.disk_bytes);
  if (limit == "tmp_bytes") return static_cast<double>(last_.tmp_bytes);
  if (limit == "open_files") return static_cast<double>(last_.open_files);
  return -1;
}

protocol::limits_view budget_machine::view(std::string_view level, std::uint64_t steps,
                                           std::uint64_t kernels) const {
  protocol::limits_view out;
  auto add = [&](std::string_view name, double in_use) {
    auto last = refusals_.find(name);
    out.limits.push_back({.name = std::string(name),
                          .limit = value_of(limit_, name),
                          .used = in_use,
                          .held_by = std::string(holder(name, level, last_.grouped)),
                          .last = last == refusals_.end() ? protocol::refusal{} : last->second});
  };
  for (auto* name : {"memory_bytes", "processes", "cpus", "disk_bytes", "tmp_bytes", "open_files",
                     "output_bytes"})
    add(name, used(name));
  add("steps_per_turn", static_cast<double>(steps));
  add("timeout_s_max", -1);
  add("kernels_max", static_cast<double>(kernels));
  return out;
}

}  // namespace actors
