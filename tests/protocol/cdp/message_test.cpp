#define CAF_SUITE cdp_message
#include "protocol/cdp/message.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::cdp;
using namespace std::literals;

namespace {

std::string answer_to(std::string_view text) {
  auto parsed = parse_command(text);
  auto* wrong = std::get_if<no_command>(&parsed);
  return wrong ? wrong->answer : "a command";
}

}  // namespace

CAF_TEST(a command is taken apart as it stands) {
  auto parsed = parse_command(
      R"( {"sessionId":"S\u0031","params":{"a":[1,{"b":"}"}]},"id":-7,"method":"A.b"} )");
  auto& c = std::get<command>(parsed);
  CAF_CHECK_EQUAL(c.id, -7);
  CAF_CHECK_EQUAL(c.method, "\"A.b\"");
  CAF_CHECK_EQUAL(c.params, R"({"a":[1,{"b":"}"}]})");
  CAF_CHECK_EQUAL(c.session_id, "S1");
  auto bare = parse_command(R"({"id":1,"method":"A.b","params":null,"sessionId":null})");
  CAF_CHECK(std::get<command>(bare).params.empty());
  CAF_CHECK(std::get<command>(bare).session_id.empty());
}

CAF_TEST(what is no command is answered as Chromium does) {
  auto object = R"({"error":{"code":-32600,"message":"Message must be an object"}})";
  for (auto* text : {"[]", "null", "5"}) CAF_CHECK_EQUAL(answer_to(text), object);
  auto id = R"({"error":{"code":-32600,"message":"Message must have integer 'id' property"}})";
  for (auto* text : {"{}", R"({"id":"a"})", R"({"id":1.5})", R"({"id":null})", R"({"id":1e3})",
                     R"({"id":2147483648,"method":"A.b"})"})
    CAF_CHECK_EQUAL(answer_to(text), id);
  auto with_id = [](std::string_view what) {
    return R"({"id":3,"error":{"code":-32600,"message":")" + std::string(what) + "\"}}";
  };
  CAF_CHECK_EQUAL(answer_to(R"({"id":3})"), with_id("Message must have string 'method' property"));
  CAF_CHECK_EQUAL(answer_to(R"({"id":3,"method":5})"),
                  with_id("Message must have string 'method' property"));
  CAF_CHECK_EQUAL(answer_to(R"({"id":3,"method":"A.b","params":5})"),
                  with_id("Message may have object 'params' property"));
  CAF_CHECK_EQUAL(answer_to(R"({"id":3,"method":"A.b","sessionId":5})"),
                  with_id("Message may have string 'sessionId' property"));
  CAF_CHECK_EQUAL(answer_to(R"({"id":3,"method":"A.b","more":1})"),
                  with_id("Message has property other than 'id', 'method', 'sessionId', 'params'"));
  for (auto* text : {"", "{nonsense", R"({"id":1,)", "\x01", "{\"id\":1,\"method\":\"\xff\"}"})
    CAF_CHECK(answer_to(text).starts_with(R"({"error":{"code":-32700,"message":"JSON: )"));
  std::string deep = R"({"id":1,"method":"A.b","params":)";
  for (int i = 0; i < 2'000; ++i) deep += "{\"a\":";
  CAF_CHECK(answer_to(deep).find("-32700") != std::string::npos);
}

/// Chromium must not see another session than the one that was judged.
CAF_TEST(a member that comes twice counts once) {
  auto parsed = parse_command(R"({"id":1,"method":"A.b","sessionId":"X","session\u0049d":"Y"})");
  auto& c = std::get<command>(parsed);
  CAF_CHECK_EQUAL(c.session_id, "Y");
  CAF_CHECK_EQUAL(command_text(9, c.method, c.params, c.session_id),
                  R"({"id":9,"method":"A.b","sessionId":"Y"})");
}

CAF_TEST(replies and events are written with another id and session) {
  auto ok = read_message(R"({"id":4,"result":{"x":[1]},"sessionId":"S"})");
  CAF_CHECK_EQUAL(reply_text(-2, ok, "T"), R"({"id":-2,"result":{"x":[1]},"sessionId":"T"})");
  auto failed = read_message(R"({"id":4,"error":{"code":-32001,"message":"m"}})");
  CAF_CHECK_EQUAL(reply_text(1, failed, {}), R"({"id":1,"error":{"code":-32001,"message":"m"}})");
  auto event = read_message(R"({"method":"A.b","params":{"sessionId":"inner"},"sessionId":"S"})");
  CAF_CHECK(event.id.empty());
  CAF_CHECK_EQUAL(event.session_id, "S");
  CAF_CHECK_EQUAL(event_text(event, {}), R"({"method":"A.b","params":{"sessionId":"inner"}})");
}
