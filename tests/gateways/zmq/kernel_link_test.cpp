// tidy: the link runs on Asio, the test framework is CAF's
// The link against a kernel made of plain ZeroMQ sockets, which can misbehave on demand.
#define CAF_SUITE kernel_link

#include "gateways/zmq/kernel_link.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "gateways/process/run_dir.hpp"
#include "protocol/jupyter/wire.hpp"
#include "tests/support/unit.hpp"

namespace {

using namespace std::chrono_literals;
using protocol::jupyter::channel;
using protocol::jupyter::message;

/// Answers kernel_info on shell; whether it publishes and echoes is the test's choice.
struct fake_kernel {
  fake_kernel(zmq::context_t& context, const gateways::kernel_folder& f)
      : key(f.key),
        shell(context, zmq::socket_type::router),
        input(context, zmq::socket_type::router),
        control(context, zmq::socket_type::router),
        iopub(context, zmq::socket_type::pub),
        heartbeat(context, zmq::socket_type::router) {
    iopub.set(zmq::sockopt::sndhwm, 0);
    for (auto* s : {&shell, &input, &control, &iopub, &heartbeat}) s->set(zmq::sockopt::linger, 0);
    for (auto [socket, port] : {std::pair{&input, gateways::stdin_port},
                                {&control, gateways::control_port},
                                {&iopub, gateways::iopub_port},
                                {&heartbeat, gateways::hb_port},
                                {&shell, gateways::shell_port}}) {
      // ZeroMQ closes what it is given.
      socket->set(zmq::sockopt::use_fd, ::dup(f.listeners[port - gateways::shell_port].get()));
      socket->bind(f.endpoint(port));
    }
  }

  static void write(zmq::socket_t& to, const std::string& first, std::vector<std::string> frames) {
    to.send(zmq::buffer(first), zmq::send_flags::sndmore);
    for (std::size_t i = 0; i < frames.size(); ++i)
      to.send(zmq::buffer(frames[i]),
              i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
  std::vector<std::string> frames_of(const std::string& type, const std::string& content,
                                     protocol::buffer parent = {}) {
    message m;
    m.msg_id = "k" + std::to_string(++said);
    m.msg_type = type;
    m.parent_header = std::move(parent);
    m.content = protocol::buffer(content);
    return protocol::jupyter::encode(m, key, "kernel", 1);
  }
  void publish(const std::string& type, const std::string& content, protocol::buffer parent = {}) {
    write(iopub, "kernel.x." + type, frames_of(type, content, std::move(parent)));
  }

  void serve() {
    std::vector<std::string> got;
    while (read(shell, got)) {
      std::vector<std::string_view> views(got.begin(), got.end());
      auto m = protocol::jupyter::decode(views, key, channel::shell);
      CAF_REQUIRE(m);
      client = got.front();
      ++questions;
      if (questions >= publish_from) publish("status", R"({"execution_state":"busy"})", m->header);
      write(shell, client, frames_of("kernel_info_reply", "{}", m->header));
    }
    while (read(heartbeat, got)) {
      ++pings;
      pinger = got.front();
      got.erase(got.begin());
      if (echo) write(heartbeat, pinger, got);
    }
  }
  static bool read(zmq::socket_t& from, std::vector<std::string>& frames) {
    frames.clear();
    zmq::message_t frame;
    do {
      if (!from.recv(frame, zmq::recv_flags::dontwait)) return false;
      frames.push_back(frame.to_string());
    } while (frame.more());
    return true;
  }

  std::string key;
  zmq::socket_t shell, input, control, iopub, heartbeat;
  std::string client;  ///< the name of its shell socket
  std::string pinger;  ///< of its heartbeat socket
  int said = 0, questions = 0, pings = 0, publish_from = 1;
  bool echo = true;
};

struct scene {
  scene() {
    char name[] = "/tmp/troupe-link-test-XXXXXX";
    run = ::mkdtemp(name);
    auto made = gateways::make_kernel_folder(run, "k");
    CAF_REQUIRE(made);
    folder = std::move(*made);
    gateways::link_settings settings{folder.endpoint(gateways::shell_port),
                                     folder.endpoint(gateways::stdin_port),
                                     folder.endpoint(gateways::control_port),
                                     folder.endpoint(gateways::iopub_port),
                                     folder.endpoint(gateways::hb_port),
                                     folder.key,
                                     "session",
                                     3};
    gateways::link_events events;
    events.ready = [this] { readies++; };
    events.received = [this](std::vector<message> batch) {
      for (auto& m : batch) bytes += protocol::jupyter::bytes_of(m), got.push_back(std::move(m));
    };
    events.heartbeat_lost = [this](std::uint64_t n) { lost.push_back(n); };
    events.malformed = [this](const std::string&) { malformed++; };
    events.failed = [](const std::string& why) { CAF_FAIL(why); };
    link = std::make_shared<gateways::kernel_link>(io, context, settings, events);
    link->open();  // before the kernel listens, as in life
    kernel = std::make_unique<fake_kernel>(context, folder);
  }
  ~scene() {
    link->close();
    std::filesystem::remove_all(run);
  }

  bool until(const std::function<bool()>& happened) {
    auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!happened()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      kernel->serve();
      io.restart();
      io.run_one_for(1ms);
    }
    return true;
  }

  /// Time for what cannot be awaited, since it shows in nothing.
  void turns(int count) {
    until([&] { return count-- <= 0; });
  }

  std::string run;
  gateways::kernel_folder folder;
  zmq::context_t context{1};
  boost::asio::io_context io;
  std::unique_ptr<fake_kernel> kernel;
  std::shared_ptr<gateways::kernel_link> link;
  std::vector<message> got;
  std::vector<std::uint64_t> lost;
  std::uint64_t bytes = 0;
  int readies = 0, malformed = 0;
};

}  // namespace

CAF_TEST(a link is ready only when iopub is proven and keeps the handshake to itself) {
  scene s;
  s.kernel->publish_from = 3;  // as if the subscription had come late
  CAF_REQUIRE(s.until([&] { return s.kernel->questions == 2; }));
  CAF_CHECK_EQUAL(s.readies, 0);
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  CAF_CHECK_EQUAL(s.kernel->questions, 3);
  CAF_CHECK(s.got.empty());
}

CAF_TEST(a message with a wrong signature is counted and dropped) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  auto forged = s.kernel->frames_of("stream", R"({"name":"stdout","text":"a"})");
  forged[1][0] = forged[1][0] == '0' ? '1' : '0';
  fake_kernel::write(s.kernel->iopub, "stream.stdout", forged);
  fake_kernel::write(s.kernel->iopub, "stream.stdout", {"not", "jupyter"});
  s.kernel->publish("stream", R"({"name":"stdout","text":"b"})");
  CAF_REQUIRE(s.until([&] { return !s.got.empty(); }));
  CAF_CHECK_EQUAL(s.malformed, 2);
  CAF_CHECK(s.got.front().content.view().find("\"b\"") != std::string_view::npos);
}

