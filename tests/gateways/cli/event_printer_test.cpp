#define CAF_SUITE cli_event_printer

#include "gateways/cli/event_printer.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateways/cli/daemon.hpp"
#include "gateways/cli/duration.hpp"
#include "gateways/cli/http_client.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/unit.hpp"

using namespace gateways::cli;

namespace {

struct shown {
  std::ostringstream out, err;
  event_printer printer;
  int next = 1;

  explicit shown(printer_options options = {}) : printer(std::move(options), out, err) {}
  shown& event(const std::string& type, const std::string& data) {
    printer.show(R"({"n":)" + std::to_string(next++) + R"(,"type":")" + type +
                 R"(","execution_id":"exe_1","data":)" + data + "}");
    return *this;
  }
};

}  // namespace

CAF_TEST(streams go to where they belong and results get a line) {
  shown s;
  s.event("stream", R"({"name":"stdout","text":"a\n"})");
  s.event("stream", R"({"name":"stderr","text":"b\n"})");
  s.event("execute_result", R"({"data":{"text/plain":"\u001b[1m4\u001b[0m"}})");
  CAF_CHECK_EQUAL(s.out.str(), "a\n4\n");
  CAF_CHECK_EQUAL(s.err.str(), "b\n");
}

CAF_TEST(an event that comes again after a reconnect is shown once) {
  shown s;
  s.event("stream", R"({"name":"stdout","text":"a"})");
  s.next = 1;
  s.event("stream", R"({"name":"stdout","text":"a"})");
  CAF_CHECK_EQUAL(s.out.str(), "a");
  CAF_CHECK_EQUAL(s.printer.last(), 1u);
}

CAF_TEST(a picture becomes a file whose name is told and cannot leave the folder) {
  tests::temp_dir dir;
  shown s({.out_dir = dir.path() + "/new"});
  s.printer.show(R"({"n":1,"type":"display_data","execution_id":"../../x",)"
                 R"("data":{"data":{"image/png":"iVBORw0K\n","text/plain":"<Figure>"}}})");
  const auto name = s.out.str().substr(0, s.out.str().size() - 1);
  CAF_CHECK_EQUAL(std::filesystem::path(name).parent_path().string(), dir.path() + "/new");
  std::ifstream file(name, std::ios::binary);
  CAF_CHECK_EQUAL(std::string(std::istreambuf_iterator<char>(file), {}), "\x89PNG\r\n");
}

CAF_TEST(the end gives the exit code and says what a limit or a signal did) {
  shown s;
  s.event("ended", R"({"status":"kernel_died","state_preserved":false,)"
                   R"("cause":{"kind":"signal","signal":"SIGKILL","detail":"was killed"}})");
  CAF_CHECK(s.printer.ended());
  CAF_CHECK_EQUAL(s.printer.exit_code(), exit_died);
  CAF_CHECK_NOT_EQUAL(s.err.str().find("SIGKILL"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(s.err.str().find("state is lost"), std::string::npos);
  CAF_CHECK_EQUAL(exit_code_of("ok"), exit_ok);
  CAF_CHECK_EQUAL(exit_code_of("error"), exit_raised);
  CAF_CHECK_EQUAL(exit_code_of("timeout"), exit_time_limit);
  CAF_CHECK_EQUAL(exit_code_of("cancelled"), exit_interrupted);
  CAF_CHECK_EQUAL(exit_code_of("memory_limit"), exit_died);
}

CAF_TEST(a command has its own exit code unless something else ended it) {
  const auto code = [](const char* data) {
    shown s;
    s.event("ended", data);
    return s.printer.exit_code();
  };
  CAF_CHECK_EQUAL(code(R"({"status":"ok","exit_code":0,"signal":null})"), 0);
  CAF_CHECK_EQUAL(code(R"({"status":"error","exit_code":7,"signal":null})"), 7);
  CAF_CHECK_EQUAL(code(R"({"status":"error","exit_code":null,"signal":"SIGTERM"})"), 143);
  CAF_CHECK_EQUAL(code(R"({"status":"timeout","exit_code":0,"signal":null})"), exit_time_limit);
  CAF_CHECK_EQUAL(code(R"({"status":"memory_limit","exit_code":137})"), exit_died);
}

CAF_TEST(lines that are no events change nothing) {
  shown s;
  for (auto line : {"", "{", "[]", "7", R"({"n":"1"})", R"({"n":-1,"type":"ended"})"})
    s.printer.show(line);
  CAF_CHECK(!s.printer.ended());
  CAF_CHECK_EQUAL(s.out.str() + s.err.str(), "");
}

CAF_TEST(addresses are read or refused) {
  const auto plain = parse_url("http://127.0.0.1:8888");
  CAF_REQUIRE(plain.has_value());
  CAF_CHECK_EQUAL(plain->host + "|" + plain->port + "|" + plain->prefix, "127.0.0.1|8888|");
  const auto six = parse_url("HTTP://[::1]:90/a/b/");
  CAF_REQUIRE(six.has_value());
  CAF_CHECK_EQUAL(six->host + "|" + six->port + "|" + six->prefix, "::1|90|/a/b");
  for (auto wrong : {"", "https://x", "http://", "http://:1", "http://a:b", "http://a:123456",
                     "http://a b", "http://a@b", "http://[::1"})
    CAF_CHECK(!parse_url(wrong).has_value());
  CAF_CHECK_EQUAL(path_segment("a/b ü"), "a%2Fb%20%C3%BC");
}

CAF_TEST(durations are read or refused) {
  CAF_CHECK(parse_duration_s("30") == 30);
  CAF_CHECK(parse_duration_s("500ms") == 0.5);
  CAF_CHECK(parse_duration_s("1.5m") == 90);
  CAF_CHECK(parse_duration_s("2h") == 7'200);
  for (auto wrong : {"", "s", "-1s", "3x", "nan", "1 s"})
    CAF_CHECK(!parse_duration_s(wrong).has_value());
}
