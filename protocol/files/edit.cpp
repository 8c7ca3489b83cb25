#include "protocol/files/edit.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace protocol::files {
namespace {

constexpr std::size_t context_lines = 3;
constexpr std::size_t hunk_head_bytes = 100;  // at most: `@@`, and four numbers

/// The first line of `rest`, with its line break if it has one, is taken off.
std::string_view take_line(std::string_view& rest) {
  auto line = rest.substr(0, rest.find('\n'));
  if (line.size() < rest.size()) line = rest.substr(0, line.size() + 1);
  rest.remove_prefix(line.size());
  return line;
}

/// A text by its lines. There may be as many as bytes, so each takes four bytes.
class text_lines {
 public:
  explicit text_lines(std::string_view text) : text_(text) {
    ends_.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1);
    for (auto rest = text; !rest.empty();) {
      take_line(rest);
      ends_.push_back(static_cast<std::uint32_t>(text.size() - rest.size()));
    }
  }

  std::string_view text() const { return text_; }
  std::size_t count() const { return ends_.size(); }
  std::size_t begin_of(std::size_t line) const { return line == 0 ? 0 : ends_[line - 1]; }
  std::size_t end_of(std::size_t line) const { return ends_[line]; }
  std::string_view line(std::size_t n) const {
    return text_.substr(begin_of(n), end_of(n) - begin_of(n));
  }
  std::size_t line_at(std::size_t offset) const {
    auto it = std::ranges::upper_bound(ends_, static_cast<std::uint32_t>(offset));
    return static_cast<std::size_t>(it - ends_.begin());
  }

 private:
  std::string_view text_;
  std::vector<std::uint32_t> ends_;
};

/// Lines `first` to before `last` of the old text become `now`.
struct changed_lines {
  std::size_t first = 0, last = 0;
  std::string now;
};

/// The changes one after the other, so that what a diff has no room for is not built.
class change_reader {
 public:
  change_reader(const text_lines& old, const replacement& r) : old_(old), r_(r) {}

  std::optional<changed_lines> next() {
    if (next_ == r_.at.size()) return std::nullopt;
    auto text = old_.text();
    changed_lines c;
    c.first = old_.line_at(r_.at[next_]);
    auto done = old_.begin_of(c.first);
    // Until the change ends with a line, or at the text's end.
    for (;;) {
      c.now.append(text.substr(done, r_.at[next_] - done)).append(r_.with);
      done = r_.at[next_++] + r_.length;
      bool ends_line = c.now.empty() || c.now.back() == '\n';
      bool begins_line = done == text.size() || old_.begin_of(old_.line_at(done)) == done;
      if (ends_line && begins_line) {
        c.last = done == text.size() ? old_.count() : old_.line_at(done);
        return c;
      }
      auto line = old_.line_at(std::min(done, text.size() - 1));
      auto end = old_.end_of(line);
      c.last = line + 1;
      if (next_ < r_.at.size() && r_.at[next_] < end) continue;
      c.now.append(text.substr(done, end - done));
      return c;
    }
  }

 private:
  const text_lines& old_;
  const replacement& r_;
  std::size_t next_ = 0;
};

std::string range_text(std::size_t before, std::size_t count) {
  // A range without lines names the line before it.
  auto first = count == 0 ? before : before + 1;
  return std::to_string(first) + (count == 1 ? "" : "," + std::to_string(count));
}

/// Changes that are near one another, with the lines around them.
class hunk {
 public:
  hunk(const text_lines& old, std::size_t first, std::size_t bytes_max)
      : old_(old), bytes_max_(bytes_max), first_(first), at_(first) {}

  /// False: there is no room for it, and the hunk is as before.
  bool add(const changed_lines& c) {
    return undone_if_too_large([&] {
      keep_until(c.first);
      while (at_ < c.last && fits()) put('-', old_.line(at_++));
      for (std::string_view rest = c.now; !rest.empty() && fits(); ++new_count_)
        put('+', take_line(rest));
    });
  }