CAF_TEST(a kernel asks for input by the name it knows from shell) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  s.kernel->input.set(zmq::sockopt::router_mandatory, true);
  fake_kernel::write(s.kernel->input, s.kernel->client,
                     s.kernel->frames_of("input_request", R"({"prompt":"?","password":false})"));
  CAF_REQUIRE(s.until([&] { return !s.got.empty(); }));
  CAF_CHECK(s.got.front().on == channel::input);
}

CAF_TEST(messages go out on their own channel) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  message m;
  m.on = channel::control;
  m.msg_id = "1";
  m.msg_type = "shutdown_request";
  s.link->send(m);
  m.on = channel::input;
  m.msg_type = "input_reply";
  s.link->send(m);
  std::vector<std::string> control, input;
  CAF_CHECK(s.until([&] {
    return !control.empty() || (fake_kernel::read(s.kernel->control, control), !control.empty());
  }));
  CAF_CHECK(s.until([&] {
    return !input.empty() || (fake_kernel::read(s.kernel->input, input), !input.empty());
  }));
}

CAF_TEST(pings unanswered in a row end the heartbeat once and an answer forgives) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  auto beat = [&](int nth) {
    s.link->beat();
    return s.until([&] { return s.kernel->pings == nth; });
  };
  s.kernel->echo = false;
  for (int i = 1; i <= 3; ++i) CAF_REQUIRE(beat(i));  // two misses
  s.kernel->echo = true;
  // The third miss would be the end, were it not for the late answer to a ping.
  fake_kernel::write(s.kernel->heartbeat, s.kernel->pinger, {"", "ping"});
  s.turns(20);
  CAF_REQUIRE(beat(4));
  CAF_CHECK(s.lost.empty());
  s.kernel->echo = false;
  for (int i = 5; i <= 7; ++i) CAF_REQUIRE(beat(i));
  s.link->beat();
  s.link->beat();
  CAF_REQUIRE_EQUAL(s.lost.size(), 1u);
  CAF_CHECK_EQUAL(s.lost.front(), 3u);
}

CAF_TEST(a reader that hands nothing back stops the link and loses nothing) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  std::string text(1 << 20, 'x');
  for (int i = 0; i < 100; ++i)
    s.kernel->publish("stream", R"({"name":"stdout","text":")" + text + "\"}");
  CAF_REQUIRE(s.until([&] { return s.bytes > (32u << 20); }));
  s.turns(50);
  CAF_CHECK(s.bytes < (34u << 20));
  auto handed_back = s.bytes;
  s.link->consumed(s.bytes);
  CAF_REQUIRE(s.until([&] {
    if (s.bytes > handed_back) s.link->consumed(s.bytes - std::exchange(handed_back, s.bytes));
    return s.got.size() == 100;
  }));
  CAF_CHECK_EQUAL(s.malformed, 0);
}

CAF_TEST(a drain takes what is there and ends soon) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  for (int i = 0; i < 500; ++i) s.kernel->publish("stream", R"({"name":"stdout","text":"x"})");
  bool done = false;
  s.link->drain([&] { done = true; });
  CAF_REQUIRE(s.until([&] { return done; }));
  CAF_CHECK_EQUAL(s.got.size(), 500u);
}

CAF_TEST(a closed link calls nobody) {
  scene s;
  CAF_REQUIRE(s.until([&] { return s.readies == 1; }));
  s.kernel->publish("stream", R"({"name":"stdout","text":"x"})");
  s.link->close();
  s.link->beat();
  s.link->send({});
  s.link->consumed(1);
  s.turns(50);
  CAF_CHECK(s.got.empty());
}
