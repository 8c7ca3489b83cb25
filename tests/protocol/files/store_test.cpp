#define CAF_SUITE files_store
#include "protocol/files/store.hpp"

#include "protocol/json.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::files;
using namespace std::literals;

namespace {

const store_rules rules;

bool taken(std::string_view packet) {
  return parse_store_packet(packet, 64, 100).has_value();
}

std::string line(std::string_view name, std::string_view record) {
  auto out = store_line(rules, name, record);
  return out ? *out : "refused: " + out.error().detail + out.error().members;
}

bool refused(std::string_view name, std::string_view record) {
  return line(name, record).starts_with("refused");
}

}  // namespace

CAF_TEST(a packet is a name and a record) {
  auto packet = parse_store_packet("log\0a\0b"sv, 64, 100);
  CAF_REQUIRE(packet.has_value());
  CAF_CHECK_EQUAL(packet->name, "log");
  CAF_CHECK_EQUAL(packet->record, "a\0b"sv);
  for (auto bad : {""sv, "log"sv, "\0a"sv, "log\0"sv, ".\0a"sv, "..\0a"sv, ".hidden\0a"sv,
                   "a/b\0a"sv, "../x\0a"sv, "ä\0a"sv, "a b\0a"sv, "a\nb\0c"sv})
    CAF_CHECK(!taken(bad));
  CAF_CHECK(taken(std::string(64, 'n') + "\0a"s));
  CAF_CHECK(!taken(std::string(65, 'n') + "\0a"s));
  CAF_CHECK(taken("log\0"s + std::string(100, 'r')));
  CAF_CHECK(!taken("log\0"s + std::string(101, 'r')));
}

CAF_TEST(a text gets an end) {
  CAF_CHECK_EQUAL(line("log", "one"), "one\n");
  CAF_CHECK_EQUAL(line("log", "one\ntwo\n"), "one\ntwo\n");
}

CAF_TEST(a record of a jsonl file is one object on one line) {
  CAF_CHECK_EQUAL(line("log.jsonl", "{ \"a\":\n [1] }\n"), "{\"a\":[1]}\n");
  for (auto bad : {"", "1", "[]", "{", "{}{}", "{\"a\":\"\xff\"}"})
    CAF_CHECK(refused("log.jsonl", bad));
}

CAF_TEST(citations and things to do have their shapes) {
  CAF_CHECK_EQUAL(line("citation.jsonl", R"({"url":"https://a.org","title":"A"})"),
                  "{\"title\":\"A\",\"url\":\"https://a.org\"}\n");
  CAF_CHECK(!refused("citation.jsonl", R"({"path":"upload/a.pdf"})"));
  for (auto bad :
       {"{}", R"({"title":"A"})", R"({"url":""})", R"({"url":1})", R"({"url":"a","more":1})"})
    CAF_CHECK(refused("citation.jsonl", bad));
  CAF_CHECK(!refused("todo.jsonl", R"({"id":"1"})"));
  for (auto bad : {"{}", R"({"text":"a"})", R"({"id":"1","status":"done"})", R"({"id":""})"})
    CAF_CHECK(refused("todo.jsonl", bad));
}

CAF_TEST(a list leaves out what is no record and says so) {
  auto text = "{\"url\":\"a\"}\n\nnonsense\n{\"url\":\"b\"}\r\n{\"url\":\"c"sv;
  CAF_CHECK_EQUAL(citations_json(rules, text, true),
                  R"({"citations":[{"url":"a"},{"url":"b"}],"skipped":2,"complete":true})");
  CAF_CHECK_EQUAL(citations_json(rules, "", false),
                  R"({"citations":[],"skipped":0,"complete":false})");
}

CAF_TEST(a later thing to do changes what it states) {
  auto text =
      "{\"id\":\"1\",\"text\":\"plot\"}\n{\"id\":\"2\",\"text\":\"send\",\"status\":\"completed\"}"
      "\n"
      "{\"id\":\"1\",\"status\":\"in_progress\",\"text\":null}\n"sv;
  CAF_CHECK_EQUAL(todos_json(rules, text, true),
                  R"({"todo":[{"id":"1","status":"in_progress","text":"plot"},)"
                  R"({"id":"2","status":"completed","text":"send"}],"skipped":0,"complete":true})");
}

CAF_TEST(a list is as long as an answer may be) {
  std::string text;
  for (int i = 0; i < 50; ++i)
    text +=
        "{\"id\":\"" + std::to_string(i) + "\",\"text\":\"" + std::string(100'000, 'x') + "\"}\n";
  auto out = protocol::parse_json(todos_json(rules, text, true));
  CAF_REQUIRE(out.has_value());
  CAF_CHECK(out->at("todo").size() < 50);
  CAF_CHECK_EQUAL(out->at("complete").get<bool>(), false);
}
