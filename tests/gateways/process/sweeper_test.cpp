// tidy: a sweeper has a thread of Asio, the test framework is CAF's
// Ending processes by their environment, against real ones.
#define CAF_SUITE sweeper

#include "gateways/process/sweeper.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateways/process/run_dir.hpp"
#include "tests/support/unit.hpp"

namespace {

/// A process that sleeps for a while, with one entry in its environment.
struct sleeper {
  explicit sleeper(std::string entry) {
    char program[] = "sleep", length[] = "20";
    char* arguments[] = {program, length, nullptr};
    char* environment[] = {entry.data(), nullptr};
    pid = ::vfork();
    if (pid == 0) {
      ::execve("/bin/sleep", arguments, environment);
      ::_exit(127);
    }
  }
  sleeper(const sleeper&) = delete;
  ~sleeper() {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  bool runs() const { return ::waitpid(pid, nullptr, WNOHANG) == 0; }
  /// Waits for its end.
  bool was_killed() {
    int status = 0;
    ::waitpid(std::exchange(pid, 0), &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  int pid = 0;
};

}  // namespace

CAF_TEST(what has one of several entries is ended and what has a longer one is not ) {
  auto mark = "TROUPE_TEST=" + gateways::random_hex(8);
  sleeper a(mark + "a"), b(mark + "b"), other(mark + "ab");
  CAF_CHECK(gateways::kill_by_environment({mark + "a", mark + "b"}));
  CAF_CHECK(other.runs());
  CAF_CHECK(a.was_killed());
  CAF_CHECK(b.was_killed());
}

CAF_TEST(a sweeper has swept all it was given when it is joined) {
  auto mark = "TROUPE_TEST=" + gateways::random_hex(8) + "-";
  gateways::sweeper sweeper;
  std::vector<std::unique_ptr<sleeper>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::make_unique<sleeper>(mark + std::to_string(i)));
    sweeper.sweep(mark + std::to_string(i));
  }
  sweeper.join();
  for (auto& each : all) CAF_CHECK(each->was_killed());
}
