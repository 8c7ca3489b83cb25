#include "gateways/files/tree.hpp"

#include <fcntl.h>
#include <limits.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "gateways/files/walk.hpp"
#include "protocol/json.hpp"

namespace gateways::files {
namespace {

using protocol::error_code;
using protocol::files::change;
namespace paths = protocol::files;

fault too_deep(std::string_view path) {
  return {
      error_code::wrong_state,
      protocol::json_string(path) + " has folders more than " + std::to_string(depth_max) + " deep",
      {},
      0};
}

/// What one call has left of its bounds.
class allowance {
 public:
  /// `in`: asked whether the result is still wanted; null: it is whatever happens.
  allowance(const root* in, const bounds& b)
      : in_(in), left_(b), end_(std::chrono::steady_clock::now() + b.time) {}

  result<void> spend_entry(std::string_view path) {
    if (left_.entries == 0) return failure(E2BIG, path);
    --left_.entries;
    return go_on(path);
  }
  result<void> spend_bytes(std::uint64_t bytes, std::string_view path) {
    if (bytes > left_.bytes)
      return fault{error_code::disk_quota,
                   protocol::json_string(path) + " has more bytes than may be copied",
                   {},
                   0};
    left_.bytes -= bytes;
    return go_on(path);
  }
  result<void> go_on(std::string_view path) const {
    if (in_ && in_->unwanted())
      return fault{error_code::draining, "the work was ended before it was done", {}, 0};
    if (std::chrono::steady_clock::now() < end_) return {};
    return fault{
        error_code::timed_out, "the time was over at " + protocol::json_string(path), {}, 0};
  }

 private:
  const root* in_;
  bounds left_;
  std::chrono::steady_clock::time_point end_;
};

/// Takes `name` in `folder` away with all that is in it.
class remover {
 public:
  explicit remover(allowance left) : left_(left) {}

  result<void> remove(int folder, const std::string& name, const std::string& path, int depth) {
    if (auto may = left_.spend_entry(path); !may) return may;
    if (::unlinkat(folder, name.c_str(), 0) == 0) return ++removed_, result<void>();
    if (errno != EISDIR && errno != EPERM) return failure(errno, path);
    if (depth == 0) return too_deep(path);
    // What a program makes meanwhile may keep a folder from being empty.
    while (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) {
      if (errno != ENOTEMPTY && errno != EEXIST) return failure(errno, path);
      if (auto may = left_.spend_entry(path); !may) return may;
      if (auto done = empty(folder, name, path, depth); !done) return done;
    }
    ++removed_;
    return {};
  }
  std::uint64_t removed() const { return removed_; }

