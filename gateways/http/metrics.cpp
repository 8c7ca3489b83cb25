#include "gateways/http/metrics.hpp"

#include <dirent.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "actors/views.hpp"

namespace gateways::http {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using families = std::vector<MetricFamily>;
using labels = std::vector<ClientMetric::Label>;

MetricFamily& family(families& to, std::string name, std::string help, MetricType type) {
  to.push_back({"troupe_" + std::move(name), std::move(help), type, {}});
  return to.back();
}

void add(MetricFamily& to, double value, labels with = {}) {
  ClientMetric metric;
  metric.label = std::move(with);
  if (to.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  to.metric.push_back(std::move(metric));
}

void one(families& to, std::string name, std::string help, MetricType type, double value) {
  add(family(to, std::move(name), std::move(help), type), value);
}

void add_counters(families& to, const actors::node_counters& c) {
  auto count = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    one(to, name, help, MetricType::Counter, static_cast<double>(value.load()));
  };
  count("executions_started_total", "Executions that began to run", c.executions_started);
  auto& ended =
      family(to, "executions_ended_total", "Executions that ended, by status", MetricType::Counter);
  for (std::size_t i = 1; i < std::size(c.executions_by_status); ++i) {
    auto status = protocol::name_of(static_cast<protocol::execution_status>(i));
    add(ended, static_cast<double>(c.executions_by_status[i].load()),
        {{"status", std::string(status)}});
  }
  count("kernel_starts_total", "Kernel processes started", c.kernel_starts);
  count("kernel_deaths_total", "Kernel processes that died unasked", c.kernel_deaths);
  count("actor_deaths_total", "Actors that failed and were replaced", c.actor_deaths);
  count("events_appended_total", "Events of executions", c.events_appended);
  count("output_bytes_total", "Bytes that executions printed", c.output_bytes);
  count("limit_hits_total", "Limits of sandboxes at which something was refused or ended",
        c.limit_hits);
  count("egress_connections_total", "Connections made to other hosts for sandboxes",
        c.egress_connections);
  count("egress_refusals_total", "Requests of sandboxes that a rule of egress refused",
        c.egress_refusals);
  count("egress_bytes_total", "Bytes that sandboxes exchanged with other hosts", c.egress_bytes);
  one(to, "sandboxes_cpu_seconds_total", "CPU time of what ran in sandboxes", MetricType::Counter,
      static_cast<double>(c.sandbox_cpu_ms.load()) / 1e3);
  count("journal_commits_total", "Ends written to disk", c.journal_commits);
  count("journal_failures_total", "Writes the disk refused", c.journal_failures);
  count("journal_rows_dropped_total", "Rows given up for lack of room", c.journal_rows_dropped);
  count("malformed_messages_total", "Kernel messages without a valid form or signature",
        c.malformed_messages);
  one(to, "journal_pending_bytes", "Waiting to be written", MetricType::Gauge,
      static_cast<double>(c.journal_pending_bytes.load()));
}

void add_kernels(families& to, const actors::node_views& views) {
  std::map<std::string_view, double> states;
  for (auto state : {"starting", "idle", "busy", "restarting", "failed"}) states[state] = 0;
  auto kernels = views.all_kernels();
  for (const auto& k : kernels) ++states[protocol::name_of(k->view.state)];
  auto& by_state = family(to, "kernels", "Kernels by state", MetricType::Gauge);
  for (const auto& [state, count] : states) add(by_state, count, {{"state", std::string(state)}});
  auto& queues = family(to, "kernel_queue_length", "Executions that wait", MetricType::Gauge);
  for (const auto& k : kernels)
    add(queues, static_cast<double>(k->view.queue),
        {{"sandbox", k->view.sandbox_id}, {"kernel", k->view.id}});
  one(to, "sandboxes", "Sandboxes", MetricType::Gauge,
      static_cast<double>(views.sandboxes().size()));
  one(to, "durable", "1 while the journal can write", MetricType::Gauge, views.durable ? 1 : 0);
}

void add_browsers(families& to, const actors::node_views& views) {
  std::map<std::string_view, double> states;
  for (auto state : {"stopped", "starting", "idle", "busy", "restarting", "failed"})
    states[state] = 0;
  std::uint64_t clients = 0, pages = 0;
  for (const auto& sandbox : views.sandboxes()) {
    auto browser = views.browser(sandbox->spec.id);
    if (!browser) continue;
    ++states[protocol::name_of(browser->state)];
    clients += browser->clients;
    pages += nlohmann::json::parse(browser->pages, nullptr, false).size();
  }
  auto& by_state = family(to, "browsers", "Browsers by state", MetricType::Gauge);
  for (const auto& [state, count] : states) add(by_state, count, {{"state", std::string(state)}});
  one(to, "browser_pages", "Pages of all browsers", MetricType::Gauge, static_cast<double>(pages));
  one(to, "browser_clients", "Connections to browsers by CDP", MetricType::Gauge,
      static_cast<double>(clients));
}

/// As each was last looked at: up to ten times `limits.watch_ms` ago.
void add_usage(families& to, const actors::node_views& views) {
  auto used = views.usage();
  auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    one(to, name, help, MetricType::Gauge, static_cast<double>(value));
  };
  gauge("sandboxes_memory_bytes", "Memory of all sandboxes", used.memory_bytes);
  gauge("sandboxes_memory_peak_bytes",
        "Sum of the most memory each sandbox had, where a control group counts it",
        used.memory_peak_bytes);
  gauge("sandboxes_processes", "Processes and threads of all sandboxes", used.processes);
  gauge("sandboxes_disk_bytes", "Disk space of all workspaces", used.disk_bytes);
}

