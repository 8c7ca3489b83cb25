#define CAF_SUITE protocol_resource
#include "protocol/resource.hpp"

#include "protocol/event.hpp"
#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;
using nlohmann::json;

namespace {

/// The events of one execution, numbered as they are added.
struct script {
  std::vector<buffer> events;

  script& say(std::string_view type, std::string_view data) {
    events.push_back(render_event(events.size() + 1, type, 1'000, "exe_1", 1, data));
    return *this;
  }
  script& add(std::string_view type, const json& data) { return say(type, data.dump()); }
  script& print(std::string_view text, std::string_view name = "stdout") {
    return add("stream", json{{"name", name}, {"text", text}});
  }
  script& display(json data, std::string_view id = "", std::string_view type = "display_data") {
    json content{{"data", std::move(data)}, {"metadata", json::object()}};
    if (!id.empty()) content["transient"]["display_id"] = id;
    return add(type, content);
  }
  std::string text() const { return shown().at("text"); }
  json shown() const { return json::parse(to_json(execution_record{}, events)); }
};

execution_record full_record() {
  execution_record r;
  r.id = "exe_1";
  r.sandbox_id = "default";
  r.kernel_id = "main";
  r.generation = 3;
  r.state = execution_state::ended;
  r.status = execution_status::memory_limit;
  r.why = {cause_kind::memory_limit, 9, -1, "memory_bytes=5", "out of \"memory\"\n中文"};
  r.state_preserved = false;
  r.execution_count = 7;
  r.queued_at = 1'000;
  r.started_at = 2'000;
  r.ended_at = 3'000;
  r.duration_ms = 0.1 + 0.2;
  r.last_event = 9;
  r.truncated = {100, 40, "output/exe_1.txt"};
  r.used = {8.1, 61'341'696, 12, 100};
  r.user_expressions = R"({"a": 1})";
  r.labels = R"({"who": "me"})";
  r.turn_id = "trn_1";
  r.idempotency_key = "once";
  r.body_hash = "5f";
  return r;
}

}  // namespace

CAF_TEST(the record survives the journal with every field) {
  const auto r = full_record();
  const auto back = record_from_json(record_json(r));
  CAF_REQUIRE(back.has_value());
  CAF_CHECK_EQUAL(record_json(*back), record_json(r));
  CAF_CHECK_EQUAL(back->why, r.why);
  CAF_CHECK(back->truncated == r.truncated);
  CAF_CHECK_EQUAL(back->duration_ms, r.duration_ms);
  CAF_CHECK_EQUAL(back->labels, r.labels);
  CAF_CHECK_EQUAL(back->state_preserved, false);
  CAF_CHECK_EQUAL(back->turn_id, "trn_1");
  CAF_CHECK_EQUAL(json::parse(record_json(r)).size(), 32u);
}

CAF_TEST(random records survive the journal) {
  std::mt19937_64 random(tests::seed());
  for (int i = 0; i < 1'000; ++i) {
    auto r = full_record();
    r.state = static_cast<execution_state>(random() % 3);
    r.status = static_cast<execution_status>(random() % 11);
    r.why.kind = static_cast<cause_kind>(random() % 18);
    r.why.signal = static_cast<int>(random() % 65);
    r.why.exit_code = static_cast<int>(random() % 257) - 1;
    r.queued_at = static_cast<unix_ms>(random());
    r.last_event = random();
    r.used.memory_peak_bytes = random();
    r.used.processes = random();
    r.used.output_bytes = random();
    r.duration_ms = std::ldexp(static_cast<double>(random()), -40);
    const auto back = record_from_json(record_json(r));
    CAF_REQUIRE(back.has_value());
    CAF_REQUIRE_EQUAL(record_json(*back), record_json(r));
    CAF_REQUIRE_EQUAL(back->duration_ms, r.duration_ms);
  }
}

CAF_TEST(a record that is broken says in which field) {
  const auto detail = [](std::string_view text) { return record_from_json(text).error().detail; };
  CAF_CHECK_EQUAL(detail(R"({"id":7})"), "a record's id is unreadable");
  CAF_CHECK_EQUAL(detail(R"({"status":"weird"})"), "a record's status is unreadable");
  CAF_CHECK_EQUAL(detail(R"({"queued_at":1.5})"), "a record's queued_at is unreadable");
  CAF_CHECK_EQUAL(detail("[]"), "a record is not an object");
  CAF_CHECK(record_from_json("{").has_error());
  CAF_CHECK(record_from_json("{}").has_value());
}

CAF_TEST(an ended execution shows all that is known of it) {
  script s;
  s.print("2\n");
  CAF_CHECK_EQUAL(
      to_json(full_record(), s.events),
      R"({"id":"exe_1","sandbox_id":"default","kernel_id":"main","generation":3,)"
      R"("state":"ended","status":"memory_limit","cause":{"kind":"memory_limit",)"
      R"("signal":"SIGKILL","exit_code":null,"limit":"memory_bytes=5",)"
      R"("detail":"out of \"memory\"\n中文"},"state_preserved":false,"execution_count":7,)"
      R"("duration_ms":0.3,"queued_at":"1970-01-01T00:00:01.000Z",)"
      R"("started_at":"1970-01-01T00:00:02.000Z","ended_at":"1970-01-01T00:00:03.000Z",)"
      R"("last_event":9,"text":"2\n",)"
      R"("outputs":[{"output_type":"stream","name":"stdout","text":"2\n"}],"images":[],)"
      R"("error":null,"truncated":{"bytes_total":100,"bytes_kept":40,)"
      R"("path":"output/exe_1.txt"},"usage":{"cpu_ms":8.1,"memory_peak_bytes":61341696,)"
      R"("processes":12,"output_bytes":100},)"
      R"("turn_id":"trn_1","labels":{"who": "me"},"user_expressions":{"a": 1}})");
}

