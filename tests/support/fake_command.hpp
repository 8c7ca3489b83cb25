// Commands without processes: remember what they were told, say what the test makes them say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/env.hpp"

namespace tests {

struct fake_command {
  std::shared_ptr<actors::command_sink> sink;
  actors::command_start start;
  std::string input;
  int terminations = 0;
  int kills = 0;
  std::uint64_t consumed = 0;
  bool destroyed = false;

  void print(std::string text) {
    sink->printed(protocol::command_stream::out, protocol::buffer(std::move(text)));
  }
  void exit(int code) { sink->exited({.exit_code = code}, {}); }
};

class fake_command_port : public actors::command_port {
 public:
  explicit fake_command_port(std::shared_ptr<fake_command> c) : c_(std::move(c)) {}
  ~fake_command_port() override { c_->destroyed = true; }
  void start(actors::command_start what) override { c_->start = std::move(what); }
  void write(std::string bytes, bool) override { c_->input += bytes; }
  void resize(std::uint64_t, std::uint64_t) override {}
  void terminate() override { ++c_->terminations; }
  void kill() override { ++c_->kills; }
  void consumed(std::uint64_t bytes) override { c_->consumed += bytes; }

 private:
  std::shared_ptr<fake_command> c_;
};

/// Every port that is made appends its process to `made`.
inline actors::command_port_factory ports_into(std::vector<std::shared_ptr<fake_command>>& made) {
  return [&made](std::shared_ptr<actors::command_sink> sink) {
    auto c = made.emplace_back(std::make_shared<fake_command>());
    c->sink = std::move(sink);
    return std::make_unique<fake_command_port>(c);
  };
}

}  // namespace tests
