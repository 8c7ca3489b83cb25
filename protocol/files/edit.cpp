#include "protocol/files/edit.hpp"

#include <algorithm>

namespace protocol::files {
namespace {

constexpr std::size_t context_lines = 3;

/// Lines with their line breaks; the last may have none.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    auto end = text.find('\n');
    auto length = end == text.npos ? text.size() : end + 1;
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

/// Lines `first` to before `last` of the old text become `now`.
struct changed_lines {
  std::size_t first = 0, last = 0;
  std::string now;
};

std::vector<changed_lines> changes_of(std::string_view text,
                                      const std::vector<std::size_t>& line_ends,
                                      const replacement& r) {
  std::vector<changed_lines> out;
  auto line_at = [&](std::size_t offset) {
    auto it = std::ranges::upper_bound(line_ends, offset);
    return static_cast<std::size_t>(it - line_ends.begin());
  };
  auto begin_of = [&](std::size_t line) { return line == 0 ? 0 : line_ends[line - 1]; };
  for (std::size_t i = 0; i < r.at.size();) {
    changed_lines c;
    c.first = line_at(r.at[i]);
    auto done = begin_of(c.first);
    // Until the change ends with a line, or at the text's end.
    for (;;) {
      c.now.append(text.substr(done, r.at[i] - done)).append(r.with);
      done = r.at[i++] + r.length;
      bool ends_line = c.now.empty() || c.now.back() == '\n';
      bool begins_line = done == text.size() || begin_of(line_at(done)) == done;
      if (ends_line && begins_line) {
        c.last = done == text.size() ? line_ends.size() : line_at(done);
        break;
      }
      auto line = line_at(std::min(done, text.size() - 1));
      auto end = line_ends[line];
      c.last = line + 1;
      if (i < r.at.size() && r.at[i] < end) continue;
      c.now.append(text.substr(done, end - done));
      break;
    }
    out.push_back(std::move(c));
  }
  return out;
}

void add_line(std::string& out, char mark, std::string_view line) {
  out += mark;
  out += line;
  if (!line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

std::string range_text(std::size_t before, std::size_t count) {
  // A range without lines names the line before it.
  auto first = count == 0 ? before : before + 1;
  return std::to_string(first) + (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::vector<std::size_t> occurrences(std::string_view text, std::string_view what) {
  std::vector<std::size_t> out;
  if (what.empty()) return out;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size()))
    out.push_back(at);
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

std::string applied(std::string_view text, const replacement& r) {
  std::string out;
  std::size_t done = 0;
  for (auto at : r.at) {
    out.append(text.substr(done, at - done)).append(r.with);
    done = at + r.length;
  }
  return out.append(text.substr(done));
}

std::string unified_diff(std::string_view path, std::string_view text, const replacement& r) {
  auto lines = lines_of(text);
  std::vector<std::size_t> line_ends;
  std::size_t end = 0;
  for (auto line : lines) line_ends.push_back(end += line.size());
  auto changes = changes_of(text, line_ends, r);
  std::string out;
  std::ptrdiff_t grown = 0;  // lines that the new text has more, so far
  for (std::size_t i = 0; i < changes.size();) {
    auto first = changes[i].first - std::min(changes[i].first, context_lines);
    std::string body;
    std::size_t old_count = 0, new_count = 0, at = first;
    auto keep_until = [&](std::size_t last) {
      for (; at < last; ++at, ++old_count, ++new_count) add_line(body, ' ', lines[at]);
    };
    do {
      const auto& c = changes[i];
      keep_until(c.first);
      for (; at < c.last; ++at, ++old_count) add_line(body, '-', lines[at]);
      for (auto line : lines_of(c.now)) {
        add_line(body, '+', line);
        ++new_count;
      }
    } while (++i < changes.size() && changes[i].first <= at + 2 * context_lines);
    keep_until(std::min(at + context_lines, lines.size()));
    auto new_first = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(first) + grown);
    grown += static_cast<std::ptrdiff_t>(new_count) - static_cast<std::ptrdiff_t>(old_count);
    out += "@@ -" + range_text(first, old_count) + " +" + range_text(new_first, new_count) +
           " @@\n" + body;
  }
  if (out.empty()) return out;
  return "--- a/" + std::string(path) + "\n+++ b/" + std::string(path) + "\n" + out;
}

}  // namespace protocol::files
