// Watches folders of workspaces by inotify, for any number of readers.
//
// Owned by the HTTP dispatcher; its one thread, begun with the first reader, owns all watchers and
// may block on the disk. There is one watcher for a folder that is asked for, with an inotify
// instance of its own, so that one that is flooded costs no other its records. It stays for a while
// after its last reader, with the events that it keeps. No link is followed, and every folder is
// opened beneath the workspace, which is opened anew for each piece of work: nothing here keeps a
// folder that is removed. Bounds: `watch_limits`; the events of a reader wait in its sink, which
// has a bound of its own. Invariant: after the destructor no sink is called.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gateways/client_port.hpp"
#include "gateways/files/root.hpp"
#include "protocol/files/change_feed.hpp"

namespace gateways::files {

struct watch_limits {
  std::size_t watchers_max = 64;           ///< a user has 128 inotify instances
  std::size_t folders_max = 4'096;         ///< of one watcher
  std::chrono::milliseconds gather{100};   ///< what comes within it is told at once
  std::chrono::milliseconds keep{60'000};  ///< after the last reader
};

struct watch_request {
  std::string workspace;
  protocol::sandbox_mode mode = protocol::sandbox_mode::agent;
  std::string path;
  bool recursive = true;
  std::optional<protocol::files::change_cursor> since{};  ///< none: what comes from now on
};

class watcher;

class watch_service {
 public:
  explicit watch_service(watch_limits limits = {});
  ~watch_service();
  watch_service(const watch_service&) = delete;
  watch_service& operator=(const watch_service&) = delete;

  /// Any thread; never blocks. `accepted` with a cursor says that all is heard of from there on;
  /// `finished` that the folder is gone.
  [[nodiscard]] std::unique_ptr<call_handle> follow(watch_request what,
                                                    std::shared_ptr<reply_sink> to);

  /// Who hears of changes, until `gone` is set.
  struct reader {
    std::shared_ptr<reply_sink> to;
    std::shared_ptr<std::atomic<bool>> gone;
  };

 private:
  void run();
  void wait();
  void ring() const;
  void admit(const watch_request& what, reader r);

  const watch_limits limits_;
  descriptor bell_;  ///< rung for requests, and for the end
  std::mutex mutex_;
  std::vector<std::pair<watch_request, reader>> requests_;
  std::atomic<bool> stopping_{false};
  std::vector<std::unique_ptr<watcher>> watchers_;  ///< as `last_name_`: of the thread alone
  std::uint64_t last_name_ = 0;
  std::thread thread_;
};

}  // namespace gateways::files