 private:
  result<void> empty(int folder, const std::string& name, const std::string& path, int depth) {
    descriptor inner(open_name(folder, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
    if (!inner) return failure(errno, path);
    bool complete = true;
    for (const auto& each : names_in(inner.get(), folder_entries_max, complete)) {
      auto done = remove(inner.get(), each, paths::joined(path, each), depth - 1);
      if (!done && done.error().code != error_code::file_not_found) return done;
    }
    return {};
  }

  allowance left_;
  std::uint64_t removed_ = 0;
};

/// Copies of one call: they all belong to whom the target's zone says.
class copier {
 public:
  copier(const root& in, const spot& to, const transfer& what)
      : to_(to), replace_(what.replace), left_(&in, what.at_most) {}

  /// `name` in `folder` takes its place when it is whole.
  result<void> copy(int folder, const std::string& name, const std::string& path) {
    struct stat found {};
    if (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
      return failure(errno, path);
    auto to = to_.folder.get();
    // A file has no name before it is whole.
    if (S_ISREG(found.st_mode)) return copy_file(folder, name, to, to_.name, path, replace_);
    if (!S_ISLNK(found.st_mode) && !S_ISDIR(found.st_mode)) return failure(ENXIO, path);
    auto hidden = hidden_name();
    auto done = S_ISLNK(found.st_mode) ? copy_link(folder, name, to, hidden, path)
                                       : copy_folder(folder, name, to, hidden, path, depth_max);
    if (done &&
        ::renameat2(to, hidden.c_str(), to, to_.name.c_str(), replace_ ? 0 : RENAME_NOREPLACE) != 0)
      done = failure(errno, to_.path);
    if (!done) {
      // Also when the daemon ends: what is left would be nobody's.
      constexpr bounds cleaning{1'000'000, 0, std::chrono::milliseconds(5'000)};
      (void)remover(allowance(nullptr, cleaning)).remove(to, hidden, to_.path, depth_max);
    }
    return done;
  }

 private:
  result<void> copy_any(int folder, const std::string& name, int to, const std::string& path,
                        int depth) {
    struct stat found {};
    if (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
      return failure(errno, path);
    if (S_ISLNK(found.st_mode)) return copy_link(folder, name, to, name, path);
    if (S_ISREG(found.st_mode)) return copy_file(folder, name, to, name, path, false);
    if (S_ISDIR(found.st_mode)) return copy_folder(folder, name, to, name, path, depth);
    return left_.spend_entry(path);
  }

  result<void> copy_link(int folder, const std::string& name, int to, const std::string& to_name,
                         const std::string& path) {
    if (auto may = left_.spend_entry(path); !may) return may;
    char target[PATH_MAX];
    auto n = ::readlinkat(folder, name.c_str(), target, sizeof target - 1);
    if (n < 0) return failure(errno, path);
    target[n] = '\0';
    if (::symlinkat(target, to, to_name.c_str()) != 0) return failure(errno, path);
    auto& gets = to_.gets;
    if (gets && ::fchownat(to, to_name.c_str(), gets->uid, gets->gid, AT_SYMLINK_NOFOLLOW) != 0)
      return failure(errno, path);
    return {};
  }

  result<void> copy_file(int folder, const std::string& name, int to, const std::string& to_name,
                         const std::string& path, bool replace) {
    if (auto may = left_.spend_entry(path); !may) return may;
    descriptor from(open_name(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat found {};
    if (!from || ::fstat(from.get(), &found) != 0) return failure(errno, path);
    if (!S_ISREG(found.st_mode)) return failure(ENXIO, path);
    descriptor place(::openat(to, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!place) return failure(errno, path);
    auto file = staged::make({std::move(place), to_name, path, to_.gets});
    if (!file) return file.error();
    auto bytes = static_cast<std::uint64_t>(found.st_size);
    if (auto done = copy_bytes(from.get(), *file, bytes, path); !done) return done;
    auto done = file->put(replace, (found.st_mode & 0777) | (to_.kept ? 0444 : 0));
    if (!done) return done.error();
    return {};
  }

  /// What the file had when it was opened; where it has holes, the copy has them.
  result<void> copy_bytes(int from, staged& to, std::uint64_t size, const std::string& path) {
    for (std::uint64_t at = 0; at < size;) {
      if (auto may = left_.go_on(path); !may) return may;
      auto data = ::lseek(from, static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;  // but for a hole that is all
      if (data < 0) return failure(errno, path);
      auto hole = ::lseek(from, data, SEEK_HOLE);
      if (hole < 0 && errno != ENXIO) return failure(errno, path);
      at = static_cast<std::uint64_t>(data);
      auto end = hole < 0 ? at : std::min(static_cast<std::uint64_t>(hole), size);
      if (auto done = copy_piece(from, to, at, end, path); !done) return done;
      at = std::max(at, end);
    }
    return to.set_size(size);
  }

  result<void> copy_piece(int from, staged& to, std::uint64_t at, std::uint64_t end,
                          const std::string& path) {
    constexpr std::uint64_t piece_bytes = 1 << 20;
    piece_.resize(piece_bytes);
    while (at < end) {
      auto most = std::min(piece_bytes, end - at);
      auto n = ::pread(from, piece_.data(), most, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failure(errno, path);
      if (n == 0) return {};  // it was cut meanwhile
      auto bytes = static_cast<std::size_t>(n);
      if (auto may = left_.spend_bytes(bytes, path); !may) return may;
      auto done = to.write_at(std::string_view(piece_).substr(0, bytes), at);
      if (!done) return done;
      at += bytes;
    }
    return {};
  }

  result<void> copy_folder(int folder, const std::string& name, int to, const std::string& to_name,
                           const std::string& path, int depth) {
    if (auto may = left_.spend_entry(path); !may) return may;
    if (depth == 0) return too_deep(path);
    descriptor from(open_name(folder, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
    struct stat found {};
    if (!from || ::fstat(from.get(), &found) != 0) return failure(errno, path);
    // A link on the way may have led the copy into what is copied.
    if (made_ && made_->st_dev == found.st_dev && made_->st_ino == found.st_ino) return {};
    if (auto error = make_folder(to, to_name, to_.gets)) return failure(error, path);
    descriptor into(open_name(to, to_name, O_PATH | O_DIRECTORY));
    struct stat made {};
    if (!into || ::fstat(into.get(), &made) != 0) return failure(errno, path);
    if (!made_) made_ = made;
    bool complete = true;
    for (const auto& inner : names_in(from.get(), folder_entries_max, complete)) {
      auto done = copy_any(from.get(), inner, into.get(), paths::joined(path, inner), depth - 1);
      if (!done && done.error().code != error_code::file_not_found) return done;
    }
    if (!complete) return failure(E2BIG, path);
    return {};
  }

  const spot& to_;
  bool replace_;
  allowance left_;
  std::optional<struct stat> made_;  ///< the first folder
  std::string piece_;
};

result<entry> entry_at(const root& in, const spot& at) {
  auto found = stat_at(at);
  if (!found) return failure(ENOENT, at.path);
  return in.describe(at.path, *found);
}

/// Where it goes; what stands there may be replaced only if it is no folder and that is asked for.
result<spot> target_of(const root& in, const transfer& what) {
  if (paths::is_within(what.to, what.from)) return failure(EINVAL, what.to);
  auto to = in.spot_of(what.to, change::write, true);
  if (!to) return to;
  auto there = stat_at(*to);
  if (there && S_ISDIR(there->st_mode)) return failure(what.replace ? EISDIR : EEXIST, what.to);
  if (there && !what.replace) return failure(EEXIST, what.to);
  return to;
}

}  // namespace

result<protocol::files::listing> list(const root& in, const list_request& what) {
  protocol::files::listing out;
  out.path = what.path;
  walk way(in);
  auto done = way.through(what.path, what.depth, what.after, [&](met& m) {
    if (out.entries.size() == what.limit) {
      out.next = paths::cursor_of(out.entries.back().path);
      return step::stop;
    }
    out.entries.push_back(std::move(m.is));
    return step::enter;
  });
  if (!done) return done.error();
  out.complete = way.complete();
  return out;
}

result<written> make(const root& in, const std::string& path) {
  auto at = in.spot_of(path, change::write, true);
  if (!at) return at.error();
  auto error = make_folder(at->folder.get(), at->name, at->gets);
  if (error != 0 && error != EEXIST) return failure(error, path);
  auto is = entry_at(in, *at);
  if (!is) return is.error();
  if (is->is != paths::kind::folder) return failure(EEXIST, path);
  return written{std::move(*is), error == 0};
}

result<entry> move(const root& in, const transfer& what) {
  auto from = in.spot_of(what.from, change::remove, false);
  if (!from) return from.error();
  if (!stat_at(*from)) return failure(ENOENT, what.from);
  auto to = target_of(in, what);
  if (!to) return to.error();
  if (paths::zone_of(what.from) != paths::zone_of(what.to)) {
    auto copied = copy(in, what);
    if (!copied) return copied;
    auto removed = remove_all(in, what.from);
    if (!removed) return removed.error();
    return copied;
  }
  if (::renameat2(from->folder.get(), from->name.c_str(), to->folder.get(), to->name.c_str(),
                  what.replace ? 0 : RENAME_NOREPLACE) != 0)
    return failure(errno, what.to);
  return entry_at(in, *to);
}

result<entry> copy(const root& in, const transfer& what) {
  if (auto there = in.look(what.from); !there) return there;
  auto folder = in.open_existing(std::string(paths::parent_of(what.from)), O_PATH | O_DIRECTORY);
  if (!folder) return folder.error();
  auto to = target_of(in, what);
  if (!to) return to.error();
  copier copies(in, *to, what);
  auto done = copies.copy(folder->get(), std::string(paths::last_of(what.from)), what.from);
  if (!done) return done.error();
  return entry_at(in, *to);
}

result<std::uint64_t> remove_all(const root& in, const std::string& path, const bounds& at_most) {
  auto at = in.spot_of(path, change::remove, false);
  if (!at) return at.error();
  remover removes(allowance(&in, at_most));
  auto done = removes.remove(at->folder.get(), at->name, path, depth_max);
  if (!done) return done.error();
  return removes.removed();
}

}  // namespace gateways::files
