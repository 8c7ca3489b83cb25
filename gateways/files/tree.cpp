#include "gateways/files/tree.hpp"

#include <fcntl.h>
#include <limits.h>

#include <cerrno>
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

result<void> copy_bytes(int from, staged& to, std::string_view path) {
  constexpr std::size_t piece_bytes = 1 << 20;
  std::string piece(piece_bytes, '\0');
  for (;;) {
    auto n = ::read(from, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure(errno, path);
    if (n == 0) return {};
    auto done = to.write(std::string_view(piece).substr(0, static_cast<std::size_t>(n)));
    if (!done) return done;
  }
}

/// Copies of one call: they all belong to whom the target's zone says.
class copier {
 public:
  copier(std::optional<owner> gets, bool replace) : gets_(gets), replace_(replace) {}

  /// `name` in `folder` to `to_name` in `to`.
  result<void> copy(int folder, const std::string& name, int to, const std::string& to_name,
                    const std::string& path, int depth) {
    struct stat found {};
    if (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
      return failure(errno, path);
    if (S_ISLNK(found.st_mode)) return copy_link(folder, name, to, to_name, path);
    if (S_ISREG(found.st_mode)) return copy_file(folder, name, to, to_name, path);
    if (S_ISDIR(found.st_mode)) return copy_folder(folder, name, to, to_name, path, depth);
    return {};
  }

 private:
  result<void> copy_link(int folder, const std::string& name, int to, const std::string& to_name,
                         const std::string& path) {
    char target[PATH_MAX];
    auto n = ::readlinkat(folder, name.c_str(), target, sizeof target - 1);
    if (n < 0) return failure(errno, path);
    target[n] = '\0';
    if (::symlinkat(target, to, to_name.c_str()) != 0) return failure(errno, path);
    if (gets_ && ::fchownat(to, to_name.c_str(), gets_->uid, gets_->gid, AT_SYMLINK_NOFOLLOW) != 0)
      return failure(errno, path);
    return {};
  }

  result<void> copy_file(int folder, const std::string& name, int to, const std::string& to_name,
                         const std::string& path) {
    descriptor from(open_name(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat found {};
    if (!from || ::fstat(from.get(), &found) != 0) return failure(errno, path);
    if (!S_ISREG(found.st_mode)) return failure(ENXIO, path);
    descriptor place(::openat(to, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!place) return failure(errno, path);
    auto file = staged::make({std::move(place), to_name, path, gets_});
    if (!file) return file.error();
    if (auto done = copy_bytes(from.get(), *file, path); !done) return done;
    auto done = file->put(replace_, found.st_mode & 0777);
    if (!done) return done.error();
    return {};
  }

  result<void> copy_folder(int folder, const std::string& name, int to, const std::string& to_name,
                           const std::string& path, int depth) {
    if (depth == 0) return too_deep(path);
    descriptor from(open_name(folder, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
    if (!from) return failure(errno, path);
    if (auto error = make_folder(to, to_name, gets_)) return failure(error, path);
    descriptor into(open_name(to, to_name, O_PATH | O_DIRECTORY));
    if (!into) return failure(errno, path);
    bool complete = true;
    for (const auto& inner : names_in(from.get(), folder_entries_max, complete)) {
      auto done = copy(from.get(), inner, into.get(), inner, paths::joined(path, inner), depth - 1);
      if (!done && done.error().code != error_code::file_not_found) return done;
    }
    if (!complete) return failure(E2BIG, path);
    return {};
  }

  std::optional<owner> gets_;
  bool replace_;
};

result<std::uint64_t> remove_in(int folder, const std::string& name, const std::string& path,
                                int depth) {
  // What a program makes meanwhile may keep a folder from being empty.
  constexpr int rounds_max = 100;
  if (::unlinkat(folder, name.c_str(), 0) == 0) return 1;
  if (errno != EISDIR && errno != EPERM) return failure(errno, path);
  if (depth == 0) return too_deep(path);
  std::uint64_t removed = 0;
  for (int round = 0; round < rounds_max; ++round) {
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return removed + 1;
    if (errno != ENOTEMPTY && errno != EEXIST) return failure(errno, path);
    descriptor inner(open_name(folder, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
    if (!inner) return failure(errno, path);
    bool complete = true;
    for (const auto& each : names_in(inner.get(), folder_entries_max, complete)) {
      auto done = remove_in(inner.get(), each, paths::joined(path, each), depth - 1);
      if (done)
        removed += *done;
      else if (done.error().code != error_code::file_not_found)
        return done;
    }
  }
  return failure(ENOTEMPTY, path);
}

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
  copier copies(to->gets, what.replace);
  auto done = copies.copy(folder->get(), std::string(paths::last_of(what.from)), to->folder.get(),
                          to->name, what.from, depth_max);
  if (!done) return done.error();
  return entry_at(in, *to);
}

result<std::uint64_t> remove_all(const root& in, const std::string& path) {
  auto at = in.spot_of(path, change::remove, false);
  if (!at) return at.error();
  return remove_in(at->folder.get(), at->name, path, depth_max);
}

}  // namespace gateways::files
