#include "gateways/files/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "gateways/files/contents.hpp"
#include "gateways/files/tar_reader.hpp"
#include "gateways/files/tree.hpp"
#include "gateways/files/walk.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/json.hpp"

namespace gateways::files {
namespace {

using protocol::error_code;
using protocol::files::change;
using protocol::files::kind;
namespace paths = protocol::files;

constexpr std::size_t piece_bytes = 256 << 10;
constexpr auto unpacking_max = std::chrono::minutes(2);

fault not_allowed(const tar_item& item, std::string why) {
  return protocol::http::invalid_fields({{"/" + item.name, std::move(why)}});
}

/// Where it goes in `folder`.
result<std::string> place_of(const std::string& folder, const tar_item& item) {
  auto pointer = "/" + item.name;
  auto name = paths::parse_path(item.name, pointer);
  return name ? paths::parse_path(paths::joined(folder, *name), pointer) : name;
}

/// The folder that all goes into, and that of a zone, stay as they are.
bool stays(const tar_item& item, std::string_view path) {
  return item.is == kind::folder &&
         (item.name.empty() || path == paths::name_of(paths::zone_of(path)));
}

}  // namespace

// -- out -----------------------------------------------------------------------------------------

class packing::state {
 public:
  state(root in, std::string path)
      : root_(std::move(in)),
        path_(std::move(path)),
        archive_(archive_write_new(), archive_write_free),
        entry_(archive_entry_new(), archive_entry_free) {
    auto* a = archive_.get();
    archive_write_set_format_gnutar(a);  // takes names as the bytes they are
    archive_write_set_bytes_per_block(a, 0);
    archive_write_set_bytes_in_last_block(a, 1);
    archive_write_open(a, &out_, nullptr, take, nullptr);
  }

  result<std::string> read(std::size_t bytes) {
    while (out_.size() < bytes && !ended_)
      if (auto done = left_ > 0 ? add_bytes() : add_next(); !done) return done.error();
    return std::exchange(out_, {});
  }

 private:
  static la_ssize_t take(archive*, void* to, const void* bytes, std::size_t size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
  }

  result<void> add_next() {
    if (at_ == page_.entries.size()) {
      if (begun_ && page_.next.empty()) return end();
      auto after = page_.entries.empty() ? std::string() : page_.entries.back().path;
      auto page = list(root_, {path_, depth_whole, page_entries, std::move(after)});
      if (!page) return page.error();
      if (!page->complete)
        return fault{error_code::wrong_state,
                     protocol::json_string(path_) + " has more in it than can be listed",
                     {},
                     0};
      page_ = std::move(*page);
      at_ = 0;
      begun_ = true;
      return {};
    }
    const auto& e = page_.entries[at_++];
    auto done = e.is == kind::file    ? add_file(e)
                : e.is == kind::other ? result<void>{}
                                      : add_name(e);
    // Code removes and replaces things meanwhile; what cannot be read is not left out in silence.
    if (!done && done.error().code == error_code::file_not_found) return {};
    return done;
  }