  /// The lines that follow, up to line `end`.
  bool close(std::size_t end) {
    if (body_.empty()) return true;
    return undone_if_too_large([&] { keep_until(std::min(at_ + context_lines, end)); });
  }

  std::size_t at() const { return at_; }
  std::ptrdiff_t grown() const {
    return static_cast<std::ptrdiff_t>(new_count_) - static_cast<std::ptrdiff_t>(at_ - first_);
  }
  /// `grown`: the lines that the hunks before this one have added.
  std::string text(std::ptrdiff_t grown) const {
    if (body_.empty()) return {};
    auto new_first = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(first_) + grown);
    return "@@ -" + range_text(first_, at_ - first_) + " +" + range_text(new_first, new_count_) +
           " @@\n" + body_;
  }

 private:
  template <class Work>
  bool undone_if_too_large(Work work) {
    const auto at = at_, count = new_count_, size = body_.size();
    work();
    if (fits()) return true;
    at_ = at;
    new_count_ = count;
    body_.resize(size);
    return false;
  }
  bool fits() const { return body_.size() <= bytes_max_; }
  void keep_until(std::size_t last) {
    for (; at_ < last && fits(); ++at_, ++new_count_) put(' ', old_.line(at_));
  }
  void put(char mark, std::string_view line) {
    body_ += mark;
    body_ += line;
    if (!line.ends_with('\n')) body_ += "\n\\ No newline at end of file\n";
  }

  const text_lines& old_;
  std::size_t bytes_max_;
  std::size_t first_;
  std::size_t at_;  ///< the line of the old text that is next
  std::size_t new_count_ = 0;
  std::string body_;
};

}  // namespace

std::vector<std::size_t> occurrences(std::string_view text, std::string_view what,
                                     std::size_t count_max) {
  std::vector<std::size_t> out;
  if (what.empty()) return out;
  for (std::size_t at = 0; out.size() < count_max && text.size() - at >= what.size();) {
    // Linear whatever is looked for, unlike `find`.
    auto* found = ::memmem(text.data() + at, text.size() - at, what.data(), what.size());
    if (!found) break;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    out.push_back(at);
    at += what.size();
  }
  return out;
}

std::vector<place> places_of(std::string_view text, std::span<const std::size_t> at,
                             std::size_t places_max) {
  std::vector<place> out;
  std::size_t done = 0, line_begin = 0;
  std::uint64_t line = 1;
  for (auto offset : at.first(std::min(at.size(), places_max))) {
    for (; done < offset; ++done)
      if (text[done] == '\n') {
        ++line;
        line_begin = done + 1;
      }
    out.push_back({line, offset - line_begin + 1});
  }
  return out;
}

std::uint64_t size_after(std::string_view text, const replacement& r) {
  return text.size() - r.at.size() * r.length + std::uint64_t{r.at.size()} * r.with.size();
}

std::string applied(std::string_view text, const replacement& r) {
  std::string out;
  out.reserve(size_after(text, r));
  std::size_t done = 0;
  for (auto at : r.at) {
    out.append(text.substr(done, at - done)).append(r.with);
    done = at + r.length;
  }
  return out.append(text.substr(done));
}

text_diff unified_diff(std::string_view path, std::string_view text, const replacement& r,
                       std::size_t bytes_max) {
  text_lines old(text);
  change_reader changes(old, r);
  text_diff out;
  std::ptrdiff_t grown = 0;  // lines that the new text has more, so far
  for (auto next = changes.next(); next && out.complete;) {
    auto first = next->first - std::min(next->first, context_lines);
    auto used = std::min(out.text.size() + hunk_head_bytes, bytes_max);
    hunk here(old, first, bytes_max - used);
    do {
      out.complete = here.add(*next);
      if (out.complete) next = changes.next();
    } while (out.complete && next && next->first <= here.at() + 2 * context_lines);
    if (!here.close(next ? next->first : old.count())) out.complete = false;
    out.text += here.text(grown);
    grown += here.grown();
  }
  if (!out.text.empty())
    out.text.insert(0, "--- a/" + std::string(path) + "\n+++ b/" + std::string(path) + "\n");
  return out;
}

}  // namespace protocol::files
