// Accessibility trees as the text that agents read.
#define CAF_SUITE browser_ax_text
#include "actors/browser/ax_text.hpp"

#include "tests/support/unit.hpp"

using namespace actors::browsing;

namespace {

json node(int id, std::string role, std::string name, std::vector<int> children,
          json properties = json::object(), json more = json::object()) {
  auto ids = json::array();
  for (auto each : children) ids.push_back(std::to_string(each));
  auto list = json::array();
  for (auto& [key, value] : properties.items())
    list.push_back(with("name", key, "value", with("value", value)));
  auto out = with("nodeId", std::to_string(id), "role", with("value", role), "name",
                  with("value", name), "childIds", ids, "backendDOMNodeId", id, "properties", list);
  out.update(more);
  return out;
}

std::string text_of(json nodes, std::size_t bytes_max = 10'000) {
  ref_table refs;
  return ax_text({{"F", "L", std::move(nodes), {}}}, refs, bytes_max);
}

}  // namespace

CAF_TEST(elements have a line and a ref and what only groups has none) {
  auto nodes = json::array();
  nodes.push_back(node(1, "RootWebArea", "Title", {2}));
  nodes.push_back(node(2, "none", "", {3, 4}, {}, {{"ignored", true}}));
  nodes.push_back(node(3, "heading", "Hello", {5}, {{"level", 1}}));
  nodes.push_back(node(4, "generic", "", {6}));
  nodes.push_back(node(5, "StaticText", "Hello", {7}));
  nodes.push_back(node(6, "button", "Save \"it\"", {}, {{"disabled", true}, {"focusable", true}}));
  nodes.push_back(node(7, "InlineTextBox", "Hello", {}));
  CAF_CHECK_EQUAL(text_of(nodes),
                  "- heading \"Hello\" [level=1] [ref=e1]\n"
                  "- button \"Save \\\"it\\\"\" [disabled] [ref=e2]\n");
}

CAF_TEST(values and text stand behind the line) {
  auto nodes = json::array();
  nodes.push_back(node(1, "RootWebArea", "", {2, 3, 4, 8}));
  nodes.push_back(node(2, "textbox", "Name", {9}, {}, {{"value", {{"value", "Ann"}}}}));
  nodes.push_back(node(3, "paragraph", "", {5}));
  nodes.push_back(node(4, "link", "More", {6}, {{"url", "http://a.test/"}}));
  nodes.push_back(node(5, "StaticText", "Some \n text", {}));
  nodes.push_back(node(6, "StaticText", "More", {}));
  nodes.push_back(node(8, "checkbox", "On", {}, {{"checked", "true"}}));
  nodes.push_back(node(9, "StaticText", "Ann", {}));
  CAF_CHECK_EQUAL(text_of(nodes),
                  "- textbox \"Name\" [ref=e1]: Ann\n"
                  "- paragraph [ref=e2]: Some text\n"
                  "- link \"More\" [ref=e3]:\n"
                  "  - /url: http://a.test/\n"
                  "- checkbox \"On\" [checked] [ref=e4]\n");
}

CAF_TEST(a frame is shown where its element is and refs last) {
  ref_table refs;
  auto outer = json::array();
  outer.push_back(node(1, "RootWebArea", "", {2}));
  outer.push_back(node(2, "Iframe", "", {}));
  auto inner = json::array();
  inner.push_back(node(1, "RootWebArea", "", {2}));
  inner.push_back(node(2, "button", "In", {}));
  std::vector<ax_frame> frames{{"F", "L", outer, {{2, 1}}}, {"G", "M", inner, {}}};
  auto first = ax_text(frames, refs, 1'000);
  CAF_CHECK_EQUAL(first, "- iframe [ref=e2]:\n  - button \"In\" [ref=e1]\n");
  CAF_CHECK_EQUAL(ax_text(frames, refs, 1'000), first);
  refs.prune([](auto& frame, auto&) { return frame == "F"; });
  CAF_CHECK(refs.find("e2") && !refs.find("e1"));
  CAF_CHECK_EQUAL(ax_text(frames, refs, 1'000), "- iframe [ref=e2]:\n  - button \"In\" [ref=e3]\n");
}

CAF_TEST(what is too long says so) {
  auto nodes = json::array();
  nodes.push_back(node(1, "RootWebArea", "", {2, 3, 4}));
  for (int i = 2; i < 5; ++i) nodes.push_back(node(i, "button", "B", {}));
  CAF_CHECK_EQUAL(text_of(nodes, 30),
                  "- button \"B\" [ref=e1]\n- note: 2 more lines are left out\n");
}

CAF_TEST(a tree that is none is empty and one without an end ends) {
  CAF_CHECK_EQUAL(text_of(json()), "");
  CAF_CHECK_EQUAL(text_of(json::array({1, json::object()})), "");
  auto nodes = json::array();
  nodes.push_back(node(1, "group", "", {1}));
  text_of(nodes);
}
