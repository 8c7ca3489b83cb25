// Pages as pictures and as PDF.
#include <algorithm>
#include <cmath>
#include <utility>

#include "actors/browser/target.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/text.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

constexpr double webp_pixels_max = 16'383;
constexpr double pixels_max = 40'000;  ///< of a side; what was seen to come out right
constexpr int stream_piece_bytes = 1 << 20;

/// In the document's coordinates.
json clip(double x, double y, double width, double height) {
  return with("x", x, "y", y, "width", width, "height", height, "scale", 1);
}

task<json> element_clip(turn& t, json view) {
  auto e = co_await find_ready(t, at(t.params, "target"));
  auto box = co_await call_on(t, e,
                              "function(){const b=this.getBoundingClientRect();"
                              "return {x:b.x,y:b.y,width:b.width,height:b.height}}");
  auto offset = co_await frame_offset(t, e.frame_id);
  if (number_at(box, "width") <= 0 || number_at(box, "height") <= 0)
    refuse(error_code::not_actionable, "it is not visible");
  co_return clip(number_at(box, "x") + offset.x + number_at(view, "pageX"),
                 number_at(box, "y") + offset.y + number_at(view, "pageY"), number_at(box, "width"),
                 number_at(box, "height"));
}

void check_size(const json& area, double scale, const std::string& format) {
  auto side = std::max(number_at(area, "width"), number_at(area, "height")) * scale;
  auto most = format == "webp" ? webp_pixels_max : pixels_max;
  if (side > most)
    refuse(error_code::invalid_field,
           "the picture would have " + std::to_string(std::llround(side)) + " pixels on a side; " +
               format + " takes " + std::to_string(std::llround(most)),
           with("limit_pixels", most));
}

}  // namespace

task<json> screenshot(turn& t) {
  auto s = t.top();
  auto format = t.params.value("format", std::string("png"));
  auto metrics = co_await s.call("Page.getLayoutMetrics");
  if (!metrics) refuse_reply(metrics, "screenshot");
  auto view = at(metrics.result, "cssVisualViewport");
  auto params = with("format", format);
  if (format != "png")
    params["quality"] = at(t.params, "quality").is_number() ? at(t.params, "quality") : json(80);
  auto area =
      with("width", number_at(view, "clientWidth"), "height", number_at(view, "clientHeight"));
  if (at(t.params, "target").is_object() && !at(t.params, "target").empty()) {
    area = co_await element_clip(t, view);
    put(params, "clip", area, "captureBeyondViewport", true);
  } else if (flag_at(t.params, "full_page")) {
    auto& size = at(metrics.result, "cssContentSize");
    area = clip(0, 0, number_at(size, "width"), number_at(size, "height"));
    put(params, "clip", area, "captureBeyondViewport", true);
  }
  auto ratio = co_await evaluate_in(t, t.on->target_id(), "devicePixelRatio");
  auto scale = ratio.is_number() ? ratio.get<double>() : 1.0;
  check_size(area, scale, format);
  auto left = std::max(100.0, t.deadline_ms - t.talk().now() - 100);
  auto told = co_await s.call("Page.captureScreenshot", params, left);
  if (!told) refuse_reply(told, "screenshot");
  t.answer.bytes = protocol::from_base64(text_at(told.result, "data"));
  if (t.answer.bytes.empty()) refuse(error_code::wrong_state, "the browser gave no picture");
  t.answer.mime = "image/" + format;
  co_return with("width", std::llround(number_at(area, "width") * scale), "height",
                 std::llround(number_at(area, "height") * scale));
}

task<json> pdf(turn& t) {
  auto s = t.top();
  auto params =
      with("transferMode", "ReturnAsStream", "printBackground",
           t.params.value("print_background", true), "landscape", flag_at(t.params, "landscape"));
  if (auto scale = number_at(t.params, "scale"); scale > 0) params["scale"] = scale;
  if (auto pages = text_at(t.params, "pages"); !pages.empty()) params["pageRanges"] = pages;
  if (t.params.value("format", std::string("a4")) == "a4")
    put(params, "paperWidth", 8.27, "paperHeight", 11.7);
  auto left = std::max(100.0, t.deadline_ms - t.talk().now() - 100);
  auto told = co_await s.call("Page.printToPDF", params, left);
  if (!told) refuse_reply(told, "pdf");
  auto handle = text_at(told.result, "stream");
  for (;;) {
    auto ask = with("handle", handle, "size", stream_piece_bytes);
    auto piece = co_await s.call("IO.read", ask);
    if (!piece) refuse_reply(piece, "pdf");
    auto data = text_at(piece.result, "data");
    t.answer.bytes += flag_at(piece.result, "base64Encoded") ? protocol::from_base64(data) : data;
    if (flag_at(piece.result, "eof") || data.empty()) break;
  }
  s.post("IO.close", with("handle", handle));
  t.answer.mime = "application/pdf";
  co_return json::object();
}

}  // namespace actors::browsing
