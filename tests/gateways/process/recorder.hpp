// A kernel_sink that remembers what it was told, and lets a test wait for it with a deadline.
// Hands bytes back as an actor would, unless told to hold them.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "actors/env.hpp"

namespace tests {

struct recorder : actors::kernel_sink {
  using message = protocol::jupyter::message;

  void started(std::uint64_t g, int p, std::string file) override {
    note(g, [&] { pid = p, connection_file = std::move(file), starts++; });
  }
  void start_failed(std::uint64_t g, std::string text) override {
    note(g, [&] { why = std::move(text); });
  }
  void ready(std::uint64_t g) override {
    note(g, [&] { readies++; });
  }
  void received(std::uint64_t g, std::vector<message> batch) override {
    note(g, [&] {
      for (auto& m : batch) {
        bytes += protocol::jupyter::bytes_of(m);
        messages.push_back(std::move(m));
      }
    });
    if (on_received) on_received();
  }
  void heartbeat_lost(std::uint64_t g, std::uint64_t n) override {
    note(g, [&] { misses = n, losses++; });
  }
  void exited(std::uint64_t g, actors::exit_status s) override {
    note(g, [&] { status = std::move(s), exits++; });
  }
  void drained(std::uint64_t g) override {
    note(g, [&] { drains++; });
  }

  template <class Change>
  void note(std::uint64_t g, Change change) {
    std::lock_guard lock(mutex);
    generation = g;
    change();
    changed.notify_all();
  }

  /// False when it did not happen in time.
  bool wait(const std::function<bool()>& happened,
            std::chrono::seconds patience = std::chrono::seconds(30)) {
    std::unique_lock lock(mutex);
    auto end = std::chrono::steady_clock::now() + patience;
    while (!happened()) {
      if (std::chrono::steady_clock::now() > end) return false;
      changed.wait_for(lock, std::chrono::milliseconds(10));  // it may be about processes
    }
    return true;
  }

  std::size_t count(std::string_view type) const {
    std::size_t n = 0;
    for (auto& m : messages) n += m.msg_type == type;
    return n;
  }
  const message* find(std::string_view type, std::string_view part = {}) const {
    for (auto& m : messages)
      if (m.msg_type == type && m.content.view().find(part) != std::string_view::npos) return &m;
    return nullptr;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> on_received;
  std::uint64_t generation = 0;
  int pid = 0;
  std::string connection_file, why;
  int starts = 0, readies = 0, exits = 0, drains = 0, losses = 0;
  std::uint64_t misses = 0, bytes = 0;
  actors::exit_status status;
  std::vector<message> messages;
};

}  // namespace tests
