// A door outward that leads nowhere: settings, a clock set by hand, seeded randomness, no kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/directory.hpp"
#include "actors/env.hpp"
#include "actors/views.hpp"
#include "config/config.hpp"

namespace tests {

class hand_clock : public actors::wall_clock {
 public:
  protocol::unix_ms now() const override { return at; }
  protocol::unix_ms at = 1'767'225'600'000;  ///< 2026-01-01T00:00:00Z
};

class seeded_random : public actors::random_source {
 public:
  /// splitmix64
  std::uint64_t next() override {
    auto z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t state = 1;
};

/// Does the work at once, in the caller's thread; or, held, when it is let go.
class inline_pool : public actors::blocking_pool {
 public:
  void post(std::string_view, std::function<void()> work) override {
    if (!held) return work();
    waiting.push_back(std::move(work));
  }
  void let_go() {
    held = false;
    for (auto& work : std::exchange(waiting, {})) work();
  }

  bool held = false;
  std::vector<std::function<void()>> waiting;
};

/// Nothing is held by the operating system; remembers which sandboxes are open.
class test_boxes : public actors::sandbox_host {
 public:
  protocol::result<void> open(const protocol::sandbox_spec& spec, const std::string&) override {
    if (!refuses.empty()) return protocol::fault{protocol::error_code::unavailable, refuses, {}, 0};
    opened.insert(spec.id);
    return {};
  }
  protocol::result<void> change(const std::string&, const protocol::limits& limit) override {
    if (!refuses.empty()) return protocol::fault{protocol::error_code::wrong_state, refuses, {}, 0};
    held_to = limit;
    return {};
  }
  protocol::sandbox_usage look(const std::string&, actors::look_order order) override {
    auto out = used;
    out.disk_measured = order.disk;
    return out;
  }
  void close(const std::string& id) override { opened.erase(id); }

  std::set<std::string> opened;
  std::string refuses;  ///< why `open` and `change` fail; empty: they do not
  protocol::limits held_to;
  protocol::sandbox_usage used;
};

/// Keeps nothing, so that the journal is asked; or, with a number, all.
class test_commits : public actors::commit_log {
 public:
  std::uint64_t keep(const protocol::commit_execution& what) override {
    events = what.events.size();
    return file;
  }
  std::uint64_t file = 0;
  std::size_t events = 0;  ///< of the last one
};

struct test_env {
  explicit test_env(std::string data_dir)
      : env{.settings = settings,
            .data_dir = std::move(data_dir),
            .started_at = clock.at,
            .clock = clock,
            .random = random,
            .make_kernel_port = {},
            .make_command_port = {},
            .boxes = boxes,
            .blocking = pool,
            .looks = pool,
            .commits = commits,
            .views = views,
            .handles = handles,
            .became_ready = {}} {}

  config::settings settings;
  hand_clock clock;
  seeded_random random;
  test_boxes boxes;
  inline_pool pool;
  test_commits commits;
  actors::node_views views;
  actors::directory handles;
  actors::env env;
};

}  // namespace tests