CAF_TEST(until it ends what follows from the end is null) {
  execution_record r;
  r.state = execution_state::running;
  r.started_at = 5;
  const auto shown = json::parse(to_json(r, {}));
  for (auto name : {"status", "cause", "state_preserved", "execution_count", "duration_ms",
                    "ended_at", "error", "truncated", "usage", "turn_id", "generation"})
    CAF_CHECK(shown.at(name).is_null());
  CAF_CHECK_EQUAL(shown["text"], "");
  CAF_CHECK_EQUAL(shown["outputs"], json::array());
  CAF_CHECK_EQUAL(shown["state"], "running");
  CAF_CHECK_EQUAL(shown["labels"], json::object());
}

CAF_TEST(an error of the code is a result without a cause) {
  execution_record r;
  r.state = execution_state::ended;
  r.status = execution_status::error;
  r.why.kind = cause_kind::exit;
  script s;
  s.add("error", json{{"ename", "ValueError"}, {"evalue", "é"}, {"traceback", {"a", "b"}}});
  const auto shown = json::parse(to_json(r, s.events));
  CAF_CHECK(shown["cause"].is_null());
  CAF_CHECK_EQUAL(shown["error"]["ename"], "ValueError");
  CAF_CHECK_EQUAL(shown["error"]["traceback"].size(), 2u);
  CAF_CHECK_EQUAL(shown["outputs"][0]["output_type"], "error");
  CAF_CHECK_EQUAL(shown["text"], "");
}

CAF_TEST(neighbouring pieces of one stream become one output) {
  const auto shown =
      script().print("a").print("b\n").print("x", "stderr").print("\"c\\").print("中😀").shown();
  CAF_REQUIRE_EQUAL(shown["outputs"].size(), 3u);
  CAF_CHECK_EQUAL(shown["outputs"][0]["text"], "ab\n");
  CAF_CHECK_EQUAL(shown["outputs"][1]["name"], "stderr");
  CAF_CHECK_EQUAL(shown["outputs"][2]["text"], "\"c\\中😀");
  CAF_CHECK_EQUAL(shown["text"], "ab\nx\"c\\中😀");
}

