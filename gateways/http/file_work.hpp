// Work on files between a session's thread, which must not block, and the pools, which may.
//
// Each object is shared by its session and by what is posted of it, so either may end first. The
// session is woken, and then asks; `wake` may come late, or for nothing. Bounds: a download has one
// piece read ahead, an upload `waiting_bytes_max` that wait for the disk; beyond that the session
// reads no more from its client.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gateways/http/exchange.hpp"
#include "gateways/http/server.hpp"

namespace gateways::http {

using waker = std::function<void()>;

/// One piece of work with one answer.
class file_work : public std::enable_shared_from_this<file_work> {
 public:
  static constexpr std::size_t slow_max = 256;  ///< that wait or run; one more is refused

  static std::shared_ptr<file_work> start(file_plan plan, const file_pools& pools, waker wake);

  /// The answer, once.
  std::optional<file_outcome> take();
  /// The client went away.
  void abandon() { unwanted_ = true; }

 private:
  file_work(file_plan plan, const file_pools& pools, waker wake)
      : plan_(std::move(plan)), pools_(pools), wake_(std::move(wake)) {}
  void run();

  file_plan plan_;
  file_pools pools_;
  waker wake_;
  std::atomic<bool> unwanted_{false};
  bool counted_ = false;  ///< in `pools_.slow_work`
  std::mutex mutex_;
  std::optional<file_outcome> done_;
};

/// Bytes on their way to a client: while one piece is written the next is read.
class download_work : public std::enable_shared_from_this<download_work> {
 public:
  static constexpr std::size_t piece_bytes = 512 << 10;

  static std::shared_ptr<download_work> start(download what, const file_pools& pools, waker wake);

  /// The next piece. None: it is not read yet, or all was given, or it broke.
  std::optional<std::string> next();
  bool all_given();
  /// Its length was not known: it ends when it ends.
  bool open_ended() const { return open_ended_; }
  /// The bytes ended before the length that was promised, or cannot be read.
  bool broken();

 private:
  download_work(std::shared_ptr<byte_source> bytes, std::optional<std::uint64_t> length,
                const file_pools& pools, waker wake)
      : bytes_(std::move(bytes)),
        pools_(pools),
        wake_(std::move(wake)),
        open_ended_(!length),
        left_(length) {}
  void ask();
  void read(std::size_t bytes);

  std::shared_ptr<byte_source> bytes_;  ///< used on the pool only
  file_pools pools_;
  waker wake_;
  const bool open_ended_;
  std::optional<std::uint64_t> left_;  ///< used by the session only
  std::mutex mutex_;
  std::optional<std::string> ready_;
  bool ended_ = false;  ///< one whose length was not known
  bool broken_ = false;
};

/// Bytes on their way from a client to the disk.
class upload_work : public std::enable_shared_from_this<upload_work> {
 public:
  static constexpr std::size_t waiting_bytes_max = 512 << 10;

  static std::shared_ptr<upload_work> start(upload_plan plan, const file_pools& pools, waker wake);

  void add(std::string_view bytes);
  /// No more will come: what waits is written, then the answer made.
  void end();
  /// The client went away.
  void abandon();
  bool full();
  /// The answer, once; before `end` it is a refusal.
  std::optional<file_outcome> take();

 private:
  upload_work(upload_plan plan, const file_pools& pools, waker wake)
      : plan_(std::move(plan)), pools_(pools), wake_(std::move(wake)) {}
  void post();
  void work();
  void finish();
  std::optional<protocol::fault> write_waiting();
  void answer(file_outcome what);

  const upload_plan plan_;
  file_pools pools_;
  waker wake_;
  std::shared_ptr<byte_sink> sink_;  ///< as `piece_`: used on the pool only, by one at a time
  std::string piece_;
  std::mutex mutex_;
  std::string waiting_;
  bool working_ = false, ended_ = false, abandoned_ = false, over_ = false;
  std::optional<file_outcome> done_;
};

}  // namespace gateways::http