  result<void> add_file(const paths::entry& e) {
    auto file = open_for_reading(root_, e.path);
    if (!file) return file.error();
    struct stat found {};
    if (::fstat(file->fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) return {};
    if (auto done = add_header(e, found, {}); !done) return done;
    file_ = std::move(file->fd);
    left_ = static_cast<std::uint64_t>(found.st_size);
    return {};
  }

  /// A folder, or a link.
  result<void> add_name(const paths::entry& e) {
    auto parent = root_.open_existing(std::string(paths::parent_of(e.path)), O_PATH | O_DIRECTORY);
    if (!parent) return parent.error();
    auto name = std::string(paths::last_of(e.path));
    struct stat found {};
    if (::fstatat(parent->get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return {};
    std::string target;
    if (S_ISLNK(found.st_mode)) {
      target.resize(PATH_MAX);
      auto n = ::readlinkat(parent->get(), name.c_str(), target.data(), target.size());
      if (n < 0) return {};
      target.resize(static_cast<std::size_t>(n));
    } else if (!S_ISDIR(found.st_mode)) {
      return {};
    }
    return add_header(e, found, target);
  }

  result<void> add_header(const paths::entry& e, const struct stat& found,
                          const std::string& target) {
    auto* entry = archive_entry_clear(entry_.get());
    auto name = path_.empty() ? e.path : e.path.substr(path_.size() + 1);
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, found.st_mode & S_IFMT);
    archive_entry_set_perm(entry, found.st_mode & 0777);
    archive_entry_set_mtime(entry, found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
    archive_entry_set_size(entry, S_ISREG(found.st_mode) ? found.st_size : 0);
    if (!target.empty()) archive_entry_set_symlink(entry, target.c_str());
    return check(archive_write_header(archive_.get(), entry));
  }

  result<void> add_bytes() {
    piece_.resize(std::min<std::uint64_t>(piece_bytes, left_));
    auto n = ::read(file_.get(), piece_.data(), piece_.size());
    if (n < 0 && errno == EINTR) return {};
    if (n < 0) return failure(errno, page_.entries[at_ - 1].path);
    auto bytes = static_cast<std::size_t>(n);
    left_ = bytes == 0 ? 0 : left_ - bytes;  // what it lost meanwhile comes as zeros
    if (left_ == 0) file_ = {};
    if (bytes == 0) return {};
    auto wrote = archive_write_data(archive_.get(), piece_.data(), bytes);
    return check(wrote < 0 ? static_cast<int>(wrote) : ARCHIVE_OK);
  }

  result<void> end() {
    ended_ = true;
    return check(archive_write_close(archive_.get()));
  }

  result<void> check(int done) const {
    if (done >= ARCHIVE_WARN) return {};
    auto why = archive_error_string(archive_.get());
    return fault{
        error_code::internal, std::string("the archive: ") + (why ? why : "broken"), {}, 0};
  }

  static constexpr std::size_t page_entries = 1'000;

  root root_;
  std::string path_;
  std::string out_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry_;
  paths::listing page_;
  std::size_t at_ = 0;  ///< in the page
  bool begun_ = false, ended_ = false;
  descriptor file_;
  std::uint64_t left_ = 0;  ///< of the file
  std::string piece_;
};

packing::packing(std::unique_ptr<state> s) : state_(std::move(s)) {}
packing::packing(packing&&) noexcept = default;
packing::~packing() = default;

result<packing> packing::open(root in, const std::string& path) {
  auto folder = open_for_reading(in, path);
  if (!folder) return folder.error();
  if (folder->is.is != kind::folder) return no_folder(path);
  return packing(std::make_unique<state>(std::move(in), path));
}

result<std::string> packing::read(std::size_t bytes) {
  return state_->read(bytes);
}

// -- in ------------------------------------------------------------------------------------------

namespace {

/// What lies in the spool, from its beginning.
tar_reader::source bytes_of(const staged& spool) {
  return [fd = spool.fd(), piece = std::string(), at = off_t{0}](std::size_t most) mutable {
    piece.resize(most);
    for (;;) {
      auto n = ::pread(fd, piece.data(), piece.size(), at);
      if (n < 0 && errno == EINTR) continue;
      auto bytes = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
      at += static_cast<off_t>(bytes);
      return std::string_view(piece).substr(0, bytes);
    }
  };
}

/// Puts the entries in their places.
class placer {
 public:
  placer(const root& in, const std::string& folder) : root_(in), folder_(folder) {}

  result<void> place(tar_reader& from, const tar_item& item) {
    auto path = place_of(folder_, item);
    if (!path) return path.error();
    switch (item.is) {
      case kind::file: return place_file(from, item, *path);
      case kind::folder: return stays(item, *path) ? result<void>{} : place_folder(*path);
      default: return place_link(item, *path);
    }
  }

  unpacked so_far;

 private:
  result<void> place_file(tar_reader& from, const tar_item& item, const std::string& path) {
    auto at = root_.spot_of(path, change::write, true);
    if (!at) return at.error();
    auto kept = at->kept ? 0444u : 0u;
    auto file = staged::make(std::move(*at));
    if (!file) return file.error();
    for (;;) {
      auto piece = from.read();
      if (!piece) return piece.error();
      if (piece->empty()) break;
      if (auto done = file->write(*piece); !done) return done;
      so_far.bytes += piece->size();
    }
    if (auto done = file->put(true, item.permissions | kept); !done) return done.error();
    ++so_far.files;
    return {};
  }

  result<void> place_folder(const std::string& path) {
    auto made = make(root_, path);
    if (!made) return made.error();
    ++so_far.folders;
    return {};
  }

  result<void> place_link(const tar_item& item, const std::string& path) {
    auto at = root_.spot_of(path, change::write, true);
    if (!at) return at.error();
    auto folder = at->folder.get();
    auto hidden = hidden_name();
    auto error = [&] {
      if (::symlinkat(item.target.c_str(), folder, hidden.c_str()) != 0) return errno;
      if (at->gets && ::fchownat(folder, hidden.c_str(), at->gets->uid, at->gets->gid,
                                 AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
      return ::renameat(folder, hidden.c_str(), folder, at->name.c_str()) == 0 ? 0 : errno;
    }();
    if (error != 0) {
      ::unlinkat(folder, hidden.c_str(), 0);
      return failure(error, path);
    }
    ++so_far.links;
    return {};
  }

  const root& root_;
  const std::string& folder_;
};

}  // namespace

result<unpacking> unpacking::open(root in, protocol::sandbox_mode mode, const std::string& path,
                                  std::optional<std::uint64_t> room_bytes) {
  if (auto refused = paths::refusal_inside(path, mode)) return *refused;
  // In its zone, so that it counts where the files will, and before any folder is made.
  auto zone = paths::name_of(paths::zone_of(path));
  auto at = in.spot_of(paths::joined(zone, hidden_name()), change::write, false);
  if (!at) return at.error();
  auto spool = staged::make(std::move(*at));
  if (!spool) return spool.error();
  return unpacking(std::move(in), mode, path, room_bytes, std::move(*spool));
}

result<void> unpacking::go_on() const {
  if (root_.unwanted()) return fault{error_code::draining, "the daemon ends", {}, 0};
  if (std::chrono::steady_clock::now() < end_) return {};
  return fault{error_code::timed_out, "unpacking took too long", {}, 0};
}

result<void> unpacking::check_all() {
  tar_reader archive(bytes_of(spool_));
  std::uint64_t entries = 0, bytes = 0;
  for (;;) {
    auto item = archive.next();
    if (!item) return item.error();
    if (!*item) return {};
    auto& i = **item;
    if (++entries > entries_max)
      return not_allowed(i,
                         "is one entry more than the " + std::to_string(entries_max) + " allowed");
    if (i.is == kind::other) return not_allowed(i, "is no file, folder or symbolic link");
    if (i.is == kind::link && i.target.empty()) return not_allowed(i, "is a link to nothing");
    auto path = place_of(path_, i);
    if (!path) return path.error();
    if (stays(i, *path)) continue;
    if (auto refused = paths::refusal(change::write, *path, mode_)) return *refused;
    for (;;) {  // what is said of a size proves nothing
      auto piece = archive.read();
      if (!piece) return piece.error();
      if (piece->empty()) break;
      if (auto may = go_on(); !may) return may;
      bytes += piece->size();
      if (room_bytes_ && bytes > *room_bytes_)
        return fault{error_code::disk_quota,
                     "the files of the archive have more than the " + std::to_string(*room_bytes_) +
                         " bytes that `disk_bytes` leaves",
                     "{\"remaining\":" + std::to_string(*room_bytes_) + "}", 0};
    }
  }
}

result<unpacked> unpacking::finish() {
  end_ = std::chrono::steady_clock::now() + unpacking_max;
  if (auto good = check_all(); !good) return good.error();
  tar_reader archive(bytes_of(spool_));
  placer places(root_, path_);
  std::uint64_t entries = 0;
  auto stopped = [&](fault why) {
    if (why.members.empty()) why.members = "{\"unpacked\":" + std::to_string(entries) + "}";
    return why;
  };
  if (path_ != paths::name_of(paths::zone_of(path_)))
    if (auto made = make(root_, path_); !made)
      return made.error().code == error_code::already_exists ? no_folder(path_) : made.error();
  for (;; ++entries) {
    auto item = archive.next();
    if (!item) return stopped(item.error());
    if (!*item) return places.so_far;
    if (auto may = go_on(); !may) return stopped(may.error());
    if (auto done = places.place(archive, **item); !done) return stopped(done.error());
  }
}

}  // namespace gateways::files
