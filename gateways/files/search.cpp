#include "gateways/files/search.hpp"

#include <fcntl.h>

#include <boost/regex.hpp>
#include <cerrno>
#include <chrono>

#include "gateways/files/contents.hpp"
#include "gateways/files/staged.hpp"
#include "gateways/files/walk.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/text.hpp"

namespace gateways::files {
namespace {

namespace paths = protocol::files;
using clock = std::chrono::steady_clock;

constexpr auto time_max = std::chrono::seconds(10);
constexpr std::size_t file_bytes_max = 8 << 20;    // of one file; larger ones are left out
constexpr std::size_t all_bytes_max = 512u << 20;  // of all files together
constexpr std::size_t line_bytes_max = 4'096;      // of a line that is matched
constexpr std::size_t shown_bytes_max = 512;       // of a line that is answered
// A match gives up after (pattern squared times line) states, which these two make seconds.
constexpr std::size_t pattern_bytes_max = 256;

std::string below(const std::string& folder, const std::string& path) {
  return folder.empty() ? path : path.substr(std::min(path.size(), folder.size() + 1));
}

result<boost::regex> compile(const grep_request& what) {
  auto invalid = [](std::string detail) {
    return protocol::http::invalid_fields({{"/pattern", std::move(detail)}});
  };
  if (what.pattern.empty()) return invalid("must not be empty");
  if (what.pattern.size() > pattern_bytes_max)
    return invalid("must have at most " + std::to_string(pattern_bytes_max) + " bytes");
  boost::regex::flag_type flags = what.literal ? boost::regex::literal : boost::regex::perl;
  if (what.ignore_case) flags |= boost::regex::icase;
  try {
    return boost::regex(what.pattern, flags);
  } catch (const std::runtime_error& e) {
    return invalid(std::string("is no regular expression: ") + e.what());
  }
}

/// One search: what it has found so far, and what bounds it.
class searcher {
 public:
  searcher(const root& in, const grep_request& what, boost::regex pattern)
      : in_(in), what_(what), pattern_(std::move(pattern)) {}

  /// Also for what is not looked into: a tree may have any number of entries.
  step meet(const met& m) {
    if (late()) return step::stop;
    if (m.is.is != paths::kind::file) return step::enter;
    if (m.is.size_bytes > file_bytes_max) return step::pass;
    if (what_.only && !what_.only->matches(below(what_.path, m.is.path))) return step::pass;
    return look_into(m.folder, m.name, m.is.path) ? step::pass : step::stop;
  }

  /// False: enough.
  bool look_into(int folder, const std::string& name, const std::string& path) {
    descriptor fd(open_name(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat found {};
    if (!fd && errno != ENOENT && errno != ELOOP) out_.complete = false;
    if (!fd || ::fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) return true;
    return look_through(fd.get(), static_cast<std::uint64_t>(found.st_size), path);
  }

  bool look_through(int fd, std::uint64_t size_bytes, const std::string& path) {
    if (size_bytes > file_bytes_max) return true;
    auto text = read_whole(fd, file_bytes_max, path);
    if (!text) out_.complete = false;
    if (!text || text->size() > file_bytes_max || text->find('\0') != text->npos) return true;
    bytes_ += text->size();
    if (bytes_ > all_bytes_max) return stop("bytes");
    ++out_.files;
    return match_lines(*text, path);
  }

  result<found_lines> finish(bool all_met) {
    if (failed_) return *failed_;
    out_.complete = out_.complete && all_met && out_.stopped_by.empty();
    return std::move(out_);
  }

 private:
  /// What nobody waits for any more is late at once.
  bool late() {
    if (!in_.unwanted() && clock::now() <= deadline_) return false;
    stop("time");
    return true;
  }

  bool stop(const char* why) {
    out_.stopped_by = why;
    return false;
  }

  bool match_lines(std::string_view text, const std::string& path) {
    std::uint64_t number = 1;
    for (; !text.empty(); ++number) {
      if (late()) return false;
      auto end = text.find('\n');
      auto line = text.substr(0, std::min(end, line_bytes_max));
      if (auto column = match(line)) {
        if (out_.lines.size() == what_.limit) return stop("matches");
        auto shown = line.substr(0, protocol::utf8_cut(line, shown_bytes_max));
        out_.lines.push_back({path, number, *column, std::string(shown)});
      }
      if (failed_) return false;
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return true;
  }

  std::optional<std::uint64_t> match(std::string_view line) {
    try {
      boost::cmatch found;
      if (!boost::regex_search(line.data(), line.data() + line.size(), found, pattern_))
        return std::nullopt;
      return static_cast<std::uint64_t>(found.position()) + 1;
    } catch (const std::runtime_error&) {
      failed_ = protocol::http::invalid_fields(
          {{"/pattern", "takes too long to match; make it simpler, or set `literal`"}});
      return std::nullopt;
    }
  }

  const root& in_;
  const grep_request& what_;
  boost::regex pattern_;
  clock::time_point deadline_ = clock::now() + time_max;
  std::size_t bytes_ = 0;
  found_lines out_;
  std::optional<fault> failed_;
};

}  // namespace

result<found_paths> find(const root& in, const glob_request& what) {
  found_paths out;
  auto deadline = clock::now() + time_max;
  walk way(in);
  auto done = way.through(what.path, depth_whole, {}, [&](met& m) {
    if (clock::now() > deadline) {
      out.stopped_by = "time";
      return step::stop;
    }
    if (!what.pattern.matches(below(what.path, m.is.path))) return step::enter;
    if (out.entries.size() == what.limit) {
      out.stopped_by = "matches";
      return step::stop;
    }
    out.entries.push_back(m.is);
    return step::enter;
  });
  if (!done) return done.error();
  out.complete = way.complete() && out.stopped_by.empty();
  return out;
}

result<found_lines> grep(const root& in, const grep_request& what) {
  auto pattern = compile(what);
  if (!pattern) return pattern.error();
  searcher search(in, what, std::move(*pattern));
  auto start = open_for_reading(in, what.path);
  if (!start) return start.error();
  if (start->is.is == paths::kind::file) {
    search.look_through(start->fd.get(), start->is.size_bytes, what.path);
    return search.finish(true);
  }
  walk way(in);
  auto done = way.through(what.path, depth_whole, {}, [&](met& m) { return search.meet(m); });
  if (!done) return done.error();
  return search.finish(way.complete());
}

}  // namespace gateways::files
