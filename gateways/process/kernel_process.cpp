#include "gateways/process/kernel_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <utility>

#include "gateways/process/kernel_launcher.hpp"
#include "gateways/process/python_home.hpp"
#include "gateways/process/sweep.hpp"

namespace gateways {
namespace {

constexpr std::size_t tail_bytes_max = 4096;

void append_tail(std::string& tail, std::string_view more) {
  tail.append(more);
  if (tail.size() > 4 * tail_bytes_max) tail.erase(0, tail.size() - tail_bytes_max);
}

std::string last_bytes(std::string tail) {
  if (tail.size() > tail_bytes_max) tail.erase(0, tail.size() - tail_bytes_max);
  return tail;
}

}  // namespace

kernel_process::kernel_process(process_surroundings& around, actors::kernel_start what,
                               std::shared_ptr<guarded_sink> sink,
                               std::shared_ptr<kernel_gauge> gauge)
    : around_(around),
      what_(std::move(what)),
      sink_(std::move(sink)),
      gauge_(std::move(gauge)),
      output_(around.io) {}

containment kernel_process::contain(const box& in, int output) {
  auto where = around_.launch.mounts() ? std::string(inside_files) : folder_.path;
  containment c;
  c.argv = {around_.options.python, where + "/launcher.py", where + "/connection.json",
            std::to_string(first_passed), around_.options.debugger ? "debugger" : "plain"};
  c.readable_paths = home_of(around_.options.python);
  c.environment = {"TROUPE_KERNEL=" + what_.sandbox_id + "/" + what_.kernel_id + "/" +
                       std::to_string(what_.generation),
                   "MPLBACKEND=module://matplotlib_inline.backend_inline",
                   "PYDEVD_DISABLE_FILE_VALIDATION=1"};
  c.marks = {instance_entry(around_.instance), mark_};
  c.workspace = what_.workspace;
  c.read_only_workspace = in.read_only_workspace;
  c.files = {{"launcher.py", std::string(kernel_launcher_source)},
             {"connection.json", connection_text(where + "/k", folder_.key)}};
  c.files_folder = folder_.path;
  for (auto& listener : folder_.listeners) c.descriptors.push_back(listener.get());
  c.descriptors.push_back(read_count_.get());
  c.output = c.errors = output;
  c.sandbox_id = what_.sandbox_id;
  c.ways = around_.ways;
  c.limit = what_.limit;
  return c;
}

/// The folder and the process; empty, or why there is none.
std::string kernel_process::launch(const std::string& name) try {
  auto in = around_.launch.sandboxes().find(what_.sandbox_id);
  if (!in) return "the sandbox " + what_.sandbox_id + " is not open";
  box_ = in;
  auto made = make_kernel_folder(around_.run_dir, name);
  if (!made) return made.error().detail;
  folder_ = std::move(*made);
  read_count_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!read_count_) return std::string("an eventfd: ") + std::strerror(errno);
  mark_ = "TROUPE_START=" + random_hex(16);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::string("a pipe: ") + std::strerror(errno);
  descriptor read_end(ends[0]), write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  auto child = around_.launch.launch(contain(*in, write_end.get()), *in);
  folder_.listeners.clear();
  if (!child) return child.error().detail;
  workload_events events;
  events.started = [this](int pid) { began(pid); };
  events.ended = [this](workload_end how) { ended(how); };
  workload_ = std::make_shared<workload>(around_.io, *child, std::move(events));
  child_ = child->pid;
  output_.assign(read_end.get());
  read_end.release();
  in->began(child_, what_.kernel_id);  // last: what fails above leaves nothing in the box
  return {};
} catch (const std::exception& e) {  // Asio cannot watch it
  workload_.reset();
  return e.what();
}

bool kernel_process::start(const std::string& name) {
  if (auto why = launch(name); !why.empty()) {
    over_ = true;
    if (!folder_.path.empty()) remove_folder(folder_.path);
    sink_->tell([&](auto& s) { s.start_failed(what_.generation, why); });
    return false;
  }
  workload_->watch();
  watch_output();
  open_link();
  return true;
}

void kernel_process::began(int pid) {
  auto status = "/proc/" + std::to_string(pid) + "/status";
  gauge_->status = std::make_shared<const descriptor>(::open(status.c_str(), O_RDONLY | O_CLOEXEC));
  gauge_->in = box_;
  gauge_->pid = pid;
  sink_->tell([&](auto& s) { s.started(what_.generation, pid, folder_.connection_file); });
}

