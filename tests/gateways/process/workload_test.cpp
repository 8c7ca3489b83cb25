// tidy: a workload is watched by Asio, the test framework is CAF's
// The owner of a launched process, against a stand-in for bubblewrap.
#define CAF_SUITE workload

#include "gateways/process/workload.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "tests/support/unit.hpp"

namespace {

using namespace std::chrono_literals;

/// Like bubblewrap: a process whose child is process 1 inside, and that ends when it does.
struct stand_in {
  int outer = 0, inner = 0;
  gateways::descriptor saw_end;  ///< a byte comes when `inner` ended before `outer`

  stand_in() {
    int number[2], seen[2];
    CAF_REQUIRE(::pipe2(number, O_CLOEXEC) == 0 && ::pipe2(seen, O_CLOEXEC) == 0);
    gateways::descriptor from(number[0]), to(number[1]), tells(seen[1]);
    saw_end.reset(seen[0]);
    outer = ::fork();
    if (outer == 0) live(to.get(), tells.get());
    CAF_REQUIRE_EQUAL(::read(from.get(), &inner, sizeof inner), ssize_t{sizeof inner});
  }

 private:
  [[noreturn]] static void live(int to, int tells) {
    int child = ::fork();
    while (child == 0) ::pause();
    bool told = ::write(to, &child, sizeof child) == sizeof child;
    ::waitpid(child, nullptr, 0);
    told = told && ::write(tells, "x", 1) == 1;
    ::_exit(told ? 0 : 1);
  }
};

bool running(int pid) {
  return ::kill(pid, 0) == 0;
}

void say(int fd, std::string_view text) {
  CAF_REQUIRE_EQUAL(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

}  // namespace

CAF_TEST(a kill waits for the whole number of process 1 and goes to that one only) {
  stand_in bubble;
  int status[2], report[2];
  CAF_REQUIRE_EQUAL(::pipe2(status, O_CLOEXEC | O_NONBLOCK), 0);
  CAF_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, report),
                    0);
  gateways::descriptor say_status(status[1]), init(report[1]);
  gateways::launched child{
      .pid = bubble.outer,
      .pidfd = static_cast<int>(::syscall(SYS_pidfd_open, bubble.outer, 0)),
      .report = report[0],
      .status = status[0],
  };
  boost::asio::io_context io;
  std::optional<gateways::workload_end> end;
  gateways::workload_events events;
  events.ended = [&end](gateways::workload_end how) { end = how; };
  auto w = std::make_shared<gateways::workload>(io, child, std::move(events));
  w->watch();
  auto number = std::to_string(bubble.inner);
  w->kill();
  say(say_status.get(), "{ \"child-pid\": " + number.substr(0, 1));  // as it comes: in pieces
  io.poll();
  CAF_CHECK(running(bubble.outer));
  CAF_CHECK(running(bubble.inner));
  say(say_status.get(), number.substr(1) + ", \"pid-namespace\": 4026531836 }\n");
  while (!end && io.run_one_for(10s) > 0) {
  }
  CAF_REQUIRE(end.has_value());
  CAF_CHECK_EQUAL(end->signal, SIGKILL);
  char byte = 0;
  CAF_CHECK_EQUAL(::read(bubble.saw_end.get(), &byte, 1), 1);
}
