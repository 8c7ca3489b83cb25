#include "protocol/limits.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "protocol/object_writer.hpp"

namespace protocol {
namespace {

constexpr std::string_view time_limit = "timeout_s_max";
constexpr double whole_max = 9e15;  // a double still counts one by one

std::string to_json(const refusal& x) {
  object_writer w(96);
  w.time_or_null("at", x.at);
  w.measure("measure", x.measure);
  w.text("action", x.action);
  return w.close();
}

std::string to_json(const limit_view& x) {
  object_writer w(192);
  auto show = [&](const char* name, bool known, double value) {
    known ? w.measure(name, value) : w.raw(name, "null");
  };
  auto limited = x.limit > 0, counted = x.used >= 0;
  show("limit", limited, x.limit);
  show("used", counted, x.used);
  show("remaining", limited && counted, std::max(0.0, x.limit - x.used));
  w.text_or_null("held_by", x.held_by);
  w.raw("last_refusal", x.last.at == 0 ? "null" : to_json(x.last));
  return w.close();
}

}  // namespace

void apply(limits& to, const limit_change& change) {
  auto value = std::clamp(change.value, 0.0, whole_max);
  each_limit(to, [&](const char* name, auto& member) {
    if (change.name == name) member = static_cast<std::remove_reference_t<decltype(member)>>(value);
  });
  if (change.name == time_limit)
    to.execution_ms_max = std::max<std::int64_t>(1, std::llround(std::min(value, 1e9) * 1e3));
}

double value_of(const limits& of, std::string_view name) {
  double found = 0;
  each_limit(of, [&](const char* each, auto value) {
    if (name == each) found = static_cast<double>(value);
  });
  return name == time_limit ? static_cast<double>(of.execution_ms_max) / 1e3 : found;
}

std::string to_json(const limits_view& x) {
  object_writer w(2'048);
  for (auto& each : x.limits) w.raw(each.name, to_json(each));
  return w.close();
}

}  // namespace protocol