void kernel_process::open_link() {
  link_settings settings{folder_.endpoint(shell_port),
                         folder_.endpoint(stdin_port),
                         folder_.endpoint(control_port),
                         folder_.endpoint(iopub_port),
                         folder_.endpoint(hb_port),
                         folder_.key,
                         random_hex(16),
                         around_.options.heartbeat_misses,
                         read_count_.get()};
  // The link is ours and closed before we go, so `this` is there whenever it calls.
  link_events events;
  events.ready = [this] {
    if (!exited_ && !retired_) gauge_->link = link_;
    sink_->tell([&](auto& s) { s.ready(what_.generation); });
  };
  events.received = [this](std::vector<protocol::jupyter::message> batch) {
    sink_->tell([&](auto& s) { s.received(what_.generation, std::move(batch)); });
  };
  events.heartbeat_lost = [this](std::uint64_t misses) {
    sink_->tell([&](auto& s) { s.heartbeat_lost(what_.generation, misses); });
  };
  events.malformed = around_.malformed;
  events.failed = [this](const std::string& why) {
    append_tail(tail_, "troupe: the link to the kernel failed: " + why + "\n");
    kill();
  };
  link_ = std::make_shared<kernel_link>(around_.io, around_.zmq, std::move(settings),
                                        std::move(events));
  link_->open();
}

void kernel_process::watch_output() {
  output_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [weak = weak_from_this()](boost::system::error_code ec) {
                       auto self = weak.lock();
                       if (ec || !self || self->over_) return;
                       self->read_output();
                       if (self->output_.is_open()) self->watch_output();
                     });
}

void kernel_process::read_output() {
  // A few chunks only: the other kernels want their turn, and this is called again.
  char chunk[16384];
  for (int n = 0; n < 4; ++n) {
    auto got = ::read(output_.native_handle(), chunk, sizeof chunk);
    if (got < 0) return;
    if (got == 0) return output_.close();
    append_tail(tail_, {chunk, static_cast<std::size_t>(got)});
  }
}

void kernel_process::ended(const workload_end& how) {
  gauge_->last_cpu_ms = how.cpu_ms;
  gauge_->last_memory_peak = how.memory_peak_bytes;
  gauge_->pid = 0;
  gauge_->status.store({});
  gauge_->link.store({});
  exited_ = true;
  auto in = box_.lock();
  if (in) in->over(child_);
  if (output_.is_open()) read_output();
  // Only a namespace is sure to take along those who left the group.
  if (!around_.launch.mounts()) around_.sweep(mark_);
  auto words = last_bytes(tail_);
  if (how.exec_error != 0 || (!how.started && how.signal == 0)) {
    auto why = words.empty() ? "the process could not be started" : words;
    auto self = shared_from_this();
    finish();
    return sink_->tell([&](auto& s) { s.start_failed(what_.generation, why); });
  }
  actors::exit_status status{how.exit_code, how.signal, words};
  if (in && how.signal == SIGKILL && !killed_) status.memory_bytes = in->claim_memory_kill();
  sink_->tell([&](auto& s) { s.exited(what_.generation, status); });
  if (retired_) finish();
}

void kernel_process::beat() {
  if (!exited_ && !over_ && link_) link_->beat();
}

void kernel_process::send(const protocol::jupyter::message& m) {
  if (!exited_ && link_) link_->send(m);
}

void kernel_process::interrupt() {
  // Earlier it would end the start; an idle kernel ignores it.
  if (!exited_ && link_ && link_->ready()) workload_->signal(SIGINT);
}

void kernel_process::kill() {
  killed_ = true;
  if (!exited_) workload_->kill();
}

void kernel_process::drain() {
  if (!exited_ || over_ || std::exchange(draining_, true)) return;
  link_->drain([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->over_) return;
    self->sink_->tell([&](auto& s) { s.drained(self->what_.generation); });
    self->finish();
  });
}

void kernel_process::retire() {
  retired_ = true;
  gauge_->link.store({});
  if (over_) return;
  if (exited_) return finish();
  kill();
}

void kernel_process::finish() {
  if (std::exchange(over_, true)) return;
  auto self = shared_from_this();
  link_->close();
  boost::system::error_code ignored;
  output_.close(ignored);
  remove_folder(folder_.path);
  around_.over(self);
}

}  // namespace gateways