ClientMetric histogram(const http_stats::of_route& r) {
  ClientMetric metric;
  metric.label = {{"method", r.method}, {"route", r.pattern}};
  metric.histogram.sample_count = r.count;
  metric.histogram.sample_sum = r.seconds;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < http_stats::bounds_s.size(); ++i) {
    sum += r.by_duration[i];
    metric.histogram.bucket.push_back({sum, http_stats::bounds_s[i]});
  }
  metric.histogram.bucket.push_back({r.count, std::numeric_limits<double>::infinity()});
  return metric;
}

void add_http(families& to, const http_stats& stats) {
  one(to, "http_connections", "Open connections", MetricType::Gauge,
      static_cast<double>(stats.connections));
  one(to, "http_connections_refused_total", "Connections beyond http.connections_max",
      MetricType::Counter, static_cast<double>(stats.connections_refused));
  one(to, "http_readers_cut_total", "Clients cut because they took their answers too slowly",
      MetricType::Counter, static_cast<double>(stats.readers_cut));
  auto& requests =
      family(to, "http_requests_total", "Requests by route and status", MetricType::Counter);
  for (const auto& r : stats.routes())
    for (const auto& [status, count] : r.by_status)
      add(requests, static_cast<double>(count),
          {{"method", r.method}, {"route", r.pattern}, {"status", std::to_string(status)}});
  auto& durations =
      family(to, "http_request_duration_seconds",
             "From the header read to the last byte of the answer written", MetricType::Histogram);
  for (const auto& r : stats.routes())
    if (r.count > 0) durations.metric.push_back(histogram(r));
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_files() {
  double count = 0;
  if (auto* folder = opendir("/proc/self/fd")) {
    while (auto* entry = readdir(folder)) count += entry->d_name[0] != '.';
    closedir(folder);
    --count;  // the folder itself
  }
  return count;
}

void add_process(families& to) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  one(to, "process_cpu_seconds_total", "CPU time of the daemon", MetricType::Counter,
      seconds(used.ru_utime) + seconds(used.ru_stime));
  one(to, "process_resident_memory_bytes", "Resident memory of the daemon", MetricType::Gauge,
      resident_bytes());
  one(to, "process_open_fds", "Open file descriptors of the daemon", MetricType::Gauge,
      open_files());
}

}  // namespace

void http_stats::add_route(std::string_view method, std::string_view pattern) {
  of_route r;
  r.method = method;
  r.pattern = pattern;
  routes_.insert(routes_.end() - 1, std::move(r));
}

void http_stats::record(std::size_t route, int status, double seconds) {
  auto& r = routes_[std::min(route, routes_.size() - 1)];
  ++r.by_status[status];
  auto bucket = std::ranges::lower_bound(bounds_s, seconds) - bounds_s.begin();
  ++r.by_duration[static_cast<std::size_t>(bucket)];
  r.seconds += seconds;
  ++r.count;
}

std::string render_metrics(const actors::node_views& views, const http_stats& stats) {
  families all;
  // References into the vector are held while a family is filled.
  all.reserve(64);
  add_counters(all, views.counters);
  add_kernels(all, views);
  add_browsers(all, views);
  add_usage(all, views);
  add_http(all, stats);
  add_process(all);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return out.str();
}

}  // namespace gateways::http