CAF_TEST(terminal codes leave the text also when they come in two pieces) {
  const auto shown = script().print("\x1b[3").print("1mred\x1b[0m\n").shown();
  CAF_CHECK_EQUAL(shown["text"], "red\n");
  CAF_CHECK_EQUAL(shown["outputs"][0]["text"], "\x1b[31mred\x1b[0m\n");
}

CAF_TEST(text results stand on lines of their own) {
  const json two{{"text/plain", "2"}};
  const json result{{"data", two}, {"metadata", json::object()}, {"execution_count", 4}};
  CAF_CHECK_EQUAL(script().add("execute_result", result).text(), "2");
  const auto shown = script().print("a").add("execute_result", result).print("b\n").shown();
  CAF_CHECK_EQUAL(shown["text"], "a\n2\nb\n");
  CAF_CHECK_EQUAL(shown["outputs"][1]["execution_count"], 4);
  CAF_CHECK_EQUAL(shown["outputs"][1]["output_type"], "execute_result");
  CAF_CHECK_EQUAL(shown["outputs"][1]["data"], two);
}

CAF_TEST(a clear takes away what came before at once or with the next output) {
  CAF_CHECK_EQUAL(script().print("a").say("clear_output", "{}").text(), "");
  const std::string_view wait = R"({"wait": true})";
  CAF_CHECK_EQUAL(script().print("a").say("clear_output", wait).text(), "a");
  CAF_CHECK_EQUAL(script().print("a").say("clear_output", wait).print("b").text(), "b");
  const auto now = R"({"wait": false})";
  CAF_CHECK_EQUAL(script().print("a").say("clear_output", now).print("b").text(), "b");
}

CAF_TEST(an update changes every display of its id in place) {
  const auto text = [](std::string_view what) { return json{{"text/plain", what}}; };
  const auto shown = script()
                         .display(text("1"), "d1")
                         .display(text("2"), "d2")
                         .display(text("3"), "d1")
                         .display(text("new"), "d1", "update_display_data")
                         .display(text("lost"), "d9", "update_display_data")
                         .shown();
  CAF_CHECK_EQUAL(shown["text"], "new\n2\nnew");
  CAF_REQUIRE_EQUAL(shown["outputs"].size(), 3u);
  CAF_CHECK_EQUAL(shown["outputs"][0]["output_type"], "display_data");
  CAF_CHECK(!shown["outputs"][0].contains("transient"));
}

CAF_TEST(images are base64 on one line and their text form is left out) {
  const auto shown = script()
                         .display({{"image/png", "iVBO\nRw0K\n"}, {"text/plain", "<Figure>"}})
                         .display({{"image/jpeg", "/9j/"}, {"text/html", "<b>"}})
                         .display({{"image/svg+xml", "<svg/>"}, {"text/plain", "<SVG>"}})
                         .shown();
  CAF_CHECK_EQUAL(shown["images"], json::parse(R"([{"mime":"image/png","data":"iVBORw0K"},
                                                   {"mime":"image/jpeg","data":"/9j/"}])"));
  CAF_CHECK_EQUAL(shown["text"], "");
  CAF_CHECK_EQUAL(shown["outputs"].size(), 3u);
}

CAF_TEST(events that lack what they need show nothing broken) {
  std::mt19937_64 random(tests::seed());
  static constexpr std::array<std::string_view, 8> types{
      "stream", "display_data", "execute_result", "update_display_data",
      "error",  "clear_output", "status",         "ended"};
  static constexpr std::array<std::string_view, 9> contents{
      "{}",
      R"({"name":"stdout"})",
      R"({"name":1,"text":2})",
      R"({"text":"a","name":"stdout"})",
      R"({"data":{"text/plain":7,"image/png":["a"]}})",
      R"({"data":{"image/png":"a\n"},"metadata":{"a":[{}]},"transient":7})",
      R"({"data":{},"transient":{"display_id":"d"}})",
      R"({"ename":"E"})",
      R"({"wait":true})"};
  for (int i = 0; i < 2'000; ++i) {
    script s;
    for (auto n = random() % 8; n > 0; --n)
      s.say(types[random() % types.size()], contents[random() % contents.size()]);
    s.events.emplace_back(std::string("not an event"));
    CAF_REQUIRE(json::accept(to_json(execution_record{}, s.events)));
  }
}

