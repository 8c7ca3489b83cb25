#include "actors/browser/ax_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "protocol/json.hpp"

namespace actors::browsing {
namespace {

constexpr int depth_max = 300;

struct item {
  std::string role;  ///< empty: text
  std::string text;  ///< of text: itself; else the line without its content
  std::string name, value;
  std::vector<item> inside;
};

std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool is_one_of(std::string_view x, std::initializer_list<std::string_view> list) {
  return std::ranges::count(list, x) > 0;
}

std::string shown_role(const std::string& role) {
  if (role == "image") return "img";
  if (role == "Iframe" || role == "IframePresentational") return "iframe";
  if (role == "LabelText" || role == "Section") return "generic";
  return role;
}

/// What only groups others.
bool is_group(std::string_view role) {
  return is_one_of(role, {"none", "generic", "presentation", "RootWebArea", "MenuListPopup",
                          "LayoutTable", "LayoutTableRow", "LayoutTableCell", "rowgroup"});
}

bool is_left_out(std::string_view role) {
  return is_one_of(role, {"InlineTextBox", "LineBreak", "ListMarker"});
}

class writer {
 public:
  writer(const std::vector<ax_frame>& frames, ref_table& refs, std::size_t bytes_max)
      : frames_(frames), refs_(refs), bytes_max_(bytes_max) {}

  std::string run() {
    if (!frames_.empty()) {
      auto items = frame_items(0, 0);
      for (auto& each : items) write(each, 0);
    }
    if (left_out_ > 0)
      out_ += "- note: " + std::to_string(left_out_) + " more lines are left out\n";
    return std::move(out_);
  }

 private:
  using index = std::unordered_map<std::string, const json*>;

  std::vector<item> frame_items(std::size_t n, int depth) {
    auto& f = frames_[n];
    index nodes;
    const json* root = nullptr;
    for (auto& each : f.nodes) {
      if (!each.is_object()) continue;
      if (!root) root = &each;
      nodes.emplace(text_at(each, "nodeId"), &each);
    }
    std::vector<item> out;
    if (root) add(f, nodes, *root, out, depth);
    return out;
  }

  void add_children(const ax_frame& f, const index& nodes, const json& node, std::vector<item>& out,
                    int depth) {
    for (auto& id : list_at(node, "childIds")) {
      if (!id.is_string()) continue;
      auto found = nodes.find(id.get<std::string>());
      if (found != nodes.end()) add(f, nodes, *found->second, out, depth + 1);
    }
  }

  void add(const ax_frame& f, const index& nodes, const json& node, std::vector<item>& out,
           int depth) {
    if (depth > depth_max) return;
    auto role = shown_role(text_at(node, "role", "value"));
    if (is_left_out(role)) return;
    auto name = plain(text_at(node, "name", "value"));
    if (role == "StaticText") {
      add_text(name, out);
      return;
    }
    std::vector<item> inside;
    add_children(f, nodes, node, inside, depth);
    auto node_id = integer_at(node, "backendDOMNodeId");
    if (auto found = f.below.find(node_id);
        found != f.below.end() && found->second < frames_.size())
      inside = frame_items(found->second, depth + 1);
    auto texts = std::ranges::any_of(inside, [](auto& x) { return x.role.empty(); });
    auto hidden = flag_at(node, "ignored") || role.empty() || role == "RootWebArea";
    if (hidden || (is_group(role) && (role != "generic" || !texts) && !focusable(node))) {
      for (auto& each : inside) {
        if (each.role.empty())
          add_text(each.text, out);
        else
          out.push_back(std::move(each));
      }
      return;
    }
    out.push_back(made(f, node, role, std::move(name), std::move(inside)));
  }

  static void add_text(const std::string& text, std::vector<item>& out) {
    if (text.empty()) return;
    if (!out.empty() && out.back().role.empty()) {
      out.back().text += " " + text;
    } else {
      out.push_back({.text = text});
    }
  }

  static bool focusable(const json& node) { return flag(node, "focusable"); }

  static const json& property(const json& node, std::string_view name) {
    for (auto& each : list_at(node, "properties"))
      if (text_at(each, "name") == name) return at(each, "value", "value");
    return nothing;
  }

  static bool flag(const json& node, std::string_view name) { return property(node, name) == true; }

  item made(const ax_frame& f, const json& node, const std::string& role, std::string name,
            std::vector<item> inside) {
    item out{
        .role = role, .text = "- " + role, .name = std::move(name), .inside = std::move(inside)};
    if (!out.name.empty()) out.text += " " + protocol::json_string(out.name);
    auto mark = [&](std::string_view what) { out.text.append(" [").append(what).append("]"); };
    auto state = [&](const char* property_name, std::string_view shown) {
      auto& value = property(node, property_name);
      if (value == true || value == "true") mark(shown);
      if (value == "mixed") mark(std::string(shown) + "=mixed");
    };
    state("checked", "checked");
    state("disabled", "disabled");
    state("expanded", "expanded");
    if (auto& level = property(node, "level"); level.is_number() && role == "heading")
      mark("level=" + std::to_string(level.get<int>()));
    state("pressed", "pressed");
    state("selected", "selected");
    state("required", "required");
    if (auto& wrong = property(node, "invalid"); wrong.is_string() && wrong != "false")
      mark("invalid");
    state("focused", "active");
    auto id = integer_at(node, "backendDOMNodeId");
    if (id != 0) mark("ref=" + refs_.name({f.frame_id, f.loader_id, id}));
    auto& value = at(node, "value", "value");
    if (value.is_string()) out.value = plain(value.get<std::string>());
    if (value.is_number()) out.value = value.dump();
    // What it holds is its value, not content of its own.
    if (is_one_of(role, {"textbox", "searchbox"})) out.inside.clear();
    if (auto& url = property(node, "url"); url.is_string() && role == "link")
      out.inside.insert(out.inside.begin(),
                        item{.role = "/url", .text = "- /url: " + url.get<std::string>()});
    return out;
  }

  void write(const item& x, int depth) {
    if (x.role.empty()) return line(depth, "- text: " + x.text);
    auto text = x.text;
    auto& in = x.inside;
    auto value = x.value;
    std::size_t from = 0;
    bool only_text = !in.empty() && in.back().role.empty() && in.size() == 1;
    if (only_text && value.empty() && in[0].text != x.name) value = in[0].text;
    if (only_text) from = 1;
    if (!value.empty()) text += ": " + value;
    // What the name has said already.
    auto says_name = [&](const item& each) { return each.role.empty() && each.text == x.name; };
    auto rest = std::ranges::count_if(in.begin() + static_cast<std::ptrdiff_t>(from), in.end(),
                                      [&](auto& each) { return !says_name(each); });
    if (rest > 0 && value.empty()) text += ":";
    line(depth, text);
    for (auto i = from; i < in.size(); ++i)
      if (!says_name(in[i])) write(in[i], depth + 1);
  }

  void line(int depth, const std::string& text) {
    auto size = text.size() + static_cast<std::size_t>(depth) * 2 + 1;
    if (left_out_ > 0 || out_.size() + size > bytes_max_) {
      ++left_out_;
      return;
    }
    out_.append(static_cast<std::size_t>(depth) * 2, ' ').append(text).append("\n");
  }

  const std::vector<ax_frame>& frames_;
  ref_table& refs_;
  const std::size_t bytes_max_;
  std::size_t left_out_ = 0;
  std::string out_;
};

}  // namespace

std::string ax_text(const std::vector<ax_frame>& frames, ref_table& refs, std::size_t bytes_max) {
  return writer(frames, refs, bytes_max).run();
}

}  // namespace actors::browsing
