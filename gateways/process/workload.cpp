#include "gateways/process/workload.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "gateways/isolation/process_table.hpp"

namespace gateways {
namespace {

using inside::report;
using inside::report_kind;

constexpr int reap_patience_ms = 1'000;
constexpr std::size_t tree_max = 10'000;

/// One packet and who sent it, as seen from here. False: there is none, now or ever.
bool receive(int fd, report& what, int& sender) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  iovec part{&what, sizeof what};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != sizeof what) return false;
  sender = 0;
  for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) continue;
    ucred who{};
    std::memcpy(&who, CMSG_DATA(c), sizeof who);
    sender = who.pid;
  }
  return true;
}

/// bubblewrap's first line is `{ "child-pid": N, … }`.
int first_pid(std::string_view line) {
  constexpr std::string_view name = "\"child-pid\":";
  auto at = line.find(name);
  return at == line.npos ? 0 : std::atoi(std::string(line.substr(at + name.size())).c_str());
}

double ms_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
}

/// Appends the children of all threads of a process.
void append_children(int pid, std::vector<int>& to) {
  auto tasks = "/proc/" + std::to_string(pid) + "/task";
  std::error_code ec;
  for (std::filesystem::directory_iterator it(tasks, ec), end; !ec && it != end; it.increment(ec)) {
    std::ifstream children(it->path() / "children");
    for (int child = 0; children >> child;) to.push_back(child);
  }
}

/// 0: it is gone.
int parent_of(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  auto row = process_table::parse(std::string(std::istreambuf_iterator(stat), {}));
  return row ? row->parent : 0;
}

/// By pidfd, and after a second look: between the two the number may have gone to a process that is
/// not of this tree. One that lost its parent meanwhile has come to another of the tree, the init.
void signal_if_in(const std::set<int>& tree, int pid, int number) {
  descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd && tree.contains(parent_of(pid)))
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0);
}

}  // namespace

std::uint64_t memory_peak_in(int status_file) {
  constexpr std::string_view wanted = "VmHWM:";
  std::array<char, 4'096> text{};
  auto size = ::pread(status_file, text.data(), text.size() - 1, 0);
  auto at =
      std::string_view(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)).find(wanted);
  return at == std::string_view::npos
             ? 0
             : std::strtoull(text.data() + at + wanted.size(), nullptr, 10) * 1'024;
}

workload::workload(boost::asio::io_context& io, const launched& what, workload_events events)
    : status_(io), report_(io), exit_(io), events_(std::move(events)), pid_(what.pid) {
  descriptor pidfd(what.pidfd), report(what.report), status(what.status);
  try {
    exit_.assign(pidfd.get());
    pidfd.release();
    report_.assign(report.get());
    report.release();
    if (status) {
      status_.assign(status.get());
      status.release();
    }
  } catch (...) {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    throw;
  }
}

workload::~workload() {
  if (pid_ == 0) return;
  kill();
  report_.close();  // also the lifeline
  pollfd gone{exit_.native_handle(), POLLIN, 0};
  ::poll(&gone, 1, reap_patience_ms);  // one in uninterruptible sleep must not hold us
  ::waitpid(pid_, nullptr, WNOHANG);
}

void workload::watch() {
  watch_status();
  watch_report();
  watch_exit();
}

void workload::watch_status() {
  if (!status_.is_open()) return;
  status_.async_wait(stream::wait_read, [weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec) self->read_status();
  });
}

/// The line comes in pieces.
void workload::read_status() {
  char piece[512];
  auto size = ::read(status_.native_handle(), piece, sizeof piece);
  if (size < 0) return watch_status();
  status_text_.append(piece, static_cast<std::size_t>(size));
  if (size > 0 && status_text_.find('\n') == status_text_.npos) return watch_status();
  // Its parent has not reaped it, so the number is still its own.
  if (int pid = first_pid(status_text_); pid > 0)
    first_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  status_.close();
  if (kill_due_) kill();
}

void workload::watch_report() {
  report_.async_wait(stream::wait_read, [weak = weak_from_this()](boost::system::error_code ec) {
    auto self = weak.lock();
    if (ec || !self || !self->report_.is_open()) return;
    if (self->read_report() && self->report_.is_open()) self->watch_report();
  });
}

/// False: nothing more will come.
bool workload::read_report() {
  report r;
  for (int sender = 0; receive(report_.native_handle(), r, sender);) {
    switch (r.kind) {
      case report_kind::started:
        end_.started = true;
        workload_pid_ = sender;
        if (events_.started) events_.started(sender);
        break;
      case report_kind::exec_failed: end_.exec_error = r.value; break;
      case report_kind::exited:
      case report_kind::ended_by:
        (r.kind == report_kind::exited ? end_.exit_code : end_.signal) = r.value;
        end_.memory_peak_bytes =
            std::uint64_t{1'024} * static_cast<std::uint32_t>(r.memory_peak_kib);
        break;
      default: break;
    }
  }
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

void workload::watch_exit() {
  exit_.async_wait(stream::wait_read, [weak = weak_from_this()](boost::system::error_code ec) {
    if (auto self = weak.lock(); self && !ec && self->pid_ != 0) self->reap();
  });
}

void workload::reap() {
  auto keep = shared_from_this();
  if (report_.is_open()) read_report();
  siginfo_t info{};
  rusage used{};
  // The library's function does not tell the usage.
  ::syscall(SYS_waitid, P_PID, std::exchange(pid_, 0), &info, WEXITED | WNOHANG, &used);
  end_.cpu_ms = ms_of(used.ru_utime) + ms_of(used.ru_stime);
  workload_pid_ = 0;
  // Without its own report the init, or bubblewrap, was killed, or never got so far.
  if (end_.exit_code < 0 && end_.signal == 0) {
    bool killed = kill_due_ || info.si_code != CLD_EXITED || end_.started;
    if (killed)
      end_.signal = SIGKILL;
    else
      end_.exit_code = info.si_status;
  }
  for (auto* each : {&status_, &report_, &exit_}) each->close();
  if (auto told = std::exchange(events_, {}).ended) told(end_);
}

void workload::signal(int number) {
  if (workload_pid_ != 0) ::killpg(workload_pid_, number);
}

void workload::signal_all(int number) {
  if (workload_pid_ == 0) return;
  signal(number);
  std::vector<int> tree{pid_};
  for (std::size_t i = 0; i < tree.size() && tree.size() < tree_max; ++i)
    append_children(tree[i], tree);
  std::set<int> members(tree.begin(), tree.end());
  // The first is ours; an init among the others takes no notice.
  for (std::size_t i = 1; i < tree.size(); ++i)
    if (::getpgid(tree[i]) != workload_pid_) signal_if_in(members, tree[i], number);
}

/// The init that we kill reports nothing.
void workload::look_at_peak() {
  if (workload_pid_ == 0) return;
  auto path = "/proc/" + std::to_string(workload_pid_) + "/status";
  descriptor status(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  end_.memory_peak_bytes = std::max(end_.memory_peak_bytes, memory_peak_in(status.get()));
}

void workload::kill() {
  if (!std::exchange(kill_due_, true)) look_at_peak();
  if (pid_ == 0) return;
  if (first_) {
    ::syscall(SYS_pidfd_send_signal, first_.get(), SIGKILL, nullptr, 0);
  } else if (status_.is_open()) {
    return;  // process 1 is made in these milliseconds; then it is killed
  } else if (workload_pid_ != 0) {
    ::killpg(workload_pid_, SIGKILL);  // and the init ends the rest
  } else {
    ::kill(pid_, SIGKILL);
  }
}

}  // namespace gateways
