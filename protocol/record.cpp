#include <array>

#include "protocol/json.hpp"
#include "protocol/resource.hpp"

namespace protocol {
namespace {

/// Calls `f` with the name and the place of every field, for both directions.
template <class Record, class F>
void each_field(Record& r, F&& f) {
  f("id", r.id);
  f("sandbox_id", r.sandbox_id);
  f("kernel_id", r.kernel_id);
  f("generation", r.generation);
  f("state", r.state);
  f("status", r.status);
  f("cause_kind", r.why.kind);
  f("cause_signal", r.why.signal);
  f("cause_exit_code", r.why.exit_code);
  f("cause_limit", r.why.limit);
  f("cause_detail", r.why.detail);
  f("state_preserved", r.state_preserved);
  f("execution_count", r.execution_count);
  f("queued_at", r.queued_at);
  f("started_at", r.started_at);
  f("ended_at", r.ended_at);
  f("duration_ms", r.duration_ms);
  f("last_event", r.last_event);
  f("bytes_total", r.truncated.bytes_total);
  f("bytes_kept", r.truncated.bytes_kept);
  f("truncated_path", r.truncated.path);
  f("cpu_ms", r.used.cpu_ms);
  f("memory_peak_bytes", r.used.memory_peak_bytes);
  f("processes", r.used.processes);
  f("output_bytes", r.used.output_bytes);
  f("exit_code", r.exit_code);
  f("signal", r.signal);
  f("user_expressions", r.user_expressions);
  f("labels", r.labels);
  f("turn_id", r.turn_id);
  f("idempotency_key", r.idempotency_key);
  f("body_hash", r.body_hash);
}

template <class T>
void write(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    append_json_string(out, value);
  else if constexpr (std::is_enum_v<T>)
    append_json_string(out, name_of(value));
  else if constexpr (std::is_same_v<T, bool>)
    out += value ? "true" : "false";
  else if constexpr (std::is_same_v<T, int>)
    append_json(out, static_cast<std::int64_t>(value));
  else
    append_json(out, value);
}

/// The enumerator of that name; false when there is none.
template <class Enum>
bool read_name(std::string_view name, Enum last, Enum& to) {
  for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i) {
    if (name_of(static_cast<Enum>(i)) != name) continue;
    to = static_cast<Enum>(i);
    return true;
  }
  return false;
}

bool read(const nlohmann::json& from, execution_state& to) {
  return from.is_string() &&
         read_name(from.get_ref<const std::string&>(), execution_state::ended, to);
}

bool read(const nlohmann::json& from, execution_status& to) {
  return from.is_string() &&
         read_name(from.get_ref<const std::string&>(), execution_status::shutdown, to);
}

bool read(const nlohmann::json& from, cause_kind& to) {
  return from.is_string() &&
         read_name(from.get_ref<const std::string&>(), cause_kind::restarts_exhausted, to);
}

template <class T>
requires(!std::is_enum_v<T>) bool read(const nlohmann::json& from, T& to) {
  constexpr bool text = std::is_same_v<T, std::string>;
  constexpr bool flag = std::is_same_v<T, bool>;
  constexpr bool whole = std::is_integral_v<T> && !flag;
  if (text ? !from.is_string() : flag ? !from.is_boolean() : !from.is_number()) return false;
  if (whole && !from.is_number_integer()) return false;
  to = from.get<T>();
  return true;
}

}  // namespace

std::string record_json(const execution_record& r) {
  std::string out;
  out.reserve(640 + r.user_expressions.size() + r.labels.size());
  each_field(r, [&](std::string_view name, const auto& value) {
    out += out.empty() ? "{\"" : ",\"";
    out += name;
    out += "\":";
    write(out, value);
  });
  out += '}';
  return out;
}

result<execution_record> record_from_json(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed) return parsed.error();
  if (!parsed->is_object())
    return fault{error_code::malformed_json, "a record is not an object", {}, 0};
  execution_record r;
  std::string wrong;
  each_field(r, [&](const char* name, auto& value) {
    const auto found = parsed->find(name);
    // Absent is fine: a record kept by an older version lacks what came later.
    if (found != parsed->end() && !read(*found, value) && wrong.empty()) wrong = name;
  });
  if (!wrong.empty())
    return fault{error_code::malformed_json, "a record's " + wrong + " is unreadable", {}, 0};
  return r;
}

}  // namespace protocol
