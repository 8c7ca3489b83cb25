// A workspace as one piece of file work sees it: every path is resolved beneath its folder.
//
// Opened for each piece of work, used on one thread that may block. A hostile program works in the
// same folder meanwhile, so nothing is looked at first and opened later: what is opened is opened
// by openat2, which never leaves the folder it begins in, and is then looked at by its descriptor.
// Invariant: nothing here follows a link that leads out, opens a FIFO so that it waits, or takes a
// change through a link out of its zone.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateways/isolation/descriptor.hpp"
#include "protocol/error.hpp"
#include "protocol/files/entry.hpp"
#include "protocol/files/path.hpp"

namespace gateways::files {

using protocol::fault;
using protocol::result;
using protocol::files::entry;

/// What an error of the system means for the client.
fault failure(int error, std::string_view path);

/// `wrong_state`: a folder was asked for, and what stands there is something else.
fault no_folder(std::string_view path);

/// `disk_quota`, since the limit of the sandbox leaves no more.
fault no_room(std::uint64_t bytes);

/// openat2 beneath `folder`; `resolve` beside what always holds. -1 and errno.
int open_beneath(int folder, const std::string& path, int flags, std::uint64_t resolve,
                 unsigned mode = 0);

/// One name in `folder`, not followed when it is a link. -1 and errno.
int open_name(int folder, const std::string& name, int flags);

struct owner {
  unsigned uid = 0, gid = 0;
};

/// Where a change happens: a name in a folder that stays open.
struct spot {
  descriptor folder;
  std::string name;
  std::string path;
  std::optional<owner> gets;  ///< whose is what is made there; none: the daemon's
  bool kept = false;          ///< in a zone whose files code only reads, and must be able to
};

class root {
 public:
  /// `wrong_state` when the folder is not there (yet). `unwanted` and
  /// `stopping`, when given, outlive this: the one is set by whoever no longer wants what is being
  /// done, the other when the daemon ends.
  static result<root> open(const std::string& folder, protocol::sandbox_mode mode,
                           const std::atomic<bool>* unwanted = nullptr,
                           const std::atomic<bool>* stopping = nullptr);

  /// A folder in this one as a root of its own: what is resolved there does not leave it.
  /// The folder itself is not followed when it is a link.
  result<root> inner(const std::string& name) const;

  /// For reading: a link that stays in the workspace is followed, unless `resolve` says otherwise.
  result<descriptor> open_existing(const std::string& path, int flags,
                                   std::uint64_t resolve = 0) const;

  /// As `open_existing`; what is no folder is `wrong_state`.
  result<descriptor> open_folder(const std::string& path, int flags,
                                 std::uint64_t resolve = 0) const;

  /// What stands at `path` itself; a link is not followed.
  result<entry> look(const std::string& path) const;

  bool unwanted() const { return (unwanted_ && *unwanted_) || (stopping_ && *stopping_); }

  entry describe(std::string path, const struct stat& s) const;

  /// The place of a change, which the zone must allow. `make`: also the folders on the way.
  result<spot> spot_of(const std::string& path, protocol::files::change what, bool make) const;

 private:
  root(descriptor folder, owner of, protocol::sandbox_mode mode, const std::atomic<bool>* unwanted,
       const std::atomic<bool>* stopping)
      : folder_(std::move(folder)),
        owner_(of),
        mode_(mode),
        unwanted_(unwanted),
        stopping_(stopping) {}
  result<descriptor> open_parent(const std::string& path, bool make,
                                 const std::optional<owner>& gets) const;

  descriptor folder_;
  owner owner_;
  protocol::sandbox_mode mode_;
  const std::atomic<bool>* unwanted_;
  const std::atomic<bool>* stopping_;
};

/// What stands in `s`; none: nothing does.
std::optional<struct stat> stat_at(const spot& s);

/// A new folder there, given to whom it belongs. 0 or the error.
int make_folder(int folder, const std::string& name, const std::optional<owner>& gets);

}  // namespace gateways::files
