#include "gateways/files/contents.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"

namespace gateways::files {
namespace {

using protocol::error_code;
using protocol::files::change;
using protocol::files::kind;
using protocol::files::occurrences_max;
using protocol::files::verdict;

constexpr unsigned permissions = 0644;
constexpr std::size_t edit_bytes_max = 4 << 20;  // of a file before and after

/// Of a change. What is no file has no ETag of its own, but it is there.
verdict judge_standing(const conditions& c, const entry& is) {
  return judge(c, is.etag.empty() ? "\"\"" : is.etag, modified_s(is), false);
}

/// What stands there must be as the client thinks, and may be replaced.
std::optional<fault> check(const root& in, const spot& at, const conditions& c) {
  auto found = stat_at(at);
  auto is = found ? in.describe(at.path, *found) : entry{};
  if (found && is.is == kind::folder) return failure(EISDIR, at.path);
  auto may = found ? judge_standing(c, is) : judge(c, {}, 0, false);
  if (may == verdict::failed) return precondition(at.path, is.etag);
  return std::nullopt;
}

/// As `check`, and makes nothing: what is refused leaves no folders.
std::optional<fault> check_first(const root& in, const std::string& path, const conditions& c) {
  auto at = in.spot_of(path, change::write, false);
  if (at) return check(in, *at, c);
  if (at.error().code != error_code::file_not_found) return at.error();
  if (judge(c, {}, 0, false) == verdict::failed) return precondition(path, {});
  return std::nullopt;
}

/// Those of the file that is replaced, but its owner may read and write what is new.
unsigned permissions_at(const spot& at) {
  auto found = stat_at(at);
  return found && S_ISREG(found->st_mode) ? (found->st_mode & 0777) | 0600 : permissions;
}

fault wrong_old(std::string_view text, std::span<const std::size_t> at) {
  constexpr std::size_t places_max = 100;
  const auto count = std::min(at.size(), occurrences_max);
  const bool too_many = at.size() > count;
  auto f = protocol::http::invalid_fields(
      {{"/old", at.empty() ? "is not in the file"
                           : std::string("is in the file ") + (too_many ? "more than " : "") +
                                 std::to_string(count) + " times; make it longer" +
                                 (too_many ? "" : ", or set `all`")}});
  std::string places;
  for (auto& p : protocol::files::places_of(text, at, places_max)) {
    if (!places.empty()) places += ',';
    places +=
        "{\"line\":" + std::to_string(p.line) + ",\"column\":" + std::to_string(p.column) + "}";
  }
  f.members.pop_back();
  f.members += ",\"occurrences\":" + std::to_string(count) + ",\"places\":[" + places + "]}";
  return f;
}

result<std::string> text_of(const root& in, const spot& at, const conditions& c) {
  descriptor fd(open_name(at.folder.get(), at.name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat found {};
  if (!fd || ::fstat(fd.get(), &found) != 0) return failure(errno, at.path);
  auto is = in.describe(at.path, found);
  if (is.is != kind::file) return failure(is.is == kind::folder ? EISDIR : ENXIO, at.path);
  if (judge_standing(c, is) == verdict::failed) return precondition(at.path, is.etag);
  auto text = read_whole(fd.get(), edit_bytes_max, at.path);
  if (text && text->size() > edit_bytes_max)
    return protocol::http::invalid_fields(
        {{"/path", "has more than " + std::to_string(edit_bytes_max) + " bytes"}});
  return text;
}

}  // namespace

fault precondition(std::string_view path, std::string_view etag) {
  return {
      error_code::precondition_failed,
      protocol::json_string(path) + (etag.empty() ? " is not there, or no file"
                                                  : " is there with the ETag " + std::string(etag)),
      "{\"etag\":" + (etag.empty() ? "null" : protocol::json_string(etag)) + "}", 0};
}

result<opened> open_for_reading(const root& in, const std::string& path) {
  auto fd = in.open_existing(path, O_RDONLY);
  if (!fd) return fd.error();
  struct stat found {};
  if (::fstat(fd->get(), &found) != 0) return failure(errno, path);
  auto is = in.describe(path, found);
  if (is.is != kind::file && is.is != kind::folder) return failure(ENXIO, path);
  return opened{std::move(*fd), std::move(is)};
}

result<upload> upload::open(root in, const std::string& path, conditions c) {
  if (auto refused = check_first(in, path, c)) return *refused;
  auto at = in.spot_of(path, change::write, true);
  if (!at) return at.error();
  if (auto refused = check(in, *at, c)) return *refused;
  auto file = staged::make(std::move(*at));
  if (!file) return file.error();
  return upload(std::move(in), std::move(*file), std::move(c));
}

result<written> upload::finish() {
  auto& at = file_.where();
  if (auto refused = check(root_, at, conditions_)) return *refused;
  bool created = !stat_at(at);
  bool only_new = conditions_.if_none_match == "*";
  auto done = file_.put(!only_new, permissions_at(at));
  if (!done) {
    bool came_between = only_new && done.error().code == error_code::already_exists;
    return came_between ? precondition(at.path, {}) : done.error();
  }
  return written{root_.describe(at.path, *done), created};
}

result<written> append(const root& in, const std::string& path, std::string_view bytes) {
  auto at = in.spot_of(path, change::append, true);
  if (!at) return at.error();
  constexpr int flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
  auto folder = at->folder.get();
  descriptor fd(::openat(folder, at->name.c_str(), flags | O_CREAT | O_EXCL, permissions));
  bool created = static_cast<bool>(fd);
  if (!fd && errno == EEXIST) fd.reset(open_name(folder, at->name, flags));
  struct stat before {};
  if (!fd || ::fstat(fd.get(), &before) != 0) return failure(errno, path);
  if (!S_ISREG(before.st_mode)) return failure(ENXIO, path);
  if (created && (::fchmod(fd.get(), permissions) != 0 ||
                  (at->gets && ::fchown(fd.get(), at->gets->uid, at->gets->gid) != 0)))
    return failure(errno, path);
  struct stat after {};
  if (auto error = write_all(fd.get(), bytes)) {
    // Half a record is worse than none.
    if (::ftruncate(fd.get(), before.st_size) != 0) return failure(errno, path);
    return failure(error, path);
  }
  if (::fstat(fd.get(), &after) != 0) return failure(errno, path);
  return written{in.describe(path, after), created};
}

result<edited> edit(const root& in, const edit_request& what) {
  if (what.old.empty()) return protocol::http::invalid_fields({{"/old", "must not be empty"}});
  auto at = in.spot_of(what.path, change::write, false);
  if (!at) return at.error();
  auto text = text_of(in, *at, what.only_if);
  if (!text) return text.error();
  auto found = protocol::files::occurrences(*text, what.old);
  if (found.empty() || found.size() > (what.all ? occurrences_max : 1))
    return wrong_old(*text, found);
  protocol::files::replacement r{found, what.old.size(), what.with};
  auto size = size_after(*text, r);
  if (size > edit_bytes_max)
    return protocol::http::invalid_fields(
        {{"/new", "would make a file of " + std::to_string(size) + " bytes, " +
                      std::to_string(edit_bytes_max) + " are allowed"}});
  if (what.room_bytes && size > text->size() + *what.room_bytes) return no_room(*what.room_bytes);
  edited out{{}, found.size(), protocol::files::unified_diff(what.path, *text, r)};
  if (what.dry_run) {
    auto now = stat_at(*at);
    if (!now) return failure(ENOENT, what.path);
    out.file = in.describe(what.path, *now);
    return out;
  }
  auto mode = permissions_at(*at);
  auto file = staged::make(std::move(*at));
  if (!file) return file.error();
  if (auto done = file->write(protocol::files::applied(*text, r)); !done) return done.error();
  auto done = file->put(true, mode);
  if (!done) return done.error();
  out.file = in.describe(what.path, *done);
  return out;
}

result<void> remove_one(const root& in, const std::string& path, const conditions& c) {
  auto at = in.spot_of(path, change::remove, false);
  if (!at) return at.error();
  auto found = stat_at(*at);
  if (!found) return failure(ENOENT, path);
  auto is = in.describe(path, *found);
  if (judge_standing(c, is) == verdict::failed) return precondition(path, is.etag);
  auto flags = S_ISDIR(found->st_mode) ? AT_REMOVEDIR : 0;
  if (::unlinkat(at->folder.get(), at->name.c_str(), flags) != 0) return failure(errno, path);
  return {};
}

}  // namespace gateways::files
