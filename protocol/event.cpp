#include "protocol/event.hpp"

#include "protocol/object_writer.hpp"

namespace protocol {
namespace {

constexpr std::string_view open_n = R"({"n":)";
constexpr std::string_view open_type = R"(,"type":")";
constexpr std::string_view open_at = R"(","at":")";
constexpr std::string_view open_data = R"(,"data":)";
constexpr std::size_t frame_bytes = 160;  // what surrounds `data`, generously

std::string open_event(std::uint64_t n, std::string_view type, unix_ms at, std::size_t reserve) {
  std::string line;
  line.reserve(reserve);
  line += open_n;
  append_json(line, n);
  line += open_type;
  line += type;
  line += open_at;
  append_rfc3339(line, at);
  line += '"';
  return line;
}

buffer close_event(std::string line, std::string_view data_json) {
  line += open_data;
  line += data_json.empty() ? std::string_view("{}") : data_json;
  line += '}';
  return buffer(std::move(line));
}

/// Where the type begins; npos when `line` is not one of ours.
std::size_t type_begin(std::string_view line) noexcept {
  if (!line.starts_with(open_n)) return std::string_view::npos;
  auto at = line.find_first_not_of("0123456789", open_n.size());
  if (at == std::string_view::npos || line.compare(at, open_type.size(), open_type) != 0)
    return std::string_view::npos;
  return at + open_type.size();
}

}  // namespace

buffer render_event(std::uint64_t n, std::string_view type, unix_ms at,
                    std::string_view execution_id, std::uint64_t generation,
                    std::string_view data_json) {
  auto line =
      open_event(n, type, at, frame_bytes + type.size() + execution_id.size() + data_json.size());
  line += R"(,"execution_id":")";
  line += execution_id;
  line += R"(","generation":)";
  append_json(line, generation);
  return close_event(std::move(line), data_json);
}

buffer render_node_event(std::uint64_t n, std::string_view type, unix_ms at,
                         std::string_view data_json) {
  return close_event(open_event(n, type, at, frame_bytes + type.size() + data_json.size()),
                     data_json);
}

std::string_view event_type(std::string_view line) noexcept {
  auto begin = type_begin(line);
  if (begin == std::string_view::npos) return {};
  auto end = line.find('"', begin);
  return end == std::string_view::npos ? std::string_view() : line.substr(begin, end - begin);
}

std::string_view event_data(std::string_view line) noexcept {
  auto begin = type_begin(line);
  if (begin == std::string_view::npos || line.back() != '}') return {};
  // Nothing before it can hold these characters: type, time and id are plain words.
  auto at = line.find(open_data, begin);
  if (at == std::string_view::npos) return {};
  at += open_data.size();
  return line.substr(at, line.size() - 1 - at);
}

std::string cause_json(const execution_record& r) {
  const bool by_code = r.status == execution_status::ok || r.status == execution_status::error;
  return by_code ? "null" : to_json(r.why);
}

std::string to_json(const usage& u) {
  object_writer w(112);
  w.milliseconds("cpu_ms", u.cpu_ms);
  w.number("memory_peak_bytes", u.memory_peak_bytes);
  w.number_or_null("processes", u.processes);
  w.number("output_bytes", u.output_bytes);
  return w.close();
}

void write_exit(object_writer& w, const execution_record& r) {
  if (r.exit_code >= 0)
    w.number("exit_code", static_cast<std::int64_t>(r.exit_code));
  else
    w.raw("exit_code", "null");
  w.text_or_null("signal", r.signal != 0 ? signal_name(r.signal) : "");
}

std::string ended_data(const execution_record& r) {
  object_writer w(256);
  w.text("status", name_of(r.status));
  w.raw("cause", cause_json(r));
  if (is_command(r.id)) {
    write_exit(w, r);
  } else {
    w.flag("state_preserved", r.state_preserved);
    w.number_or_null("execution_count", r.execution_count);
  }
  w.milliseconds("duration_ms", r.duration_ms);
  w.raw("usage", to_json(r.used));
  return w.close();
}

std::string truncated_data(const truncation& t) {
  object_writer w(96);
  w.number("bytes_total", t.bytes_total);
  w.number("bytes_kept", t.bytes_kept);
  w.text_or_null("path", t.path);
  return w.close();
}

}  // namespace protocol
