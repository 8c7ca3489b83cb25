#define CAF_SUITE limits

#include "protocol/limits.hpp"

#include <cmath>

#include "tests/support/unit.hpp"

using namespace protocol;

CAF_TEST(a change is of the limit it names and of no other) {
  limits l, before;
  apply(l, {"memory_bytes", 7e8});
  CAF_CHECK_EQUAL(l.memory_bytes, 700'000'000u);
  before.memory_bytes = l.memory_bytes;
  CAF_CHECK(l == before);
  apply(l, {"cpus", 0.5});
  apply(l, {"timeout_s_max", 2.5});
  CAF_CHECK_EQUAL(l.cpus, 0.5);
  CAF_CHECK_EQUAL(l.execution_ms_max, 2'500);
  before = l;
  apply(l, {"no such limit", 1});
  CAF_CHECK(l == before);
}

CAF_TEST(a value that no member can hold becomes the largest that is told exactly) {
  limits l;
  for (double value : {1e300, 2e19, static_cast<double>(INFINITY)}) {
    apply(l, {"disk_bytes", value});
    CAF_CHECK_EQUAL(l.disk_bytes, 9'000'000'000'000'000u);
  }
  apply(l, {"disk_bytes", -5});
  CAF_CHECK_EQUAL(l.disk_bytes, 0u);
  apply(l, {"timeout_s_max", 1e300});
  CAF_CHECK(l.execution_ms_max > 0);
}

CAF_TEST(every limit that can be changed has a value that reads back) {
  limits l;
  each_limit(l, [&](const char* name, auto) {
    apply(l, {name, 3});
    CAF_CHECK_EQUAL(value_of(l, name), 3.0);
  });
  apply(l, {"timeout_s_max", 3});
  CAF_CHECK_EQUAL(value_of(l, "timeout_s_max"), 3.0);
}

CAF_TEST(a view shows what remains and null for what there is not) {
  limits_view v{{{.name = "memory_bytes", .limit = 5e8, .used = 4e8},
                 {.name = "processes",
                  .limit = 10,
                  .used = 12,
                  .held_by = "watch",
                  .last = {1'767'225'600'000, 10, "refused"}},
                 {.name = "cpus", .limit = 0, .used = 0.25}}};
  CAF_CHECK_EQUAL(
      to_json(v),
      R"({"memory_bytes":{"limit":500000000,"used":400000000,"remaining":100000000,)"
      R"("held_by":null,"last_refusal":null},"processes":{"limit":10,"used":12,"remaining":0,)"
      R"("held_by":"watch","last_refusal":{"at":"2026-01-01T00:00:00.000Z","measure":10,)"
      R"("action":"refused"}},"cpus":{"limit":null,"used":0.25,"remaining":null,)"
      R"("held_by":null,"last_refusal":null}})");
}
