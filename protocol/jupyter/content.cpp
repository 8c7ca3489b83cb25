#include "protocol/jupyter/content.hpp"

#include <array>

#include "protocol/json.hpp"

namespace protocol::jupyter {
namespace {

fault malformed(std::string detail) {
  return {error_code::malformed_request, std::move(detail), {}, 0};
}

std::string_view flag(bool value) noexcept {
  return value ? "true" : "false";
}

/// Contents with bytes that are not UTF-8 are read from a repaired copy, all others in place.
class readable {
 public:
  explicit readable(std::string_view content) : text_(content) {
    if (is_json_object(content)) return;
    copy_ = one_line_json(buffer(std::string(content)));
    text_ = copy_.view();
  }
  std::string_view text() const noexcept { return text_; }  ///< empty: not a JSON object

 private:
  buffer copy_;
  std::string_view text_;
};

std::vector<std::string> read_traceback(std::string_view value) {
  std::vector<std::string> lines;
  const auto array = parse_json(value);
  if (!array || !array->is_array()) return lines;
  for (const auto& line : *array)
    if (line.is_string()) lines.push_back(line.get<std::string>());
  return lines;
}

}  // namespace

std::string execute_content(const execution_request& r) {
  std::string out = R"({"code":)";
  append_json_string(out, r.code);
  out += R"(,"silent":)";
  out += flag(r.silent);
  out += R"(,"store_history":)";
  out += flag(r.store_history);
  out += R"(,"user_expressions":)";
  out += r.user_expressions.empty() ? "{}" : r.user_expressions;
  out += R"(,"allow_stdin":)";
  out += flag(r.allow_stdin);
  out += R"(,"stop_on_error":false})";
  return out;
}

std::string kernel_info_content() {
  return "{}";
}

std::string shutdown_content(bool restart) {
  return R"({"restart":)" + std::string(flag(restart)) + "}";
}

std::string input_reply_content(std::string_view value) {
  std::string out = R"({"value":)";
  append_json_string(out, value);
  out += '}';
  return out;
}

result<execute_reply> read_execute_reply(std::string_view content) {
  constexpr std::array<std::string_view, 6> names{"status", "execution_count", "user_expressions",
                                                  "ename",  "evalue",          "traceback"};
  std::array<std::string_view, 6> values;
  const readable from(content);
  if (from.text().empty()) return malformed("the content of execute_reply is not a JSON object");
  json_members(from.text(), names, values);
  if (!is_json_string(values[0])) return malformed("execute_reply has no status");
  execute_reply reply;
  reply.status = json_text(values[0]);
  reply.execution_count = json_integer(values[1], 0);
  if (is_json_object(values[2])) reply.user_expressions = values[2];
  reply.ename = json_text(values[3]);
  reply.evalue = json_text(values[4]);
  if (!values[5].empty()) reply.traceback = read_traceback(values[5]);
  return reply;
}

std::string read_status(std::string_view content) {
  return is_json_object(content) ? json_text(json_member(content, "execution_state"))
                                 : std::string();
}

std::int64_t read_execution_count(std::string_view content) {
  return is_json_object(content) ? json_integer(json_member(content, "execution_count"), 0) : 0;
}

result<stream_text> read_stream(std::string_view content) {
  constexpr std::array<std::string_view, 2> names{"name", "text"};
  std::array<std::string_view, 2> values;
  const readable from(content);
  if (from.text().empty()) return malformed("the content of stream is not a JSON object");
  json_members(from.text(), names, values);
  if (!is_json_string(values[0]) || !is_json_string(values[1]))
    return malformed("stream has no name, or no text");
  return stream_text{json_text(values[0]), json_text(values[1])};
}

}  // namespace protocol::jupyter
