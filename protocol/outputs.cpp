#include "protocol/outputs.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "protocol/event.hpp"
#include "protocol/json.hpp"
#include "protocol/text.hpp"

namespace protocol {
namespace {

constexpr std::array<std::string_view, 2> image_types{"image/png", "image/jpeg"};

/// One output cell. Its views are of the events, all but `stream` texts are JSON values.
struct output {
  enum class kind { stream, display, result, error } is = kind::stream;
  std::string_view name;                      ///< of a stream, as it stands: "stdout" in quotes
  std::vector<std::string_view> texts;        ///< of a stream: JSON strings to be joined
  std::string_view data, metadata, count;     ///< of a display or a result
  std::string_view ename, evalue, traceback;  ///< of an error
  std::string display_id;                     ///< empty: none
};

std::string_view or_else(std::string_view value, std::string_view otherwise) {
  return value.empty() ? otherwise : value;
}

/// Follows the events as a notebook does.
class notebook {
 public:
  void take(std::string_view type, std::string_view content) {
    if (type == "stream")
      stream(content);
    else if (type == "display_data")
      add(bundle(output::kind::display, content));
    else if (type == "execute_result")
      add(bundle(output::kind::result, content));
    else if (type == "update_display_data")
      update(bundle(output::kind::display, content));
    else if (type == "error")
      error(content);
    else if (type == "clear_output")
      clear(content);
  }

  const std::vector<output>& outputs() const noexcept { return outputs_; }

 private:
  void stream(std::string_view content) {
    constexpr std::array<std::string_view, 2> names{"name", "text"};
    std::array<std::string_view, 2> values;
    json_members(content, names, values);
    if (!is_json_string(values[0]) || !is_json_string(values[1])) return;
    settle();
    if (outputs_.empty() || outputs_.back().is != output::kind::stream ||
        outputs_.back().name != values[0]) {
      output o;
      o.name = values[0];
      outputs_.push_back(std::move(o));
    }
    outputs_.back().texts.push_back(values[1]);
  }

  static output bundle(output::kind is, std::string_view content) {
    constexpr std::array<std::string_view, 4> names{"data", "metadata", "execution_count",
                                                    "transient"};
    std::array<std::string_view, 4> values;
    json_members(content, names, values);
    output o;
    o.is = is;
    o.data = or_else(values[0], "{}");
    o.metadata = or_else(values[1], "{}");
    o.count = or_else(values[2], "null");
    o.display_id = json_text(json_member(values[3], "display_id"));
    return o;
  }

  void error(std::string_view content) {
    constexpr std::array<std::string_view, 3> names{"ename", "evalue", "traceback"};
    std::array<std::string_view, 3> values;
    json_members(content, names, values);
    output o;
    o.is = output::kind::error;
    o.ename = or_else(values[0], "\"\"");
    o.evalue = or_else(values[1], "\"\"");
    o.traceback = or_else(values[2], "[]");
    add(std::move(o));
  }

  void add(output o) {
    settle();
    outputs_.push_back(std::move(o));
  }

  /// Displays keep their place when they change.
  void update(const output& changed) {
    if (changed.display_id.empty()) return;
    for (auto& o : outputs_) {
      if (o.display_id != changed.display_id) continue;
      o.data = changed.data;
      o.metadata = changed.metadata;
    }
  }

  void clear(std::string_view content) {
    clear_pending_ = true;
    if (json_member(content, "wait") != "true") settle();
  }

  /// With `wait`, the clearing happens when there is something new to show.
  void settle() {
    if (clear_pending_) outputs_.clear();
    clear_pending_ = false;
  }

