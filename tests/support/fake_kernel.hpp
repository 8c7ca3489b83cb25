// A kernel without a process: remembers what it was told, says what the test makes it say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"

namespace tests {

struct fake_kernel {
  std::shared_ptr<actors::kernel_sink> sink;
  std::vector<actors::kernel_start> starts;
  std::vector<protocol::jupyter::message> sent;
  int interrupts = 0;
  int kills = 0;
  std::uint64_t consumed = 0;
  bool destroyed = false;

  std::uint64_t generation() const { return starts.empty() ? 0 : starts.back().generation; }

  void come_up() {
    sink->started(generation(), 4242, "/run/kernel.json");
    sink->ready(generation());
  }
  void say(protocol::jupyter::channel on, std::string type, std::string content,
           std::string parent) {
    sink->received(generation(), {{.on = on,
                                   .msg_type = std::move(type),
                                   .parent_msg_id = std::move(parent),
                                   .content = protocol::buffer(std::move(content))}});
  }
  /// Plays the whole of an execution that prints one line.
  void run(const std::string& id, const std::string& printed) {
    using protocol::jupyter::channel;
    say(channel::iopub, "status", R"({"execution_state":"busy"})", id);
    say(channel::iopub, "stream", R"({"name":"stdout","text":")" + printed + "\"}", id);
    say(channel::shell, "execute_reply", R"({"status":"ok","execution_count":1})", id);
    say(channel::iopub, "status", R"({"execution_state":"idle"})", id);
  }
  void die(int signal) {
    sink->exited(generation(), {.signal = signal});
    sink->drained(generation());
  }
};

class fake_kernel_port : public actors::kernel_port {
 public:
  explicit fake_kernel_port(std::shared_ptr<fake_kernel> k) : k_(std::move(k)) {}
  ~fake_kernel_port() override { k_->destroyed = true; }
  void start(actors::kernel_start what) override { k_->starts.push_back(std::move(what)); }
  void send(protocol::jupyter::message m) override { k_->sent.push_back(std::move(m)); }
  void interrupt() override { ++k_->interrupts; }
  void kill() override { ++k_->kills; }
  void drain() override {}
  void consumed(std::uint64_t bytes) override { k_->consumed += bytes; }
  double cpu_ms() const override { return 0; }
  std::uint64_t memory_peak_bytes() const override { return 0; }

 private:
  std::shared_ptr<fake_kernel> k_;
};

/// Every port that is made is `k`'s.
inline actors::kernel_port_factory ports_of(std::shared_ptr<fake_kernel> k) {
  return [k](std::shared_ptr<actors::kernel_sink> sink) {
    k->sink = std::move(sink);
    return std::make_unique<fake_kernel_port>(k);
  };
}

}  // namespace tests
