#define CAF_SUITE jupyter_content
#include "protocol/jupyter/content.hpp"

#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;
using namespace protocol::jupyter;

CAF_TEST(a request is sent so that an error never aborts the next one) {
  execution_request r;
  r.code = "print(\"中文\")\n";
  r.stop_on_error = true;
  r.user_expressions = R"({"a":"b"})";
  r.allow_stdin = true;
  CAF_CHECK_EQUAL(execute_content(r),
                  R"({"code":"print(\"中文\")\n","silent":false,"store_history":true,)"
                  R"("user_expressions":{"a":"b"},"allow_stdin":true,"stop_on_error":false})");
  CAF_CHECK_EQUAL(shutdown_content(true), R"({"restart":true})");
  CAF_CHECK_EQUAL(kernel_info_content(), "{}");
  CAF_CHECK_EQUAL(input_reply_content("a\"\n"), R"({"value":"a\"\n"})");
}

CAF_TEST(a good reply is read) {
  const auto reply = read_execute_reply(
      R"({"status": "ok", "execution_count": 4, "user_expressions": {"a": {"x": 1}}, )"
      R"("payload": []})");
  CAF_REQUIRE(reply.has_value());
  CAF_CHECK_EQUAL(reply->status, "ok");
  CAF_CHECK_EQUAL(reply->execution_count, 4);
  CAF_CHECK_EQUAL(reply->user_expressions, R"({"a": {"x": 1}})");
}

CAF_TEST(a reply of an error tells it) {
  const auto reply = read_execute_reply(
      "{\"status\":\"error\",\"ename\":\"E\",\"evalue\":\"v\xff\",\"traceback\":[\"a\",1,\"b\"]}");
  CAF_REQUIRE(reply.has_value());
  CAF_CHECK_EQUAL(reply->status, "error");
  CAF_CHECK_EQUAL(reply->ename, "E");
  CAF_CHECK_EQUAL(reply->evalue, "v\ufffd");
  CAF_REQUIRE_EQUAL(reply->traceback.size(), 2u);
  CAF_CHECK_EQUAL(reply->traceback[1], "b");
  CAF_CHECK_EQUAL(reply->user_expressions, "{}");
}

CAF_TEST(an aborted reply has only its status) {
  const auto reply = read_execute_reply(R"({"status":"aborted"})");
  CAF_REQUIRE(reply.has_value());
  CAF_CHECK_EQUAL(reply->status, "aborted");
  CAF_CHECK_EQUAL(reply->execution_count, 0);
}

CAF_TEST(a reply without a status is refused) {
  for (auto text : {"", "[]", "{}", R"({"status":1})", R"({"status":"ok")"})
    CAF_CHECK(read_execute_reply(text).has_error());
}

CAF_TEST(states counts and streams are read) {
  CAF_CHECK_EQUAL(read_status(R"({"execution_state": "busy"})"), "busy");
  CAF_CHECK_EQUAL(read_status(R"({"state":"busy"})"), "");
  CAF_CHECK_EQUAL(read_status("busy"), "");
  CAF_CHECK_EQUAL(read_execution_count(R"({"code":"1","execution_count":12})"), 12);
  CAF_CHECK_EQUAL(read_execution_count("{}"), 0);
  const auto stream = read_stream("{\"name\":\"stderr\",\"text\":\"a\xff\\u00e9\"}");
  CAF_REQUIRE(stream.has_value());
  CAF_CHECK_EQUAL(stream->name, "stderr");
  CAF_CHECK_EQUAL(stream->text, "a\ufffdé");
  CAF_CHECK(read_stream(R"({"name":"stdout"})").has_error());
}
