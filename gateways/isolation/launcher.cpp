#include "gateways/isolation/launcher.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "gateways/inside/doors.hpp"
#include "gateways/inside/landlock.hpp"
#include "gateways/isolation/bubblewrap.hpp"
#include "gateways/isolation/descriptor.hpp"
#include "gateways/isolation/init_program.hpp"
#include "gateways/isolation/path_rules.hpp"
#include "gateways/isolation/probe.hpp"
#include "gateways/isolation/spawn.hpp"
#include "gateways/isolation/store_helper.hpp"

namespace gateways {
namespace {

using protocol::fault;
using protocol::result;

// The numbers that descriptors have in what is started, below those of the workload itself.
constexpr int report_number = 3, arguments_number = 4, status_number = 5, filter_number = 6,
              init_number = 7, passwd_number = 8, workspace_number = 9, files_number = 14,
              own_number = 26, helper_number = 27, store_number = 28, egress_number = 29;
static_assert(workspace_number + std::size(zones) < files_number && egress_number < first_passed);

fault fault_of(const std::string& what, int error) {
  return {protocol::error_code::unavailable, what + ": " + std::strerror(error), {}, 0};
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

int memory_file(std::string_view content) {
  descriptor fd(::memfd_create("troupe", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || write_all(fd.get(), content) != 0 || ::lseek(fd.get(), 0, SEEK_SET) != 0)
    throw std::runtime_error(std::string("a memory file: ") + std::strerror(errno));
  return fd.release();
}

/// A reader with an offset of its own.
int reader_of(int fd) {
  return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
}

/// Descriptors on their way into what is started; owns those it was given.
class handed_over {
 public:
  /// Its number inside; -1: there is no such descriptor.
  int lend(int fd, int number) {
    if (fd < 0) return -1;
    all_.push_back({fd, number});
    return number;
  }
  int give(int fd, int number) {
    owned_.emplace_back(fd);
    return lend(fd, number);
  }
  std::vector<passed_descriptor> in_order() {
    std::ranges::sort(all_, {}, &passed_descriptor::to);
    return all_;
  }

 private:
  std::vector<descriptor> owned_;
  std::vector<passed_descriptor> all_;
};

std::vector<std::string> limit_words(const protocol::limits& l, bool grouped) {
  std::vector<std::string> out;
  auto add = [&](const char* name, std::uint64_t value) {
    out.insert(out.end(), {"--limit", name, std::to_string(value)});
  };
  add("core", 0);
  add("memlock", 1 << 16);
  add("rtprio", 0);
  add("msgqueue", 0);
  if (l.open_files > 0) add("nofile", l.open_files);
  if (l.disk_bytes > 0) add("fsize", l.disk_bytes);
  if (grouped) return out;
  // Of each process alone, so several together may have more; it is the best there is.
  add("data", l.memory_bytes);
  if (l.processes > 0) add("nproc", l.processes);
  return out;
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// A variable that the workload brings itself wins.
void add_environment(std::vector<std::string>& to, std::vector<std::string> more) {
  for (auto& entry : more) {
    auto name = std::string_view(entry).substr(0, entry.find('=') + 1);
    auto there = std::ranges::any_of(to, [&](auto& e) { return e.starts_with(name); });
    if (!there) to.push_back(std::move(entry));
  }
}

/// In both spellings: programs disagree which they read. A server of the sandbox's own needs no
/// proxy.
std::vector<std::string> proxy_environment() {
  auto url = "http://127.0.0.1:" + std::to_string(inside::proxy_port);
  std::vector<std::string> out;
  for (auto* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"})
    out.push_back(std::string(name) + "=" + url);
  for (auto* name : {"no_proxy", "NO_PROXY"})
    out.push_back(std::string(name) + "=localhost,127.0.0.1,::1");
  return out;
}

result<void> place_files(const containment& c) {
  for (auto& file : c.files) {
    auto path = c.files_folder + "/" + file.name;
    int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return fault_of(path, errno);
    auto error = write_all(fd, file.content);
    ::close(fd);
    if (error != 0) return fault_of(path, error);
  }
  return {};
}

/// Zones lie in the workspace, so it must be looked that none is a link to somewhere else.
result<void> hand_folders(const containment& c, bool staged, handed_over& to) {
  constexpr int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int root = ::open(c.workspace.c_str(), flags);
  if (root < 0) return fault_of("working directory " + c.workspace, errno);
  to.give(root, workspace_number);
  if (!c.own_folder.empty()) {
    int own = ::open(c.own_folder.c_str(), flags);
    if (own < 0) return fault_of(c.own_folder, errno);
    to.give(own, own_number);
  }
  if (staged) return {};
  for (int number = workspace_number; auto& zone : zones) {
    int fd = ::openat(root, zone.name, flags);
    if (fd < 0) return fault_of(c.workspace + "/" + zone.name, errno);
    to.give(fd, ++number);
  }
  return {};
}

}  // namespace

/// One start, from the outside inwards: joining groups, walls, the init, the workload.
class launcher::start {
 public:
  start(const launcher& by, const containment& c, const box& in) : by_(by), c_(c), in_(in) {}

  result<launched> run() {
    if (auto open = open_channels(); !open) return open.error();
    if (auto connected = open_ways(); !connected) return connected.error();
    add_entrance();
    auto walled = by_.mounts() ? add_walls() : add_surroundings();
    if (!walled) return walled.error();
    add_init();
    append(what_.argv, c_.argv);
    add_environment(what_.environment, c_.marks);
    what_.descriptors = to_.in_order();
    auto child = spawn(what_);
    if (!child) return child.error();
    return launched{child->pid, child->pidfd, report_.release(), status_.release()};
  }

 private:
  result<void> open_channels();
  result<void> open_ways();
  void add_entrance();
  result<void> add_walls();
  result<void> add_surroundings();
  void add_init();
  void add(std::vector<std::string> words) { append(what_.argv, std::move(words)); }

  const launcher& by_;
  const containment& c_;
  const box& in_;
  spawn_request what_;
  handed_over to_;
  descriptor report_, status_;
};

result<void> launcher::start::open_channels() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fault_of("a socket", errno);
  report_.reset(ends[0]);
  to_.give(ends[1], report_number);
  int on = 1;
  ::setsockopt(report_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  if (by_.mounts()) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) return fault_of("a pipe", errno);
    status_.reset(pipe[0]);
    to_.give(pipe[1], status_number);
    ::fcntl(status_.get(), F_SETFL, O_NONBLOCK);
  }
  ::fcntl(report_.get(), F_SETFL, O_NONBLOCK);
  to_.lend(c_.input, 0);
  to_.lend(c_.output, 1);
  to_.lend(c_.errors, 2);
  return {};
}

/// Below a network of its own there is nothing to lead out of.
result<void> launcher::start::open_ways() {
  if (c_.ways.egress && !by_.mounts())
    return fault{
        protocol::error_code::unavailable, "egress needs isolation.level namespaces", {}, 0};
  for (auto [through, number] :
       {std::pair(c_.ways.store, store_number), std::pair(c_.ways.egress, egress_number)}) {
    if (!through || !by_.mounts()) continue;
    auto way = through->connect(c_.sandbox_id);
    if (!way) return way.error();
    to_.give(way->release(), number);
  }
  return {};
}

/// What the daemon's own user does last: it enters the groups, then gives itself up.
void launcher::start::add_entrance() {
  auto init = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(by_.init_.get());
  bool enters = in_.group || (in_.uid && by_.mounts());
  if (enters || !by_.mounts()) {
    what_.program = init;
    add({"troupe-init"});
  }
  if (!enters) return;
  add({"enter"});
  if (in_.group)
    for (auto& file : in_.group->join_files()) add({"--group", file});
  if (in_.uid && by_.mounts()) {
    add({"--stage", std::to_string(workspace_number), "workspace"});
    if (!c_.own_folder.empty()) add({"--stage", std::to_string(own_number), "own"});
    for (int number = workspace_number; auto& zone : zones)
      add({"--zone", std::to_string(++number), zone.name});
    add({"--uid", std::to_string(*in_.uid)});
  }
  add({"--"});
  if (!by_.mounts()) add({init});
}

result<void> launcher::start::add_walls() {
  bubblewrap_descriptors fds;
  fds.status = status_number;
  fds.filter = to_.give(reader_of(by_.filter(c_.filter)), filter_number);
  fds.init = to_.give(reader_of(by_.init_.get()), init_number);
  fds.passwd = to_.give(memory_file(passwd_text(in_.uid ? *in_.uid : ::geteuid())), passwd_number);
  fds.workspace = workspace_number;
  if (auto handed = hand_folders(c_, in_.uid.has_value(), to_); !handed) return handed;
  if (!c_.own_folder.empty()) fds.own_folder = own_number;
  for (int number = files_number; auto& file : c_.files)
    fds.files.push_back(to_.give(memory_file(file.content), number++));
  if (c_.ways.store) fds.store_helper = to_.give(memory_file(store_helper_source), helper_number);
  auto environment = c_.environment;
  add_environment(environment, locale_environment());
  if (c_.ways.egress) add_environment(environment, proxy_environment());
  if (c_.ways.store) add_environment(environment, store_environment());
  add_environment(environment, {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/home", "USER=sandbox"});
  std::string arguments;
  for (auto& word : bubblewrap_arguments(c_, environment, fds, by_.options_.readable_paths))
    arguments.append(word).push_back('\0');
  // By descriptor: no path of the host, and nothing of the environment, is in any command line.
  to_.give(memory_file(arguments), arguments_number);
  add({"bwrap", "--args", std::to_string(arguments_number), "--", "/run/init"});
  what_.environment = {"PATH=/usr/bin:/bin:/usr/local/bin"};
  return {};
}

result<void> launcher::start::add_surroundings() {
  if (auto placed = place_files(c_); !placed) return placed;
  what_.environment = c_.environment;
  if (!c_.files_folder.empty()) add_environment(what_.environment, {"TMPDIR=" + c_.files_folder});
  auto around = host_environment();
  if (by_.closes_in())
    around = with_home(std::move(around), c_.files_folder.empty() ? "/tmp" : c_.files_folder);
  add_environment(what_.environment, std::move(around));
  what_.directory = c_.workspace;
  return {};
}

void launcher::start::add_init() {
  add({"run", "--report", std::to_string(report_number)});
  if (c_.ways.store && by_.mounts()) add({"--store", std::to_string(store_number)});
  if (c_.ways.egress) add({"--egress", std::to_string(egress_number)});
  if (by_.level() == isolation_level::process) {
    to_.give(reader_of(by_.filter(c_.filter)), filter_number);
    add({"--filter", std::to_string(filter_number)});
  }
  if (by_.closes_in()) add(path_rules(c_, by_.options_.readable_paths));
  if (by_.level() != isolation_level::none) add(limit_words(c_.limit, in_.group != nullptr));
  if (!c_.directory.empty()) add({"--directory", c_.directory});
  if (c_.descriptors_from != first_passed) add({"--from", std::to_string(c_.descriptors_from)});
  for (int number = first_passed; int fd : c_.descriptors) {
    to_.lend(fd, number);
    add({"--keep", std::to_string(number++)});
  }
  add({"--"});
}

result<launched> launcher::launch(const containment& c, const box& in) const try {
  return start(*this, c, in).run();
} catch (const std::exception& e) {
  return fault{protocol::error_code::unavailable, e.what(), {}, 0};
}

// -- what the machine offers ---------------------------------------------------------------------

launcher::launcher(const config::isolation_options& options, const std::string& instance)
    : options_(options), init_(memory_file(init_program())) {
  ::fcntl(init_.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  bool asked = options_.level != name_of(isolation_level::none) || !options_.require.empty();
  bool own_users = asked && examine(instance);
  boxes_ = std::make_unique<boxes>(
      options_, level_ == isolation_level::full ? groups_.get() : nullptr, own_users && mounts());
}

/// Whether sandboxes can have users of their own; sets the level.
bool launcher::examine(const std::string& instance) {
  groups_ = std::make_unique<control_groups>(instance);
  bool filters = examine_filter();
  if (filters) examine_landlock();
  bool own_users = examine_users();
  bool grouped = examine_groups();
  bool walls = filters && examine_namespaces(own_users);
  auto best = !filters  ? isolation_level::none
              : !walls  ? isolation_level::process
              : grouped ? isolation_level::full
                        : isolation_level::namespaces;
  choose_level(best);
  check_required();
  return own_users;
}

void launcher::choose_level(isolation_level best) {
  level_ = best;
  for (auto level : {isolation_level::none, isolation_level::process, isolation_level::namespaces,
                     isolation_level::full})
    if (options_.level == name_of(level)) level_ = level;
  if (level_ > best)
    throw std::runtime_error("isolation.level = " + options_.level +
                             " cannot be had here; `troupe doctor` says why");
  if (level_ == isolation_level::none && options_.level != name_of(level_))
    throw std::runtime_error(
        "no isolation can be had here, as `troupe doctor` says; "
        "isolation.level = none starts without");
}

void launcher::check_required() const {
  for (auto& name : options_.require) {
    auto it = std::ranges::find(protections_, name, &protection::name);
    if (it == protections_.end())
      throw std::runtime_error("isolation.require names " + name + ", which is no protection");
    if (!it->present)
      throw std::runtime_error("isolation.require: " + name + " is missing: " + it->detail);
    if (level_ < it->from)
      throw std::runtime_error("isolation.require: " + name +
                               " is in force only from isolation.level " +
                               std::string(name_of(it->from)) + " on");
  }
}

actors::isolation_view launcher::in_force() const {
  actors::isolation_view out{std::string(name_of(level_)), {}};
  for (auto& p : protections_)
    if (!p.present || level_ < p.from) out.missing.push_back(p.name);
  if (protections_.empty())
    out.missing = {"seccomp", "landlock", "own_user", "cgroup", "namespaces"};
  return out;
}

bool launcher::examine_filter() {
  protection p{.name = "seccomp",
               .present = true,
               .detail = "a system call filter",
               .from = isolation_level::process};
  for (auto kind : {filter_kind::workload, filter_kind::browser}) {
    auto made = make_filter(kind);
    if (made)
      filters_[static_cast<std::size_t>(kind)].reset(*made);
    else
      p = {p.name, false, made.error().detail, "a system with seccomp filters (CONFIG_SECCOMP)",
           p.from};
  }
  protections_.push_back(p);
  return p.present;
}

/// A workload with all rules, which must not see what no rule is for.
void launcher::examine_landlock() {
  auto known = landlock::version();
  protection p{.name = "landlock",
               .detail = "at the level process: only files that are named",
               .from = isolation_level::process};
  if (known < landlock::version_min) {
    p.detail = known < 1 ? "the system has no Landlock" : "its Landlock lets files be truncated";
    p.remedy = "Linux 6.2 or newer, with landlock in the list lsm= of its command line";
    protections_.push_back(p);
    return;
  }
  landlock_ = true;
  level_ = isolation_level::process;
  auto failed = probe(*this, {}, {"/bin/sh", "-c", "! ls / >/dev/null 2>&1"});
  p.present = landlock_ = failed.empty();
  if (!p.present) {
    p.detail = failed;
    p.remedy = "let the container call landlock_create_ruleset";
  } else if (known >= landlock::version_with_scopes) {
    p.detail += ", no signals to others";
  } else {
    p.detail += "; it stops signals to others from Linux 6.12 on";
  }
  protections_.push_back(p);
}

bool launcher::examine_users() {
  protection p{.name = "own_user",
               .present = false,
               .detail = "the daemon is not root: all sandboxes run as its own user",
               .remedy = "start the daemon as root; it gives each sandbox a user without rights"};
  if (::geteuid() == 0) {
    auto last = options_.uid_first + options_.uid_count - 1;
    auto range = std::to_string(options_.uid_first) + " to " + std::to_string(last);
    p.present = users_mapped(options_.uid_first, options_.uid_count);
    p.detail = p.present ? "each sandbox has one of the users " + range
                         : "the users " + range + " do not exist in this user namespace";
    p.remedy = p.present ? "" : "set isolation.uid_first to a range that does";
  }
  protections_.push_back(p);
  return p.present;
}

bool launcher::examine_groups() {
  auto missing = groups_->missing();
  protection p{.name = "cgroup",
               .present = missing.empty(),
               .detail = groups_->describe(),
               .from = isolation_level::full};
  if (!p.present) {
    p.detail = missing;
    p.remedy =
        "start it as root, or as a systemd unit with Delegate=yes; without, memory is "
        "limited for each process alone";
  }
  protections_.push_back(p);
  return p.present;
}

/// The only honest test: a workload with everything on.
bool launcher::examine_namespaces(bool own_users) {
  level_ = isolation_level::namespaces;
  box in;
  if (own_users) in.uid = static_cast<unsigned>(options_.uid_first);
  auto failed = probe(*this, in, {"/usr/bin/true"});
  protection p{.name = "namespaces",
               .present = failed.empty(),
               .detail = "own processes, files, network, users, by bubblewrap"};
  if (!p.present) {
    p.detail = failed;
    p.remedy = remedy_of(failed);
  }
  protections_.push_back(p);
  return p.present;
}

}  // namespace gateways
