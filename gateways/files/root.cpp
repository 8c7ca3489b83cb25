#include "gateways/files/root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"

namespace gateways::files {
namespace {

using protocol::error_code;
namespace paths = protocol::files;

constexpr int folder_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr std::int64_t year_1_s = -62'135'596'800, year_9999_s = 253'402'300'799;

std::string etag_of(const struct stat& s) {
  std::string out = "\"";
  char digits[24];
  auto add = [&](std::uint64_t value) {
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
  };
  add(s.st_ino);
  add((out += '-', static_cast<std::uint64_t>(s.st_size)));
  add((out += '-', static_cast<std::uint64_t>(s.st_ctim.tv_sec)));
  add((out += '.', static_cast<std::uint64_t>(s.st_ctim.tv_nsec)));
  return out += '"';
}

error_code code_of(int error) {
  switch (error) {
    case ENOENT: return error_code::file_not_found;
    case EXDEV:
    case ELOOP: return error_code::path_escapes;
    case EEXIST: return error_code::already_exists;
    case ENOSPC:
    case EDQUOT: return error_code::disk_full;
    case EAGAIN:
    case EMFILE:
    case ENFILE: return error_code::unavailable;
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
    case EBUSY:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENXIO:
    case E2BIG:
    case EFBIG:
    case ETXTBSY:
    case EINVAL: return error_code::wrong_state;
    default: return error_code::internal;
  }
}

std::string text_of(int error) {
  switch (error) {
    case ENOENT: return "is not there";
    case EXDEV: return "leads out of the workspace, or of its zone";
    case ELOOP: return "has a link on its way that is not followed here";
    case EEXIST: return "is there already";
    case ENOTDIR: return "has something on its way that is no folder";
    case EISDIR: return "is a folder";
    case ENOTEMPTY: return "is a folder that is not empty";
    case ENXIO: return "is neither a file nor a folder";
    case EINVAL: return "would lie in itself";
    case E2BIG: return "has more in it than one request may work on";
    case EFBIG: return "is too large";
    case ETXTBSY: return "is a program that runs";
    default: return std::string("cannot be used: ") + std::strerror(error);
  }
}

/// Why a path was not resolved. Where links are followed, too many of them are a loop.
fault unresolved(int error, std::string_view path, std::uint64_t resolve) {
  if (error == ELOOP && !(resolve & RESOLVE_NO_SYMLINKS))
    return {error_code::wrong_state,
            protocol::json_string(path) + " leads through links in a loop",
            {},
            0};
  return failure(error, path);
}

/// As asked for by readers: what would lie in a file is not there.
fault not_found(int error, std::string_view path, std::uint64_t resolve) {
  return unresolved(error == ENOTDIR ? ENOENT : error, path, resolve);
}

}  // namespace

fault failure(int error, std::string_view path) {
  if (error == ENAMETOOLONG)
    return protocol::http::invalid_fields({{"/path", "has a name that is too long"}});
  return {code_of(error), protocol::json_string(path) + " " + text_of(error), {}, 0};
}

fault no_folder(std::string_view path) {
  return {error_code::wrong_state, protocol::json_string(path) + " is no folder", {}, 0};
}

fault no_room(std::uint64_t bytes) {
  return {protocol::error_code::disk_quota,
          "`disk_bytes` leaves " + std::to_string(bytes) +
              " bytes for files, as they were last measured",
          "{\"remaining\":" + std::to_string(bytes) + "}", 0};
}

int open_beneath(int folder, const std::string& path, int flags, std::uint64_t resolve,
                 unsigned mode) {
  // EAGAIN: something was renamed while the path was walked.
  constexpr int tries_max = 10;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
  for (int tries = 1;; ++tries) {
    auto fd = static_cast<int>(
        ::syscall(SYS_openat2, folder, path.empty() ? "." : path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries == tries_max) return fd;
  }
}

int open_name(int folder, const std::string& name, int flags) {
  return open_beneath(folder, name, flags | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
}

std::optional<struct stat> stat_at(const spot& s) {
  struct stat found {};
  if (::fstatat(s.folder.get(), s.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
    return std::nullopt;
  return found;
}

int make_folder(int folder, const std::string& name, const std::optional<owner>& gets) {
  if (::mkdirat(folder, name.c_str(), 0755) != 0) return errno;
  descriptor made(open_name(folder, name, O_RDONLY | O_DIRECTORY));
  if (!made) return errno;
  if (::fchmod(made.get(), 0755) != 0) return errno;
  if (gets && ::fchown(made.get(), gets->uid, gets->gid) != 0) return errno;
  return 0;
}

result<root> root::open(const std::string& folder, protocol::sandbox_mode mode,
                        const std::atomic<bool>* unwanted, const std::atomic<bool>* stopping) {
  descriptor fd(::open(folder.c_str(), folder_flags | O_NOFOLLOW));
  struct stat found {};
  if (!fd || ::fstat(fd.get(), &found) != 0)
    return fault{
        error_code::wrong_state, "the workspace cannot be opened: " + text_of(errno), {}, 0};
  return root(std::move(fd), {found.st_uid, found.st_gid}, mode, unwanted, stopping);
}

result<root> root::inner(const std::string& name) const {
  descriptor fd(open_name(folder_.get(), name, folder_flags));
  if (!fd) return failure(errno == ENOTDIR ? ENOENT : errno, name);
  return root(std::move(fd), owner_, mode_, unwanted_, stopping_);
}

result<descriptor> root::open_existing(const std::string& path, int flags,
                                       std::uint64_t resolve) const {
  // What only stands for a path takes no flags of an opened file.
  int calm = flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY;
  descriptor fd(open_beneath(folder_.get(), path, flags | calm, resolve));
  if (!fd) return not_found(errno, path, resolve);
  return fd;
}

result<descriptor> root::open_folder(const std::string& path, int flags,
                                     std::uint64_t resolve) const {
  auto fd = open_existing(path, flags | O_DIRECTORY, resolve);
  if (!fd && fd.error().code == error_code::file_not_found && open_existing(path, O_PATH, resolve))
    return no_folder(path);
  return fd;
}

result<entry> root::look(const std::string& path) const {
  descriptor fd(open_beneath(folder_.get(), path, O_PATH | O_NOFOLLOW, 0));
  struct stat found {};
  if (!fd || ::fstat(fd.get(), &found) != 0) return not_found(errno, path, 0);
  return describe(path, found);
}

entry root::describe(std::string path, const struct stat& s) const {
  using protocol::files::kind;
  entry out;
  out.is = S_ISREG(s.st_mode)   ? kind::file
           : S_ISDIR(s.st_mode) ? kind::folder
           : S_ISLNK(s.st_mode) ? kind::link
                                : kind::other;
  out.size_bytes = out.is == kind::file ? static_cast<std::uint64_t>(s.st_size) : 0;
  // Programs set it to what they like.
  auto seconds = std::clamp(std::int64_t{s.st_mtim.tv_sec}, year_1_s, year_9999_s);
  out.modified_at = seconds * 1'000 + s.st_mtim.tv_nsec / 1'000'000;
  if (out.is == kind::file) out.etag = etag_of(s);
  out.writable = paths::writable_inside(path, mode_);
  out.path = std::move(path);
  return out;
}

result<spot> root::spot_of(const std::string& path, protocol::files::change what, bool make) const {
  if (auto refused = paths::refusal(what, path, mode_)) return *refused;
  auto z = paths::zone_of(path);
  bool kept = z == paths::zone::upload || z == paths::zone::store;
  std::optional<owner> gets;
  if (!kept && owner_.uid != ::geteuid()) gets = owner_;
  auto folder = open_parent(path, make, gets);
  if (!folder) return folder.error();
  return spot{std::move(*folder), std::string(paths::last_of(path)), path, gets, kept};
}

/// A zone is resolved in itself, so that no link in one zone makes a change in another. Outside
/// the zones no link is followed, since any might lead into one.
result<descriptor> root::open_parent(const std::string& path, bool make,
                                     const std::optional<owner>& gets) const {
  auto parent = std::string(paths::parent_of(path));
  auto zone = paths::name_of(paths::zone_of(path));
  std::uint64_t resolve = zone.empty() ? RESOLVE_NO_SYMLINKS : 0;
  descriptor base(zone.empty() ? open_beneath(folder_.get(), "", folder_flags, 0)
                               : open_name(folder_.get(), std::string(zone), folder_flags));
  if (!base) return failure(errno, path);
  if (!zone.empty()) parent.erase(0, std::min(parent.size(), zone.size() + 1));
  descriptor whole(open_beneath(base.get(), parent, folder_flags, resolve));
  if (whole) return whole;
  if (errno != ENOENT || !make) return unresolved(errno, path, resolve);
  std::string done;
  descriptor at(open_beneath(base.get(), "", folder_flags, 0));
  for (auto part : paths::parts_of(parent)) {
    done = paths::joined(done, part);
    auto name = std::string(part);
    descriptor next(open_beneath(base.get(), done, folder_flags, resolve));
    if (!next && errno != ENOENT) return unresolved(errno, path, resolve);
    if (!next) {
      auto error = make_folder(at.get(), name, gets);
      if (error != 0 && error != EEXIST) return failure(error, path);
      next.reset(open_name(at.get(), name, folder_flags));
    }
    if (!next) return failure(errno, path);
    at = std::move(next);
  }
  return at;
}

}  // namespace gateways::files