  std::vector<output> outputs_;
  bool clear_pending_ = false;
};

void append(std::string& out, std::initializer_list<std::string_view> pieces) {
  for (auto piece : pieces) out += piece;
}

/// The strings joined into one. Their escapes stay as they are: none spans two strings.
void append_joined(std::string& out, const std::vector<std::string_view>& strings) {
  out += '"';
  for (auto s : strings) out += s.substr(1, s.size() - 2);
  out += '"';
}

void append_output(std::string& out, const output& o) {
  switch (o.is) {
    case output::kind::stream:
      append(out, {R"({"output_type":"stream","name":)", o.name, R"(,"text":)"});
      append_joined(out, o.texts);
      break;
    case output::kind::display:
      append(out,
             {R"({"output_type":"display_data","data":)", o.data, R"(,"metadata":)", o.metadata});
      break;
    case output::kind::result:
      append(out, {R"({"output_type":"execute_result","execution_count":)", o.count, R"(,"data":)",
                   o.data, R"(,"metadata":)", o.metadata});
      break;
    case output::kind::error:
      append(out, {R"({"output_type":"error","ename":)", o.ename, R"(,"evalue":)", o.evalue,
                   R"(,"traceback":)", o.traceback});
      break;
  }
  out += '}';
}

/// Kernels break base64 into lines; clients want none.
void append_base64(std::string& out, std::string_view value) {
  for (std::size_t at = 0; at < value.size();) {
    const auto next = std::min(value.find("\\n", at), value.size());
    out += value.substr(at, next - at);
    at = next + 2;
  }
}

void append_images(std::string& out, const output& o) {
  std::array<std::string_view, image_types.size()> values;
  json_members(o.data, image_types, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_json_string(values[i])) continue;
    if (out.size() > 1) out += ',';
    append(out, {R"({"mime":")", image_types[i], R"(","data":)"});
    append_base64(out, values[i]);
    out += '}';
  }
}

/// A picture's text form only says that it is one.
bool is_picture(std::string_view data) {
  constexpr std::array<std::string_view, 3> types{"image/png", "image/jpeg", "image/svg+xml"};
  std::array<std::string_view, 3> values;
  json_members(data, types, values);
  return std::any_of(values.begin(), values.end(), [](auto v) { return !v.empty(); });
}

/// The page of text: streams as they were printed, results each on a line of their own.
class page {
 public:
  void add(const output& o) {
    if (o.is == output::kind::stream) {
      if (after_result_) break_line();
      for (auto text : o.texts) text_ += json_text(text);
      after_result_ = false;
    } else if (o.is != output::kind::error && !is_picture(o.data)) {
      const auto plain = json_text(json_member(o.data, "text/plain"));
      if (plain.empty()) return;
      break_line();
      text_ += plain;
      after_result_ = true;
    }
  }

  std::string text() && {
    return text_.find('\x1b') == std::string::npos ? std::move(text_) : strip_ansi(text_);
  }

 private:
  void break_line() {
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
  }

  std::string text_;
  bool after_result_ = false;
};

}  // namespace

shown_outputs collect_outputs(std::span<const buffer> events) {
  notebook cells;
  for (const auto& event : events) cells.take(event_type(event.view()), event_data(event.view()));
  shown_outputs shown;
  shown.outputs = shown.images = "[";
  page text;
  for (const auto& o : cells.outputs()) {
    if (shown.outputs.size() > 1) shown.outputs += ',';
    append_output(shown.outputs, o);
    text.add(o);
    if (o.is == output::kind::display || o.is == output::kind::result)
      append_images(shown.images, o);
    if (o.is == output::kind::error) {
      shown.error.clear();
      append(shown.error, {R"({"ename":)", o.ename, R"(,"evalue":)", o.evalue, R"(,"traceback":)",
                           o.traceback, "}"});
    }
  }
  shown.outputs += ']';
  shown.images += ']';
  shown.text = std::move(text).text();
  return shown;
}

shown_streams collect_printed(std::span<const buffer> events) {
  constexpr std::array<std::string_view, 2> names{"name", "text"};
  std::vector<std::string_view> out, err;
  shown_streams shown;
  for (const auto& event : events) {
    if (event_type(event.view()) != "stream") continue;
    std::array<std::string_view, 2> values;
    json_members(event_data(event.view()), names, values);
    if (!is_json_string(values[1])) continue;
    (values[0] == "\"stderr\"" ? err : out).push_back(values[1]);
    shown.text += json_text(values[1]);
  }
  shown.out.clear();
  shown.err.clear();
  append_joined(shown.out, out);
  append_joined(shown.err, err);
  shown.text = strip_ansi(shown.text);
  return shown;
}

}  // namespace protocol
