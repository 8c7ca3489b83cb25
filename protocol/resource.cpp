#include "protocol/resource.hpp"

#include "protocol/event.hpp"
#include "protocol/object_writer.hpp"
#include "protocol/outputs.hpp"

namespace protocol {
namespace {

double seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1'000;
}

std::string limits_json(const limits& l) {
  object_writer w(320);
  each_limit(l, [&](const char* name, auto value) { w.number(name, value); });
  w.number("timeout_s_max", seconds(l.execution_ms_max));
  return w.close();
}

void write_end(object_writer& w, const execution_record& r) {
  const bool ended = r.state == execution_state::ended;
  w.text_or_null("status", ended ? name_of(r.status) : "");
  w.raw("cause", ended ? cause_json(r) : "null");
  if (is_command(r.id)) {
    write_exit(w, r);
  } else {
    w.raw("state_preserved", ended ? (r.state_preserved ? "true" : "false") : "null");
    w.number_or_null("execution_count", r.execution_count);
  }
  if (ended)
    w.milliseconds("duration_ms", r.duration_ms);
  else
    w.raw("duration_ms", "null");
}

void write_times(object_writer& w, const execution_record& r) {
  w.time_or_null("queued_at", r.queued_at);
  w.time_or_null("started_at", r.started_at);
  w.time_or_null("ended_at", r.ended_at);
  w.number("last_event", r.last_event);
}

void write_rest(object_writer& w, const execution_record& r) {
  w.raw("truncated", r.truncated.bytes_total ? truncated_data(r.truncated) : "null");
  w.raw("usage", r.state == execution_state::ended ? to_json(r.used) : "null");
  w.text_or_null("turn_id", r.turn_id);
  w.raw("labels", r.labels.empty() ? "{}" : r.labels);
}

std::string command_json(const execution_record& r, std::span<const buffer> events) {
  const auto shown = collect_printed(events);
  object_writer w(1'024 + 2 * (shown.out.size() + shown.err.size()) + shown.text.size());
  w.text("id", r.id);
  w.text("sandbox_id", r.sandbox_id);
  w.text("state", name_of(r.state));
  write_end(w, r);
  write_times(w, r);
  w.text("text", shown.text);
  w.raw("stdout", shown.out);
  w.raw("stderr", shown.err);
  write_rest(w, r);
  return w.close();
}

}  // namespace

std::string to_json(const execution_record& r, std::span<const buffer> events) {
  if (is_command(r.id)) return command_json(r, events);
  const auto shown = collect_outputs(events);
  object_writer w(1'024 + 2 * shown.text.size() + shown.outputs.size() + shown.images.size());
  w.text("id", r.id);
  w.text("sandbox_id", r.sandbox_id);
  w.text("kernel_id", r.kernel_id);
  w.number_or_null("generation", r.generation);
  w.text("state", name_of(r.state));
  write_end(w, r);
  write_times(w, r);
  w.text("text", shown.text);
  w.raw("outputs", shown.outputs);
  w.raw("images", shown.images);
  w.raw("error", shown.error);
  write_rest(w, r);
  if (!r.user_expressions.empty() && r.user_expressions != "{}")
    w.raw("user_expressions", r.user_expressions);
  return w.close();
}

std::string to_json(const kernel_view& k) {
  object_writer w;
  w.text("id", k.id);
  w.text("sandbox_id", k.sandbox_id);
  w.text("state", name_of(k.state));
  w.number("generation", k.generation);
  w.number("restarts", k.restarts);
  w.number_or_null("pid", static_cast<std::int64_t>(k.pid));
  w.text("spec", k.spec);
  w.number("queue", k.queue);
  w.raw("last_cause", to_json(k.last_cause));
  w.time_or_null("started_at", k.started_at);
  w.time_or_null("last_activity", k.last_activity);
  w.text_or_null("connection_file", k.connection_file);
  w.text_or_null("running", k.running);
  return w.close();
}

std::string to_json(const sandbox_view& s) {
  object_writer w;
  w.text("id", s.spec.id);
  w.text("mode", name_of(s.spec.mode));
  w.text("state", name_of(s.state));
  w.raw("cause", to_json(s.why));
  w.time_or_null("created_at", s.spec.created_at);
  w.time_or_null("expires_at", s.expires_at);
  w.raw("limits", limits_json(s.spec.limit));
  w.raw("labels", s.spec.labels.empty() ? "{}" : s.spec.labels);
  w.texts("kernels", s.kernels);
  w.text("workspace", s.workspace);
  w.number_or_null("ttl_s", seconds(s.spec.ttl_ms));
  w.number_or_null("idle_s", seconds(s.spec.idle_ms));
  return w.close();
}

std::string to_json(const turn_view& t) {
  object_writer w(128);
  w.text("turn_id", t.turn_id);
  w.number_or_null("steps_limit", t.steps_limit);
  w.number("steps_used", t.steps_used);
  return w.close();
}

std::string kernel_status_json(const kernel_view& k) {
  // A process that has not answered yet, or was killed a moment ago, is of no use to anybody.
  const bool alive = k.pid != 0 && (k.state == kernel_state::idle || k.state == kernel_state::busy);
  object_writer w;
  w.flag("success", true);
  w.flag("kernel_alive", alive);
  w.number_or_null("kernel_pid", static_cast<std::int64_t>(k.pid));
  w.text_or_null("connection_file", k.connection_file);
  w.flag("client_connected", alive);
  return w.close();
}

}  // namespace protocol
