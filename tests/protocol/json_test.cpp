// Invariants, on random and mutated text: what the scanner accepts, nlohmann::json accepts, and the
// other way round; members are found as a parse finds them; quoting and reading back is the
// identity.
#define CAF_SUITE protocol_json
#include "protocol/json.hpp"

#include <array>

#include "protocol/json_scanner.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;

namespace {

using engine = std::mt19937_64;

std::string random_text(engine& random) {
  static constexpr std::array<std::string_view, 12> pieces{
      "a", "plain text", "\"", "\\", "\n", "\x01", "é", "中文", "😀", "\x7f", "\x1b[31m", "/"};
  std::string out;
  for (auto n = random() % 6; n > 0; --n) out += pieces[random() % pieces.size()];
  return out;
}

nlohmann::json random_json(engine& random, int depth) {
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0: return nullptr;
    case 1: return random() % 2 == 0;
    case 2: return static_cast<std::int64_t>(random());
    case 3:
      return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 130);
    case 4:
    case 5: return random_text(random);
    case 6: {
      auto array = nlohmann::json::array();
      for (auto n = random() % 4; n > 0; --n) array.push_back(random_json(random, depth - 1));
      return array;
    }
    default: {
      auto object = nlohmann::json::object();
      for (auto n = random() % 4; n > 0; --n)
        object[random_text(random)] = random_json(random, depth - 1);
      return object;
    }
  }
}

std::string mutated(std::string text, engine& random) {
  static constexpr std::string_view bytes = "{}[]\",:\\u0dD8c-+.eE 1tn\n\xff\xc3\x80";
  for (auto n = random() % 3; n > 0 && !text.empty(); --n) {
    const auto at = random() % text.size();
    switch (random() % 3) {
      case 0: text[at] = bytes[random() % bytes.size()]; break;
      case 1: text.erase(at, 1); break;
      default: text.insert(at, 1, bytes[random() % bytes.size()]);
    }
  }
  return text;
}

std::string nested(int depth) {
  std::string text;
  for (int i = 0; i < depth - 1; ++i) text += R"({"a":)";
  text += "{}";
  text.append(static_cast<std::size_t>(depth - 1), '}');
  return text;
}

std::string one_line(const buffer& content) {
  return std::string(one_line_json(content).view());
}

}  // namespace

CAF_TEST(the scanner and a full parser accept the same texts) {
  engine random(tests::seed());
  for (int i = 0; i < 20'000; ++i) {
    const auto text = mutated(random_json(random, 5).dump(random() % 2 == 0 ? -1 : 1), random);
    const auto scanned = scan_json(text, 64);
    const auto accepted = nlohmann::json::accept(text);
    // A number beyond double is grammar to the one and an error to the other.
    if (accepted == (scanned.why == nullptr) || text.find_first_of("eE") != std::string::npos)
      continue;
    CAF_FAIL("disagreement on " << json_string(text) << ": "
                                << (accepted ? "accepted" : "refused"));
  }
}

CAF_TEST(parsing says where the text goes wrong) {
  const auto detail = [](std::string_view text) { return parse_json(text).error().detail; };
  CAF_CHECK_EQUAL(detail(R"({"a" 1})"), "a colon is missing at byte 6");
  CAF_CHECK_EQUAL(detail(R"({"a":1,})"), "a name in quotes is missing at byte 8");
  CAF_CHECK_EQUAL(detail("[1 2]"), "a comma or a closing bracket is missing at byte 4");
  CAF_CHECK_EQUAL(detail("{\"a\":\"\xff\"}"), "a byte that is not UTF-8 at byte 7");
  CAF_CHECK_EQUAL(detail(R"(["\x"])"), "a wrong escape at byte 3");
  CAF_CHECK_EQUAL(detail(""), "unexpected end at byte 1");
  CAF_CHECK_EQUAL(detail("{} {}"), "text after the value at byte 4");
  CAF_CHECK_EQUAL(detail("[1e999]"), "a number is out of range");
  CAF_CHECK(parse_json("{}x").error().code == error_code::malformed_json);
  CAF_CHECK_EQUAL(parse_json(R"({"a":[1,2]})")->dump(), R"({"a":[1,2]})");
}

CAF_TEST(depth is bounded) {
  CAF_CHECK(parse_json(nested(64)).has_value());
  CAF_CHECK(parse_json(nested(65)).has_error());
  CAF_CHECK(parse_json(nested(3), 2).has_error());
  CAF_CHECK(one_line_json(buffer(nested(65))).empty());
  CAF_CHECK(parse_json(std::string(1'000'000, '[')).has_error());
}

CAF_TEST(a valid object on one line is passed on as it is) {
  const buffer content(std::string(R"({"name": "stdout", "text": "中文 \ud83d\ude00\n"})"));
  const auto line = one_line_json(content);
  CAF_CHECK(line.view().data() == content.view().data());
}

