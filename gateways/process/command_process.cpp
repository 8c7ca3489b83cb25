#include "gateways/process/command_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "gateways/process/pipe.hpp"
#include "gateways/process/python_home.hpp"
#include "gateways/process/run_dir.hpp"
#include "gateways/process/sweep.hpp"

namespace gateways {
namespace {

constexpr std::size_t chunk_bytes = 64 << 10;
/// What an ended command left behind may hold its streams open; nobody waits longer for it.
constexpr auto reading_grace = std::chrono::milliseconds(250);
constexpr int shell_says_killed = 128 + SIGKILL;
constexpr std::string_view end_of_file_key = "\x04";

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void set_size(int terminal, std::uint64_t rows, std::uint64_t columns) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  ::ioctl(terminal, TIOCSWINSZ, &size);
}

}  // namespace

command_process::command_process(command_surroundings& around, actors::command_start what,
                                 std::shared_ptr<guarded<actors::command_sink>> sink)
    : around_(around),
      what_(std::move(what)),
      sink_(std::move(sink)),
      readers_{reader{stream(around.io)}, reader{stream(around.io), protocol::command_stream::err}},
      input_(around.io),
      grace_(around.io) {}

// -- start ---------------------------------------------------------------------------------------

bool command_process::start() {
  if (auto why = launch(); !why.empty()) {
    over_ = true;
    sink_->tell([&](auto& s) { s.start_failed(why); });
    return false;
  }
  workload_->watch();
  for (auto& r : readers_)
    if (r.from.is_open()) watch(r);
  return true;
}

/// Empty, or why there is no process.
std::string command_process::launch() try {
  auto in = around_.launch.sandboxes().find(what_.sandbox_id);
  if (!in) return "the sandbox " + what_.sandbox_id + " is not open";
  box_ = in;
  mark_ = "TROUPE_START=" + random_hex(16);
  auto c = contain(*in);
  std::vector<descriptor> theirs;
  what_.terminal ? open_terminal(c, theirs) : open_pipes(c, theirs);
  auto child = around_.launch.launch(c, *in);
  if (!child) return child.error().detail;
  workload_events events;
  events.ended = [this](workload_end how) { ended(how); };
  workload_ = std::make_shared<workload>(around_.io, *child, std::move(events));
  child_ = child->pid;
  in->began(child_, what_.command_id);
  return {};
} catch (const std::exception& e) {  // no descriptor is left, or Asio cannot watch one
  workload_.reset();
  return e.what();
}

containment command_process::contain(const box& in) const {
  containment c;
  c.argv = what_.argv;
  c.readable_paths = home_of(around_.python);
  c.environment = what_.environment;
  c.environment.push_back("TROUPE_COMMAND=" + what_.command_id);
  auto says = [](const std::string& entry) { return entry.starts_with("TERM="); };
  if (what_.terminal && std::ranges::none_of(c.environment, says))
    c.environment.emplace_back("TERM=xterm-256color");
  c.marks = {instance_entry(around_.instance), mark_};
  c.workspace = what_.workspace;
  c.directory = what_.directory;
  c.read_only_workspace = in.read_only_workspace;
  c.sandbox_id = what_.sandbox_id;
  c.ways = around_.ways;
  c.limit = what_.limit;
  return c;
}

void command_process::open_pipes(containment& c, std::vector<descriptor>& theirs) {
  auto open_reader = [&](reader& r) {
    auto [read_end, write_end] = make_pipe();
    hand(read_end, r.from);
    return theirs.emplace_back(std::move(write_end)).get();
  };
  c.output = open_reader(readers_[0]);
  c.errors = open_reader(readers_[1]);
  if (!what_.takes_input) return;
  auto [read_end, write_end] = make_pipe();
  hand(write_end, input_);
  c.input = theirs.emplace_back(std::move(read_end)).get();
}