CAF_TEST(a kernel shows its state and its status) {
  kernel_view k;
  k.id = "main";
  k.sandbox_id = "default";
  k.state = kernel_state::busy;
  k.generation = 2;
  k.restarts = 1;
  k.pid = 42;
  k.last_cause = {cause_kind::exit, 0, 1, "", ""};
  k.started_at = 1'000;
  k.connection_file = "/run/k.json";
  k.running = "exe_1";
  CAF_CHECK_EQUAL(to_json(k),
                  R"({"id":"main","sandbox_id":"default","state":"busy","generation":2,)"
                  R"("restarts":1,"pid":42,"spec":"python3","queue":0,"last_cause":)"
                  R"({"kind":"exit","signal":null,"exit_code":1,"limit":null,"detail":""},)"
                  R"("started_at":"1970-01-01T00:00:01.000Z","last_activity":null,)"
                  R"("connection_file":"/run/k.json","running":"exe_1"})");
  CAF_CHECK_EQUAL(kernel_status_json(k),
                  R"({"success":true,"kernel_alive":true,"kernel_pid":42,)"
                  R"("connection_file":"/run/k.json","client_connected":true})");
  CAF_CHECK_EQUAL(kernel_status_json({}),
                  R"({"success":true,"kernel_alive":false,"kernel_pid":null,)"
                  R"("connection_file":null,"client_connected":false})");
}

CAF_TEST(a sandbox and a turn show what they may use) {
  sandbox_view s;
  s.spec.id = "default";
  s.spec.created_at = 1'000;
  s.spec.ttl_ms = 90'500;
  s.expires_at = 91'500;
  s.kernels = {"main", "b"};
  s.workspace = "/w";
  s.state = sandbox_state::ready;
  CAF_CHECK_EQUAL(to_json(s),
                  R"({"id":"default","mode":"agent","state":"ready","cause":null,)"
                  R"("created_at":"1970-01-01T00:00:01.000Z",)"
                  R"("expires_at":"1970-01-01T00:01:31.500Z","limits":{"memory_bytes":500000000,)"
                  R"("processes":128,"cpus":0,"disk_bytes":1073741824,"tmp_bytes":67108864,)"
                  R"("open_files":1024,"output_bytes":8388608,"steps_per_turn":0,)"
                  R"("kernels_max":8,"timeout_s_max":1800},"labels":{},"kernels":["main","b"],)"
                  R"("workspace":"/w",)"
                  R"("ttl_s":90.5,"idle_s":null})");
  CAF_CHECK_EQUAL(to_json(turn_view{"trn_1", 10, 2}),
                  R"({"turn_id":"trn_1","steps_limit":10,"steps_used":2})");
  CAF_CHECK_EQUAL(to_json(turn_view{"trn_1", 0, 2}),
                  R"({"turn_id":"trn_1","steps_limit":null,"steps_used":2})");
}

CAF_TEST(a command shows its streams apart and how it ended) {
  script s;
  s.print("a\n");
  execution_record r{.id = "cmd_1", .sandbox_id = "default"};
  r.state = execution_state::ended;
  r.status = execution_status::error;
  r.exit_code = 7;
  r.last_event = 2;
  auto shown = json::parse(to_json(r, s.events));
  CAF_CHECK_EQUAL(shown["stdout"], "a\n");
  CAF_CHECK_EQUAL(shown["stderr"], "");
  CAF_CHECK_EQUAL(shown["exit_code"], 7);
  CAF_CHECK(shown["signal"].is_null());
  CAF_CHECK(!shown.contains("kernel_id"));
  CAF_CHECK(!shown.contains("outputs"));
  auto ended = json::parse(ended_data(r));
  CAF_CHECK_EQUAL(ended["exit_code"], 7);
  CAF_CHECK(!ended.contains("state_preserved"));
  r.exit_code = -1;
  r.signal = 11;
  ended = json::parse(ended_data(r));
  CAF_CHECK_EQUAL(ended["signal"], "SIGSEGV");
}
