#include <algorithm>

#include "protocol/json.hpp"

namespace protocol {
namespace {

/// Walks the members of an object whose text is known to be valid. On other text it stops early,
/// and never leaves the text.
class member_reader {
 public:
  explicit member_reader(std::string_view object) noexcept : text_(object) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '{')
      ++at_;
    else
      at_ = text_.size();
  }

  bool next(std::string_view& name, std::string_view& value) noexcept {
    at_ = std::min(text_.find('"', at_), text_.size());
    if (at_ == text_.size()) return false;
    const auto name_begin = at_;
    skip_string();
    name = text_.substr(name_begin, at_ - name_begin);
    at_ = std::min(text_.find(':', at_), text_.size());
    if (at_ == text_.size()) return false;
    ++at_;
    skip_space();
    const auto value_begin = at_;
    skip_value();
    value = text_.substr(value_begin, at_ - value_begin);
    return !value.empty();
  }

 private:
  void skip_space() noexcept {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
  }

  /// From the opening quote to behind the closing one: the first with an even number of
  /// backslashes before it.
  void skip_string() noexcept {
    const auto begin = at_ + 1;
    for (auto from = begin;;) {
      const auto quote = text_.find('"', from);
      if (quote == std::string_view::npos) {
        at_ = text_.size();
        return;
      }
      auto slash = quote;
      while (slash > begin && text_[slash - 1] == '\\') --slash;
      from = at_ = quote + 1;
      if ((quote - slash) % 2 == 0) return;
    }
  }

  void skip_value() noexcept {
    for (std::size_t depth = 0; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return;
        --depth;
        ++at_;
      } else if (depth == 0) {
        at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
        return;
      } else {
        at_ = std::min(text_.find_first_of("\"{[}]", at_), text_.size());
      }
      if (depth == 0) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// `quoted` as it stands in the text. Few names have escapes in them; those are read first.
bool is_name(std::string_view quoted, std::string_view name) {
  if (quoted.size() < 2) return false;
  const auto bare = quoted.substr(1, quoted.size() - 2);
  return bare.find('\\') == std::string_view::npos ? bare == name : json_text(quoted) == name;
}

}  // namespace

void json_members(std::string_view object, std::span<const std::string_view> names,
                  std::span<std::string_view> values) {
  member_reader reader(object);
  for (std::string_view name, value; reader.next(name, value);)
    for (std::size_t i = 0; i < names.size(); ++i)
      if (is_name(name, names[i])) values[i] = value;
}

void json_each(std::string_view object,
               const std::function<void(std::string_view name, std::string_view value)>& seen) {
  member_reader reader(object);
  for (std::string_view name, value; reader.next(name, value);) seen(name, value);
}

std::string_view json_member(std::string_view object, std::string_view name) {
  std::string_view value;
  json_members(object, {&name, 1}, {&value, 1});
  return value;
}

}  // namespace protocol
