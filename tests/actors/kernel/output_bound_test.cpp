#define CAF_SUITE output_bound

#include "actors/kernel/output_bound.hpp"

#include <random>

#include "protocol/json.hpp"
#include "protocol/jupyter/content.hpp"
#include "tests/support/unit.hpp"

using namespace actors;
using protocol::buffer;

namespace {

output_item stream(const std::string& text) {
  return {"stream",
          buffer("{\"name\": \"stdout\", \"text\": " + protocol::json_string(text) + "}")};
}

std::string text_of(const std::vector<output_item>& items) {
  std::string text;
  for (auto& item : items) text += protocol::jupyter::read_stream(item.content.view())->text;
  return text;
}

}  // namespace

CAF_TEST(output within the bound passes as it is) {
  output_bound b(8'000);
  auto passed = b.add(stream("hello\n"));
  CAF_REQUIRE_EQUAL(passed.items.size(), 1u);
  CAF_CHECK(passed.items[0].content == stream("hello\n").content);
  CAF_CHECK(!b.finish().cut);
}

CAF_TEST(what is told and spilled and held back is all that was printed in order) {
  std::random_device device;
  auto seed = device();
  CAF_MESSAGE("seed=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    auto bound = 2'000 + random() % 100'000;
    output_bound b(bound);
    std::string printed, told, spilled;
    std::uint64_t told_cost = 0;
    for (int i = 0; i < 60; ++i) {
      std::string text;
      auto length = random() % 3 == 0 ? random() % 200'000 : random() % 100;
      while (text.size() < length) text += random() % 4 == 0 ? "\xe4\xb8\xad" : "x\n";
      printed += text;
      if (text.empty()) continue;
      auto passed = b.add(stream(text));
      told += text_of(passed.items);
      told_cost += text_of(passed.items).size();
      for (auto& s : passed.spill) spilled += s.view();
    }
    auto rest = b.finish();
    CAF_CHECK_EQUAL(rest.bytes_total, printed.size());
    CAF_CHECK_EQUAL(rest.cut, !spilled.empty());
    CAF_CHECK_EQUAL(rest.bytes_kept, printed.size() - spilled.size());
    CAF_CHECK(told_cost + text_of(rest.items).size() <= bound);
    CAF_CHECK(told + spilled + text_of(rest.items) == printed);
  }
}

CAF_TEST(the end is kept also when all comes at once) {
  output_bound b(100'000);
  auto passed = b.add_text("stdout", std::string(500'000, 'x') + "the end");
  CAF_CHECK(!passed.spill.empty());
  CAF_CHECK(text_of(b.finish().items).ends_with("the end"));
}

CAF_TEST(content that is not JSON is left out and counted) {
  output_bound b(8'000);
  CAF_CHECK(b.add({"stream", buffer("{\"name\":")}).items.empty());
  CAF_CHECK(b.add({"display_data", buffer("[1]")}).items.empty());
  CAF_CHECK_EQUAL(b.malformed(), 2u);
}

CAF_TEST(a picture larger than the bound goes to the file) {
  output_bound b(8'000);
  auto content = buffer("{\"data\":{\"image/png\":\"" + std::string(20'000, 'A') + "\"}}");
  auto passed = b.add({"display_data", content});
  CAF_CHECK(passed.items.empty());
  CAF_REQUIRE_EQUAL(passed.spill.size(), 1u);
  CAF_CHECK_EQUAL(passed.spill[0].size(), content.size() + 1);
}
