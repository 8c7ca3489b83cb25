#include "protocol/cdp/screencast.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/cdp/message.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"
#include "protocol/time.hpp"

namespace protocol::cdp {
namespace {

constexpr std::uint64_t pixels_max = 10'000;
constexpr std::uint64_t every_max = 1'000;

struct bounded {
  std::string_view name;
  std::uint64_t screencast_options::*value;
  std::uint64_t min, max;
};

constexpr bounded numbers[] = {
    {"quality", &screencast_options::quality, 1, 100},
    {"max_width", &screencast_options::max_width, 1, pixels_max},
    {"max_height", &screencast_options::max_height, 1, pixels_max},
    {"every", &screencast_options::every, 1, every_max},
};

std::optional<std::string> wrong_with(screencast_options& to, std::string_view name,
                                      std::string_view text) {
  if (name == "format") {
    to.format = text;
    if (text == "jpeg" || text == "png") return {};
    return "must be one of jpeg, png";
  }
  auto of = std::ranges::find(numbers, name, &bounded::name);
  if (of == std::end(numbers))
    return "is unknown; there are format, quality, max_width, max_height, every";
  auto number = http::parse_count(text);
  if (!number || *number < of->min || *number > of->max)
    return "must be a whole number from " + std::to_string(of->min) + " to " +
           std::to_string(of->max);
  to.*(of->value) = *number;
  return {};
}

std::string error(std::string_view code, std::string_view detail) {
  return R"({"type":"error","code":)" + json_string(code) + R"(,"detail":)" + json_string(detail) +
         "}";
}

/// Seconds since 1970, with a fraction.
std::string time_text(std::string_view seconds) {
  double value = 0;
  std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
  if (!(value > 0 && value < 253'402'300'799)) return {};
  return "\"" + rfc3339(static_cast<unix_ms>(value * 1'000)) + "\"";
}

void add(std::string& to, std::string_view name, std::string_view value) {
  if (!value.empty()) to.append(",\"").append(name).append("\":").append(value);
}

}  // namespace

result<screencast_options> read_screencast_options(const http::query& q) {
  screencast_options out;
  std::vector<http::violation> wrong;
  for (const auto& [name, text] : q.all())
    if (auto why = wrong_with(out, name, text)) wrong.push_back({"?" + name, std::move(*why)});
  if (!wrong.empty()) return http::invalid_fields(wrong);
  return out;
}

std::string screencast::begin() {
  auto params = R"({"format":")" + options_.format + R"(","quality":)" +
                std::to_string(options_.quality) + R"(,"everyNthFrame":)" +
                std::to_string(options_.every);
  if (options_.max_width) add(params, "maxWidth", std::to_string(options_.max_width));
  if (options_.max_height) add(params, "maxHeight", std::to_string(options_.max_height));
  return command_text(++last_id_, "\"Page.startScreencast\"", params + "}", {});
}

std::optional<std::string> screencast::from_browser(std::string_view text) {
  auto m = read_message(text);
  // Of acknowledgements nobody waits for a reply.
  if (!m.error.empty() && m.id == "1")
    return error("unavailable", json_text(json_member(m.error, "message")));
  auto method = json_text(m.method);
  if (method == "Page.screencastFrame") return frame(m.params);
  if (method == "Page.screencastVisibilityChanged") {
    auto visible = json_member(m.params, "visible") == "true";
    return std::string(R"({"type":"visible","visible":)") + (visible ? "true}" : "false}");
  }
  return {};
}

std::string screencast::frame(std::string_view params) {
  static constexpr std::string_view names[] = {"data", "metadata", "sessionId"};
  std::string_view values[std::size(names)];
  json_members(params, names, values);
  static constexpr std::string_view of_page[] = {"deviceWidth",     "deviceHeight",
                                                 "pageScaleFactor", "scrollOffsetX",
                                                 "scrollOffsetY",   "timestamp"};
  std::string_view known[std::size(of_page)];
  if (!values[1].empty()) json_members(values[1], of_page, known);
  cast_ = json_integer(values[2], 0);
  auto out = R"({"type":"frame","n":)" + std::to_string(++sent_);
  out.reserve(values[0].size() + 256);
  add(out, "width", known[0]);
  add(out, "height", known[1]);
  add(out, "page_scale", known[2]);
  add(out, "scroll_x", known[3]);
  add(out, "scroll_y", known[4]);
  add(out, "at", time_text(known[5]));
  add(out, "mime", "\"image/" + options_.format + "\"");
  add(out, "data", values[0]);
  return out + "}";
}

screencast::said screencast::from_client(std::string_view text) {
  if (!is_json_object(text)) return {{}, error("malformed_json", "a message is a JSON object")};
  auto number = json_integer(json_member(text, "ack"), -1);
  if (number < 1 || static_cast<std::uint64_t>(number) > sent_)
    return {{},
            error("invalid_field", "`ack` must be the number of a frame that was sent, 1 to " +
                                       std::to_string(sent_))};
  said out;
  for (; acknowledged_ < static_cast<std::uint64_t>(number); ++acknowledged_)
    out.commands.push_back(command_text(++last_id_, "\"Page.screencastFrameAck\"",
                                        "{\"sessionId\":" + std::to_string(cast_) + "}", {}));
  return out;
}

}  // namespace protocol::cdp
