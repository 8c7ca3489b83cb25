// Finding files by their names, and lines by what is in them.
//
// Called on threads that may block for as long as the bounds let them: a search that meets one says
// which and answers with what it has. The time is looked at on each entry and on each line, so that
// it is overstepped by one match at most, which is bounded by the lengths of pattern and line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateways/files/root.hpp"
#include "protocol/files/glob.hpp"

namespace gateways::files {

struct found_paths {
  std::vector<entry> entries;
  std::string stopped_by;  ///< matches or time; empty: all that was met was looked at
  bool complete = true;    ///< false: it was stopped, or the walk left something out
};

struct glob_request {
  std::string path;
  protocol::files::glob pattern;  ///< of paths below `path`
  std::size_t limit = 1'000;
};
result<found_paths> find(const root& in, const glob_request& what);

struct grep_request {
  std::string path;  ///< a folder or a file
  std::string pattern;
  bool literal = false;
  bool ignore_case = false;
  std::optional<protocol::files::glob> only;  ///< files with such paths below `path`
  std::size_t limit = 200;
};
struct matching_line {
  std::string path;
  std::uint64_t line = 1;
  std::uint64_t column = 1;
  std::string text;  ///< cut when it is long
};
struct found_lines {
  std::vector<matching_line> lines;
  std::uint64_t files = 0;  ///< searched: binary and very large ones are not
  std::string stopped_by;   ///< matches, bytes or time
  bool complete = true;     ///< as of paths, or a file could not be read
};
/// `invalid_field` when the pattern is none, or takes too long on some line.
result<found_lines> grep(const root& in, const grep_request& what);

}  // namespace gateways::files
