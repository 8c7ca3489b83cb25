#include "actors/browser/keyboard.hpp"

#include <array>
#include <cctype>

namespace actors::browsing {
namespace {

struct row {
  std::string_view key, code;
  int virtual_key;
  std::string_view text = {};
  int location = 0;
};

constexpr std::array named{
    row{"Enter", "Enter", 13, "\r"},
    row{"Tab", "Tab", 9},
    row{"Backspace", "Backspace", 8},
    row{"Delete", "Delete", 46},
    row{"Escape", "Escape", 27},
    row{" ", "Space", 32, " "},
    row{"ArrowLeft", "ArrowLeft", 37},
    row{"ArrowUp", "ArrowUp", 38},
    row{"ArrowRight", "ArrowRight", 39},
    row{"ArrowDown", "ArrowDown", 40},
    row{"PageUp", "PageUp", 33},
    row{"PageDown", "PageDown", 34},
    row{"End", "End", 35},
    row{"Home", "Home", 36},
    row{"Insert", "Insert", 45},
    row{"Shift", "ShiftLeft", 16, {}, 1},
    row{"Control", "ControlLeft", 17, {}, 1},
    row{"Alt", "AltLeft", 18, {}, 1},
    row{"Meta", "MetaLeft", 91, {}, 1},
    row{"CapsLock", "CapsLock", 20},
    row{"ContextMenu", "ContextMenu", 93},
    row{"F1", "F1", 112},
    row{"F2", "F2", 113},
    row{"F3", "F3", 114},
    row{"F4", "F4", 115},
    row{"F5", "F5", 116},
    row{"F6", "F6", 117},
    row{"F7", "F7", 118},
    row{"F8", "F8", 119},
    row{"F9", "F9", 120},
    row{"F10", "F10", 121},
    row{"F11", "F11", 122},
    row{"F12", "F12", 123},
};

struct other_name {
  std::string_view name, key;
};
constexpr std::array others{
    other_name{"Space", " "},    other_name{"Return", "Enter"},   other_name{"Esc", "Escape"},
    other_name{"Del", "Delete"}, other_name{"Left", "ArrowLeft"}, other_name{"Right", "ArrowRight"},
    other_name{"Up", "ArrowUp"}, other_name{"Down", "ArrowDown"}, other_name{"Ctrl", "Control"}};

struct sign {
  char plain, shifted;
  std::string_view code;
  int virtual_key;
};
constexpr std::array signs{
    sign{'1', '!', "Digit1", 49},       sign{'2', '@', "Digit2", 50},
    sign{'3', '#', "Digit3", 51},       sign{'4', '$', "Digit4", 52},
    sign{'5', '%', "Digit5", 53},       sign{'6', '^', "Digit6", 54},
    sign{'7', '&', "Digit7", 55},       sign{'8', '*', "Digit8", 56},
    sign{'9', '(', "Digit9", 57},       sign{'0', ')', "Digit0", 48},
    sign{'-', '_', "Minus", 189},       sign{'=', '+', "Equal", 187},
    sign{'[', '{', "BracketLeft", 219}, sign{']', '}', "BracketRight", 221},
    sign{'\\', '|', "Backslash", 220},  sign{';', ':', "Semicolon", 186},
    sign{'\'', '"', "Quote", 222},      sign{'`', '~', "Backquote", 192},
    sign{',', '<', "Comma", 188},       sign{'.', '>', "Period", 190},
    sign{'/', '?', "Slash", 191},
};

key_press letter(char c) {
  auto upper = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return {std::string(1, c), "Key" + std::string(1, upper), upper, std::string(1, c)};
}

bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(a[i])) !=
        std::tolower(static_cast<unsigned char>(b[i])))
      return false;
  return true;
}

}  // namespace

std::optional<key_press> find_key(std::string_view name, bool with_shift) {
  if (name == "\n") name = "Enter";
  if (name == "\t") name = "Tab";
  if (name.size() == 1 && std::isalpha(static_cast<unsigned char>(name[0])))
    return letter(with_shift ? static_cast<char>(std::toupper(name[0])) : name[0]);
  if (name.size() == 1)
    for (auto& s : signs)
      if (name[0] == s.plain || name[0] == s.shifted) {
        std::string text(1, with_shift ? s.shifted : name[0]);
        return key_press{text, std::string(s.code), s.virtual_key, text};
      }
  for (auto& other : others)
    if (same_word(name, other.name)) name = other.key;
  for (auto& r : named)
    if (same_word(name, r.key))
      return key_press{std::string(r.key), std::string(r.code), r.virtual_key, std::string(r.text),
                       r.location};
  return {};
}

int find_modifier(std::string_view name) {
  if (same_word(name, "Alt")) return alt;
  if (same_word(name, "Control") || same_word(name, "Ctrl") || same_word(name, "ControlOrMeta"))
    return control;
  if (same_word(name, "Meta")) return meta;
  return same_word(name, "Shift") ? shift : 0;
}

std::optional<key_chord> parse_chord(std::string_view text) {
  key_chord out;
  for (auto plus = text.find('+'); plus != text.npos && plus + 1 < text.size() && plus > 0;
       plus = text.find('+')) {
    auto bit = find_modifier(text.substr(0, plus));
    if (bit == 0) return {};
    out.modifiers |= bit;
    text.remove_prefix(plus + 1);
  }
  auto key = find_key(text, (out.modifiers & shift) != 0);
  if (!key) return {};
  out.key = std::move(*key);
  return out;
}

}  // namespace actors::browsing