void command_process::open_terminal(containment& c, std::vector<descriptor>& theirs) {
  descriptor ours(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[64];
  if (!ours || ::grantpt(ours.get()) != 0 || ::unlockpt(ours.get()) != 0 ||
      ::ptsname_r(ours.get(), name, sizeof name) != 0)
    fail("a terminal");
  set_size(ours.get(), what_.rows, what_.columns);
  descriptor end(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  descriptor writer(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 3));
  if (!end || !writer) fail("a terminal");
  hand(ours, readers_[0].from);
  hand(writer, input_);
  readers_[0].on = protocol::command_stream::terminal;
  c.input = c.output = c.errors = theirs.emplace_back(std::move(end)).get();
}

// -- what it prints ------------------------------------------------------------------------------

void command_process::watch(reader& r) {
  r.paused = false;
  r.from.async_wait(stream::wait_read,
                    [this, weak = weak_from_this(), &r](boost::system::error_code ec) {
                      auto self = weak.lock();
                      if (ec || !self || over_ || !r.from.is_open()) return;
                      read(r);
                      if (!r.from.is_open()) return close_when_read();
                      if (unconsumed_ < unconsumed_max) return watch(r);
                      r.paused = true;
                    });
}

/// One chunk, since the other commands want their turn. False: there is nothing, now or ever.
bool command_process::read(reader& r) {
  char chunk[chunk_bytes];
  auto size = ::read(r.from.native_handle(), chunk, sizeof chunk);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {  // of a terminal the end is an error
    r.from.close();
    return false;
  }
  unconsumed_ += static_cast<std::uint64_t>(size);
  protocol::buffer bytes(std::string(chunk, static_cast<std::size_t>(size)));
  sink_->tell([&](auto& s) { s.printed(r.on, std::move(bytes)); });
  return true;
}

void command_process::consumed(std::uint64_t bytes) {
  unconsumed_ -= std::min(unconsumed_, bytes);
  if (over_ || unconsumed_ >= unconsumed_max) return;
  for (auto& r : readers_)
    if (r.paused && r.from.is_open()) watch(r);
}

// -- what it is told -----------------------------------------------------------------------------

void command_process::write(const std::string& bytes, bool last) {
  auto idle = unwritten_.empty();  // else somebody waits already
  unwritten_ += bytes;
  input_ends_ = input_ends_ || (last && !what_.terminal);
  if (last && what_.terminal) unwritten_ += end_of_file_key;
  if (exited_ || !input_.is_open()) return drop_input();
  if (idle) write_more();
}

void command_process::write_more() {
  while (!unwritten_.empty()) {
    auto size = ::write(input_.native_handle(), unwritten_.data(), unwritten_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return drop_input();
    if (size < 0) {
      input_.async_wait(stream::wait_write,
                        [this, weak = weak_from_this()](boost::system::error_code ec) {
                          auto self = weak.lock();
                          if (!ec && self && !exited_) write_more();
                        });
      return;
    }
    unwritten_.erase(0, static_cast<std::size_t>(size));
    sink_->tell([&](auto& s) { s.took_input(static_cast<std::uint64_t>(size)); });
  }
  if (input_ends_) input_.close();
}

/// It reads no more: what is written is taken, and lost.
void command_process::drop_input() {
  auto bytes = std::exchange(unwritten_, {}).size();
  boost::system::error_code ignored;
  input_.close(ignored);
  if (bytes > 0) sink_->tell([&](auto& s) { s.took_input(bytes); });
}

void command_process::resize(std::uint64_t rows, std::uint64_t columns) {
  if (what_.terminal && input_.is_open()) set_size(input_.native_handle(), rows, columns);
}

void command_process::terminate() {
  if (!exited_) workload_->signal_all(SIGTERM);
}

void command_process::kill() {
  killed_ = true;
  if (!exited_) workload_->kill();
}

// -- its end -------------------------------------------------------------------------------------

void command_process::ended(const workload_end& how) {
  exited_ = true;
  end_ = how;
  if (auto in = box_.lock()) {
    in->over(child_);
    // Now, while the count is fresh; a kill of ours that comes later was not why.
    auto killed = end_.signal == SIGKILL || (end_.started && end_.exit_code == shell_says_killed);
    if (killed && !killed_) memory_bytes_ = in->claim_memory_kill();
  }
  drop_input();
  // Only a namespace is sure to take along those who left the group.
  if (!around_.launch.mounts()) around_.sweep(mark_);
  if (retired_) return finish();
  wait_for_readers();
  close_when_read();
}

void command_process::wait_for_readers() {
  grace_.expires_after(reading_grace);
  grace_.async_wait([this, weak = weak_from_this()](boost::system::error_code ec) {
    auto self = weak.lock();
    if (ec || !self || over_) return;
    // Then it is not the command's doing that there is something left.
    if (std::ranges::any_of(readers_, &reader::paused)) return wait_for_readers();
    read_what_is_left();
    finish();
  });
}

/// A pipe holds no more than this; what still comes is not the command's own.
void command_process::read_what_is_left() {
  constexpr int chunks_max = static_cast<int>((1 << 20) / chunk_bytes);
  for (auto& r : readers_)
    for (int n = 0; n < chunks_max && r.from.is_open() && read(r); ++n) {
    }
}

void command_process::close_when_read() {
  auto open = std::ranges::any_of(readers_, [](auto& r) { return r.from.is_open(); });
  if (exited_ && !open && !over_) finish();
}

void command_process::finish() {
  if (std::exchange(over_, true)) return;
  auto self = shared_from_this();
  boost::system::error_code ignored;
  for (auto& r : readers_) r.from.close(ignored);
  grace_.cancel();
  if (!end_.started && end_.signal == 0) {
    sink_->tell([](auto& s) { s.start_failed("the command could not be started"); });
  } else {
    actors::exit_status status{end_.exit_code, end_.signal, {}};
    status.memory_bytes = memory_bytes_;
    protocol::usage used{end_.cpu_ms, end_.memory_peak_bytes};
    sink_->tell([&](auto& s) { s.exited(status, used); });
  }
  around_.over(self);
}

void command_process::retire() {
  retired_ = true;
  if (over_) return;
  if (exited_) return finish();
  kill();
}

}  // namespace gateways
