// A page made to believe that it is somewhere else, on something else.
#include <utility>

#include "actors/browser/target.hpp"
#include "actors/browser/verbs.hpp"
#include "protocol/json.hpp"

namespace actors::browsing {

using protocol::error_code;

namespace {

task<void> set(turn& t, std::string method, json params) {
  auto s = t.top();
  auto told = co_await s.call(method, params);
  if (told) co_return;
  // The first session that sets it has it, until it goes.
  auto taken = told.error->message.find("already in effect") != std::string::npos;
  refuse(taken ? error_code::wrong_state : error_code::invalid_field, told.error->message);
}

task<void> set_view(turn& t) {
  auto width = integer_at(t.params, "width");
  auto height = integer_at(t.params, "height");
  auto scale = number_at(t.params, "device_scale");
  auto mobile = flag_at(t.params, "mobile");
  if (width == 0 && height == 0 && scale == 0 && !mobile) co_return;
  // What is not told stays as the window has it: that is what 0 means to the browser.
  co_await set(
      t, "Emulation.setDeviceMetricsOverride",
      with("width", width, "height", height, "deviceScaleFactor", scale, "mobile", mobile));
}

/// A zone that is unknown is taken without a word, and changes nothing.
task<void> set_timezone(turn& t) {
  auto zone = text_at(t.params, "timezone");
  if (zone.empty()) co_return;
  auto known = co_await evaluate_in(
      t, t.on->target_id(),
      "(() => { try { new Intl.DateTimeFormat('en', {timeZone: " + protocol::json_string(zone) +
          "}); return true; } catch { return false; } })()");
  if (known != true)
    refuse(error_code::invalid_field, "no time zone `" + zone + "`", with("timezone", zone));
  co_await set(t, "Emulation.setTimezoneOverride", with("timezoneId", zone));
}

task<void> set_place(turn& t) {
  auto place = at(t.params, "geolocation");
  if (!place.is_object()) co_return;
  auto accuracy = number_at(place, "accuracy");
  auto grant = with("permissions", json::array({"geolocation"}));
  if (!t.on->context_id.empty()) grant["browserContextId"] = t.on->context_id;
  t.talk().post({}, "Browser.grantPermissions", grant);
  co_await set(t, "Emulation.setGeolocationOverride",
               with("latitude", number_at(place, "latitude"), "longitude",
                    number_at(place, "longitude"), "accuracy", accuracy > 0 ? accuracy : 1.0));
}

}  // namespace

task<json> emulate(turn& t) {
  auto before = t.on->emulated.value_or(json::object());
  if (flag_at(t.params, "reset")) {
    before = json::object();
    co_await set(t, "Emulation.clearDeviceMetricsOverride", json::object());
    co_await set(t, "Emulation.setTimezoneOverride", with("timezoneId", ""));
    co_await set(t, "Emulation.setLocaleOverride", json::object());
    co_await set(t, "Emulation.clearGeolocationOverride", json::object());
    co_await set(t, "Emulation.setEmulatedMedia", json::object());
    co_await set(
        t, "Network.emulateNetworkConditions",
        with("offline", false, "latency", 0, "downloadThroughput", -1, "uploadThroughput", -1));
  }
  co_await set_view(t);
  if (auto locale = text_at(t.params, "locale"); !locale.empty())
    co_await set(t, "Emulation.setLocaleOverride", with("locale", locale));
  co_await set_timezone(t);
  co_await set_place(t);
  if (auto& offline = at(t.params, "offline"); offline.is_boolean())
    co_await set(
        t, "Network.emulateNetworkConditions",
        with("offline", offline, "latency", 0, "downloadThroughput", -1, "uploadThroughput", -1));
  if (auto scheme = text_at(t.params, "color_scheme"); !scheme.empty()) {
    auto features = json::array();
    features.push_back(with("name", "prefers-color-scheme", "value", scheme));
    co_await set(t, "Emulation.setEmulatedMedia", with("features", std::move(features)));
  }
  for (auto& [name, value] : t.params.items())
    if (name != "reset" && name != "timeout_s" && name != "snapshot") before[name] = value;
  t.on->emulated = std::move(before);
  co_return json::object();
}

}  // namespace actors::browsing
