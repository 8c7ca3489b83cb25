// A keyboard of the United States: what the browser must be told for a key that is pressed.
//
// Pure; one table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace actors::browsing {

enum modifier : int { alt = 1, control = 2, meta = 4, shift = 8 };

struct key_press {
  std::string key;   ///< as in KeyboardEvent.key
  std::string code;  ///< as in KeyboardEvent.code
  int virtual_key = 0;
  std::string text;  ///< what it types; empty: nothing
  int location = 0;
};

/// By its name ("Enter", "ArrowDown") or the one character it types, with or without shift; nothing
/// for what is on no key.
std::optional<key_press> find_key(std::string_view name, bool with_shift = false);

/// The bit of "Control", "Shift", "Alt", "Meta" or "ControlOrMeta"; 0 for anything else.
int find_modifier(std::string_view name);

struct key_chord {
  int modifiers = 0;
  key_press key;
};
/// "Control+Shift+A"; the last may be "+" itself.
std::optional<key_chord> parse_chord(std::string_view text);

}  // namespace actors::browsing
