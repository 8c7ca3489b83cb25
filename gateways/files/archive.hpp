// A folder of the workspace as a tar archive, out and in.
//
// Used on one thread at a time, which may block; constant memory. What goes out is what stands
// there while it is read: a file that grows is cut at the size it had, one that shrinks is filled
// with zeros. What comes in waits in a file without a name until it is whole, is looked through,
// and only then unpacked: a refusal leaves nothing. Every path is opened as any other change's is.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateways/files/root.hpp"
#include "gateways/files/staged.hpp"

namespace gateways::files {

/// Files, folders and links below a folder, with names relative to it, in the order of listings. It
/// breaks off at what cannot be read or listed.
class packing {
 public:
  /// `wrong_state` when it is no folder.
  static result<packing> open(root in, const std::string& path);
  packing(packing&&) noexcept;
  ~packing();

  /// At least so many bytes, but for the last; empty: that was all.
  result<std::string> read(std::size_t bytes);

 private:
  class state;
  explicit packing(std::unique_ptr<state> s);

  std::unique_ptr<state> state_;
};

struct unpacked {
  std::uint64_t files = 0;
  std::uint64_t folders = 0;
  std::uint64_t links = 0;
  std::uint64_t bytes = 0;
};

/// Bounds: `entries_max` entries, `room_bytes` of files and as many of the archive, two minutes;
/// and it ends with the daemon, when `in` was opened so.
class unpacking {
 public:
  static constexpr std::uint64_t entries_max = 100'000;

  static result<unpacking> open(root in, protocol::sandbox_mode mode, const std::string& path,
                                std::optional<std::uint64_t> room_bytes);

  result<void> write(std::string_view bytes) { return spool_.write(bytes); }

  const std::string& path() const { return path_; }

  /// `malformed_request` for what is no archive, `invalid_field` or what a write there would be
  /// refused with for an entry that may not be. When the disk refuses midway, the member `unpacked`
  /// tells after how many entries.
  result<unpacked> finish();

 private:
  unpacking(root in, protocol::sandbox_mode mode, std::string path,
            std::optional<std::uint64_t> room_bytes, staged spool)
      : root_(std::move(in)),
        mode_(mode),
        path_(std::move(path)),
        room_bytes_(room_bytes),
        spool_(std::move(spool)) {}
  result<void> go_on() const;
  result<void> check_all();

  root root_;
  protocol::sandbox_mode mode_;
  std::string path_;
  std::optional<std::uint64_t> room_bytes_;
  staged spool_;
  std::chrono::steady_clock::time_point end_{};  ///< when `finish` must be over
};

}  // namespace gateways::files
