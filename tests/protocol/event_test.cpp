#define CAF_SUITE protocol_event
#include "protocol/event.hpp"

#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;

CAF_TEST(an event is one line with its members in order) {
  const auto line =
      render_event(3, "stream", 1'767'323'045'678, "exe_1", 2, R"({"name":"stdout","text":"2\n"})");
  CAF_CHECK_EQUAL(line.view(), R"({"n":3,"type":"stream","at":"2026-01-02T03:04:05.678Z",)"
                               R"("execution_id":"exe_1","generation":2,)"
                               R"("data":{"name":"stdout","text":"2\n"}})");
  CAF_CHECK_EQUAL(event_type(line.view()), "stream");
  CAF_CHECK_EQUAL(event_data(line.view()), R"({"name":"stdout","text":"2\n"})");
}

CAF_TEST(an event of the node names no execution) {
  const auto line = render_node_event(18446744073709551615u, "kernel_down", 0, "{\"a\":1}");
  CAF_CHECK_EQUAL(line.view(), R"({"n":18446744073709551615,"type":"kernel_down",)"
                               R"("at":"1970-01-01T00:00:00.000Z","data":{"a":1}})");
  CAF_CHECK_EQUAL(event_type(line.view()), "kernel_down");
  CAF_CHECK_EQUAL(event_data(line.view()), "{\"a\":1}");
}

CAF_TEST(data that imitates an event does not confuse the readers) {
  constexpr std::string_view data = R"({"type":"x","data":{"text":",\"data\":"},"n":1})";
  const auto line = render_event(1, "display_data", 5, "exe_1", 1, data);
  CAF_CHECK_EQUAL(event_type(line.view()), "display_data");
  CAF_CHECK_EQUAL(event_data(line.view()), data);
  const auto empty = render_event(1, "status", 5, "exe_1", 1, "");
  CAF_CHECK_EQUAL(event_data(empty.view()), "{}");
}

CAF_TEST(lines from elsewhere have neither type nor data) {
  for (auto line : {"", "{}", "{\"n\":", "{\"n\":1", "{\"n\":1,\"type\":\"", "{\"type\":\"a\"}",
                    "{\"n\":x,\"type\":\"a\",\"data\":{}}"}) {
    CAF_CHECK_EQUAL(event_type(line), "");
    CAF_CHECK_EQUAL(event_data(line), "");
  }
}

CAF_TEST(the last event tells how it ended) {
  execution_record r;
  r.status = execution_status::kernel_died;
  r.why = {cause_kind::signal, 9, -1, "", "gone"};
  r.state_preserved = false;
  r.duration_ms = 12.3456789;
  r.used = {8.1, 61'341'696, 12, 345};
  CAF_CHECK_EQUAL(ended_data(r),
                  R"({"status":"kernel_died","cause":{"kind":"signal","signal":"SIGKILL",)"
                  R"("exit_code":null,"limit":null,"detail":"gone"},"state_preserved":false,)"
                  R"("execution_count":null,"duration_ms":12.346,)"
                  R"("usage":{"cpu_ms":8.1,"memory_peak_bytes":61341696,)"
                  R"("processes":12,"output_bytes":345}})");
  r.status = execution_status::ok;
  r.execution_count = 7;
  const auto data = parse_json(ended_data(r));
  CAF_CHECK((*data)["cause"].is_null());
  CAF_CHECK_EQUAL((*data)["execution_count"], 7);
}

CAF_TEST(processes that nobody has counted are null) {
  CAF_CHECK_EQUAL(to_json(usage{}),
                  R"({"cpu_ms":0,"memory_peak_bytes":0,"processes":null,"output_bytes":0})");
}

CAF_TEST(a truncation says what was kept and where the rest is) {
  CAF_CHECK_EQUAL(truncated_data({100, 40, "output/x \"1\".txt"}),
                  R"({"bytes_total":100,"bytes_kept":40,"path":"output/x \"1\".txt"})");
  CAF_CHECK_EQUAL(truncated_data({100, 40, ""}),
                  R"({"bytes_total":100,"bytes_kept":40,"path":null})");
}