CAF_TEST(line breaks between tokens are taken out) {
  const buffer content(std::string("\r\n{\n  \"a\": [1,\n 2],\r\n \"b\": \"x\\ny\"\n}\n"));
  CAF_CHECK_EQUAL(one_line(content), R"({  "a": [1, 2], "b": "x\ny"})");
}

CAF_TEST(content that is no object gives nothing) {
  for (auto text : {"", "  ", "[1]", "\"a\"", "1", "{", "{\"a\":1}}", "{\"a\":\"\n\"}", "nul"})
    CAF_CHECK_EQUAL(one_line(buffer(std::string(text))), "");
}

CAF_TEST(bytes that are not UTF8 cost only themselves) {
  const buffer bytes(std::string("{\"text\":\"a\xff\xfe b\xe4\xb8\"}"));
  CAF_CHECK_EQUAL(one_line(bytes), "{\"text\":\"a\ufffd\ufffd b\ufffd\ufffd\"}");
  const buffer halves(std::string(R"({"text":"\ud83d \\ud83d \ude00 \ud83d\ude00"})"));
  CAF_CHECK_EQUAL(one_line(halves), "{\"text\":\"\ufffd \\\\ud83d \ufffd \\ud83d\\ude00\"}");
}

CAF_TEST(quoting and reading back is the identity) {
  engine random(tests::seed());
  for (int i = 0; i < 2'000; ++i) {
    const auto text = random_text(random);
    CAF_REQUIRE_EQUAL(json_text(json_string(text)), text);
    CAF_REQUIRE_EQUAL(nlohmann::json::parse(json_string(text)).get<std::string>(), text);
  }
  CAF_CHECK_EQUAL(json_string("a\xffz\x01\"\\\n"), "\"a\ufffdz\\u0001\\\"\\\\\\n\"");
  CAF_CHECK_EQUAL(json_text(R"("\u00e9\u4e2d\ud83d\ude00\/\b\f\r\t")"), "é中😀/\b\f\r\t");
  CAF_CHECK_EQUAL(json_text(R"("\ud83d")"), "\ufffd");
  CAF_CHECK_EQUAL(json_text("null"), "");
}

CAF_TEST(members are found as a parser finds them) {
  engine random(tests::seed());
  for (int i = 0; i < 5'000; ++i) {
    auto object = nlohmann::json::object();
    for (auto n = random() % 5; n > 0; --n) object[random_text(random)] = random_json(random, 3);
    const auto text = object.dump(random() % 2 == 0 ? -1 : 2);
    for (const auto& [name, value] : object.items()) {
      const auto found = json_member(text, name);
      CAF_REQUIRE_EQUAL(nlohmann::json::parse(found), value);
    }
    CAF_REQUIRE_EQUAL(json_member(text, "no such name"), "");
  }
}

CAF_TEST(members of broken text never leave it) {
  engine random(tests::seed());
  for (int i = 0; i < 20'000; ++i) {
    // An exact allocation, so that a sanitizer sees a read beyond the end.
    const auto text = mutated(random_json(random, 4).dump(), random);
    const std::vector<char> exact(text.begin(), text.end());
    const auto found = json_member({exact.data(), exact.size()}, "a");
    CAF_REQUIRE(found.size() <= text.size());
    CAF_REQUIRE(json_text(found).size() <= text.size());
  }
}

CAF_TEST(a name is compared as it reads not as it is written) {
  const std::string_view text = R"({"\n":1,"\\n":2})";
  CAF_CHECK_EQUAL(json_member(text, "\n"), "1");
  CAF_CHECK_EQUAL(json_member(text, "\\n"), "2");
}

CAF_TEST(of a name that comes twice the last counts) {
  CAF_CHECK_EQUAL(json_member(R"({"a":1,"b":{"a":3},"a":2})", "a"), "2");
  CAF_CHECK_EQUAL(json_member("{\"\\u0061\":1}", "a"), "1");
}

CAF_TEST(numbers are written so that they read back the same) {
  std::string out;
  append_json(out, 0.1);
  out += ' ';
  append_json(out, std::numeric_limits<std::uint64_t>::max());
  out += ' ';
  append_json(out, std::numeric_limits<std::int64_t>::min());
  out += ' ';
  append_json(out, std::numeric_limits<double>::infinity());
  CAF_CHECK_EQUAL(out, "0.1 18446744073709551615 -9223372036854775808 null");
  CAF_CHECK_EQUAL(json_integer("42", -1), 42);
  CAF_CHECK_EQUAL(json_integer("4.2", -1), -1);
  CAF_CHECK_EQUAL(json_integer("", -1), -1);
}
