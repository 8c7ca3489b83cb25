#define CAF_SUITE command_request

#include "protocol/http/command_request.hpp"

#include "protocol/http/request.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;
using namespace protocol::http;

namespace {

const request_rules& rules() {
  static const request_rules all({}, {}, {});
  return all;
}

result<asked_command> read(std::string_view text) {
  auto body = read_body(text, rules().command);
  if (!body) return body.error();
  return read_command(*body, rules(), 60'000);
}

std::int64_t timeout_of(std::string_view text) {
  return read(text).value().request.timeout_ms;
}

/// The folder, or the code of the fault.
std::string folder(std::string_view path) {
  auto found = path_in_workspace(path);
  return found ? *found : to_string(found.error().code);
}

/// The pointers of what is wrong, or the code of another fault.
std::string wrong(std::string_view text) {
  auto asked = read(text);
  if (asked) return "nothing";
  auto f = asked.error();
  if (f.code != error_code::invalid_field) return to_string(f.code);
  std::string pointers;
  auto members = nlohmann::json::parse(f.members);
  for (auto& each : members["errors"]) pointers += each["pointer"].get<std::string>() + " ";
  return pointers;
}

}  // namespace

CAF_TEST(a command is one string or the words of a program) {
  auto line = read(R"({"command":"ls | wc"})").value().request.command.line;
  CAF_CHECK_EQUAL(line, "ls | wc");
  auto argv = read(R"({"argv":["ls","-l",""]})").value().request.command.argv;
  CAF_CHECK_EQUAL(argv, (std::vector<std::string>{"ls", "-l", ""}));
  CAF_CHECK_EQUAL(wrong("{}"), "/command ");
  CAF_CHECK_EQUAL(wrong(R"({"command":""})"), "/command ");
  CAF_CHECK_EQUAL(wrong(R"({"command":"a","argv":["b"]})"), "/command ");
  CAF_CHECK_EQUAL(wrong(R"({"argv":[""]})"), "/argv/0 ");
  CAF_CHECK_EQUAL(wrong(R"({"comand":"a"})"), "/comand ");
}

CAF_TEST(what no process can be given is refused) {
  CAF_CHECK_EQUAL(wrong(R"({"command":"a\u0000b"})"), "/command ");
  CAF_CHECK_EQUAL(wrong(R"({"argv":["a","b\u0000"]})"), "/argv/1 ");
  CAF_CHECK_EQUAL(wrong(R"({"command":"a","cwd":"b\u0000"})"), "/cwd ");
  CAF_CHECK_EQUAL(wrong("{\"command\":\"" + std::string(128 << 10, 'x') + "\"}"), "/command ");
  CAF_CHECK_EQUAL(wrong("{\"command\":\"" + std::string((128 << 10) - 1, 'x') + "\"}"), "nothing");
  std::string many = R"({"argv":["a")";
  for (int i = 0; i < 9; ++i) many += ",\"" + std::string(120 << 10, 'x') + '"';
  CAF_CHECK_EQUAL(wrong(many + "]}"), " ");
}

CAF_TEST(variables have names and those of the daemon are taken) {
  auto env =
      read(R"({"command":"a","env":{"A_1":"x=y","_b":""}})").value().request.command.environment;
  CAF_CHECK_EQUAL(env, (std::vector<std::string>{"A_1=x=y", "_b="}));
  for (auto name : {"", "1a", "a b", "a=b", "é", "TROUPE_INSTANCE", "TROUPE_X"})
    CAF_CHECK_EQUAL(wrong(R"({"command":"a","env":{")" + std::string(name) + R"(":"x"}})"),
                    "/env/" + std::string(name) + " ");
}

CAF_TEST(a folder stays in the workspace) {
  CAF_CHECK_EQUAL(folder(""), "");
  CAF_CHECK_EQUAL(folder("."), "");
  CAF_CHECK_EQUAL(folder("a//b/./c/../d/"), "a/b/d");
  CAF_CHECK_EQUAL(folder("a/.."), "");
  CAF_CHECK_EQUAL(folder("..."), "...");
  for (auto bad : {"/", "/etc", "..", "a/../..", "../a", "a/../../b", "./.."}) {
    CAF_CHECK_EQUAL(folder(bad), "path_escapes");
    CAF_CHECK_EQUAL(wrong(R"({"command":"a","cwd":")" + std::string(bad) + "\"}"), "path_escapes");
    auto refused = path_in_workspace(bad);
    CAF_CHECK_EQUAL(refused.error().members, "{\"path\":\"" + std::string(bad) + "\"}");
  }
}

CAF_TEST(a time limit has the sandbox for its bound and in the background for its default) {
  CAF_CHECK_EQUAL(timeout_of(R"({"command":"a"})"), 30'000);
  CAF_CHECK_EQUAL(timeout_of(R"({"command":"a","timeout_s":0.5})"), 500);
  auto background = read(R"({"command":"a","background":true})");
  CAF_CHECK(background->background);
  CAF_CHECK_EQUAL(background->request.timeout_ms, 60'000);
  CAF_CHECK_EQUAL(wrong(R"({"command":"a","timeout_s":61})"), "/timeout_s ");
  CAF_CHECK_EQUAL(wrong(R"({"command":"a","timeout_s":0})"), "/timeout_s ");
}
