#define CAF_SUITE browser_keyboard
#include "actors/browser/keyboard.hpp"

#include "tests/support/unit.hpp"

using namespace actors::browsing;

CAF_TEST(keys are found by name or by what they type) {
  auto enter = find_key("enter");
  CAF_REQUIRE(enter);
  CAF_CHECK_EQUAL(enter->code, "Enter");
  CAF_CHECK_EQUAL(enter->text, "\r");  // else forms are not submitted
  CAF_CHECK(find_key("\n")->code == "Enter");
  CAF_CHECK(find_key("Space")->text == " ");
  CAF_CHECK(find_key("a")->virtual_key == 65);
  CAF_CHECK(find_key("A")->text == "A");
  CAF_CHECK(find_key("?")->code == "Slash");
  CAF_CHECK(find_key("/", true)->text == "?");
  CAF_CHECK(!find_key("é"));
  CAF_CHECK(!find_key(""));
  CAF_CHECK(!find_key("Nope"));
}

CAF_TEST(a chord is its modifiers and one key) {
  auto chord = parse_chord("Control+Shift+a");
  CAF_REQUIRE(chord);
  CAF_CHECK_EQUAL(chord->modifiers, control | shift);
  CAF_CHECK_EQUAL(chord->key.text, "A");
  CAF_CHECK(parse_chord("Alt+ArrowLeft")->modifiers == static_cast<int>(alt));
  CAF_CHECK(parse_chord("Control++")->key.code == "Equal");
  CAF_CHECK(parse_chord("+")->key.code == "Equal");
  CAF_CHECK(!parse_chord("Nope+a"));
  CAF_CHECK(!parse_chord("Control+"));
}
