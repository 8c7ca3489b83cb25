// The first process of a workload, and the last step before it is contained.
//
//   init enter [--group PROCS_FILE]… [--stage FD NAME]… [--zone FD NAME]… [--uid N] -- COMMAND…
//     joins control groups, puts the folders FD where every user may go to them, zones being below
//     the first, gives up root for good, and becomes COMMAND (bubblewrap).
//   init run --report FD [--store FD] [--egress FD] [--keep FD]… [--from N] [--limit NAME N]…
//            [--filter FD] [--directory PATH] [--read PATH]… [--write PATH]… [--device PATH]…
//            -- COMMAND…
//     starts COMMAND in a session of its own, with the descriptors that it keeps numbered from N
//     on, reaps whatever loses its parent, and tells how COMMAND ended. When COMMAND ends, or the
//     daemon's end of FD closes, everything ends.
//
// In a process namespace it is process 1, so its end is the end of all. Without one it becomes the
// reaper of its descendants and kills them itself. Only libc is used, linked statically: it runs
// inside, beside code that is not trusted and with its environment, and starts within a
// millisecond. Its memory cannot be read from there.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateways/inside/doors.hpp"
#include "gateways/inside/landlock.hpp"
#include "gateways/inside/programs.hpp"
#include "gateways/inside/report.hpp"

namespace {

using gateways::inside::report;
using gateways::inside::report_kind;

constexpr int setup_failed = 125, exec_failed = 127;
constexpr int kept_max = 16, paths_max = 96, staged_max = 2;
constexpr const char* stage = "/sys";

struct limit_word {
  const char* name;
  __rlimit_resource_t resource;
};
constexpr limit_word limit_words[] = {
    {"fsize", RLIMIT_FSIZE},   {"nproc", RLIMIT_NPROC},       {"nofile", RLIMIT_NOFILE},
    {"data", RLIMIT_DATA},     {"core", RLIMIT_CORE},         {"memlock", RLIMIT_MEMLOCK},
    {"rtprio", RLIMIT_RTPRIO}, {"msgqueue", RLIMIT_MSGQUEUE},
};

struct path_rule {
  const char* path;
  std::uint64_t access;
};

struct orders {
  int report_fd = -1;
  int store_fd = -1;   ///< -1: there is no such way out
  int egress_fd = -1;  ///< as before
  int filter_fd = -1;
  int kept[kept_max] = {};
  int kept_count = 0;
  int first_kept = -1;              ///< the number of the first of them in COMMAND; -1: they stay
  path_rule paths[paths_max] = {};  ///< what it may open; none: Landlock is not asked
  int path_count = 0;
  const char* directory = nullptr;  ///< relative to where we are; null: just there
  char** command = nullptr;
};

void tell(int fd, report_kind kind, int value, int memory_peak_kib = 0) {
  report r{kind, value, memory_peak_kib};
  ssize_t ignored = send(fd, &r, sizeof r, MSG_NOSIGNAL);
  (void)ignored;
}

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
  _exit(setup_failed);
}

bool write_text(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t size = strlen(text);
  bool whole = write(fd, text, size) == static_cast<ssize_t>(size);
  close(fd);
  return whole;
}

void take_signals_as_they_come() {
  for (int s = 1; s < NSIG; ++s) signal(s, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Closes all descriptors from 3 on but those in `kept`, which is in ascending order.
void close_others(const int* kept, int count) {
  unsigned from = 3;
  for (int i = 0; i < count; ++i) {
    unsigned fd = static_cast<unsigned>(kept[i]);
    if (fd > from) syscall(SYS_close_range, from, fd - 1, 0);
    if (fd >= from) from = fd + 1;
  }
  syscall(SYS_close_range, from, ~0U, 0);
}

/// bubblewrap looks descriptors up by their paths, as the sandbox's user, who may not enter the
/// folders above. So it gets mounts of them in a place that nobody needs inside.
class staging {
 public:
  /// Before `mount_all`: a mount is taken out of the namespace that it is in.
  void take(int folder, const char* name) {
    errno = ENOSPC;
    long tree = count_ == staged_max ? -1
                                     : syscall(SYS_open_tree, folder, "",
                                               OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0) fail(name);
    all_[count_++] = {folder, static_cast<int>(tree), name};
  }
  void mount_all() {
    if (mounted_ || count_ == 0) return;
    mounted_ = true;
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("stage", stage, "tmpfs", MS_NODEV | MS_NOSUID, "mode=0755,size=64k") != 0)
      fail("a place for folders");
    int at = open(stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < count_; ++i) {
      auto& one = all_[i];
      if (mkdirat(at, one.name, 0755) != 0 ||
          syscall(SYS_move_mount, one.tree, "", at, one.name, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        fail(one.name);
      close(one.tree);
      reopen(at, one.name, one.number);
    }
    close(at);
  }
  void zone(int number, const char* name) {
    mount_all();
    reopen(all_[0].number, name, number);
  }

 private:
  struct folder {
    int number, tree;
    const char* name;
  };
  static void reopen(int at, const char* name, int number) {
    int there = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool placed = there == number ? fcntl(there, F_SETFD, 0) == 0 : dup2(there, number) >= 0;
    if (there < 0 || !placed) fail(name);
    if (there != number) close(there);
  }

  folder all_[staged_max] = {};
  int count_ = 0;
  bool mounted_ = false;
};

int enter(int argc, char** argv) {
  staging folders;
  int i = 2;
  for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
    if (strcmp(argv[i], "--group") == 0) {
      if (!write_text(argv[i + 1], "0")) fail(argv[i + 1]);
    } else if (strcmp(argv[i], "--stage") == 0 && i + 2 < argc) {
      folders.take(atoi(argv[i + 1]), argv[i + 2]);
      ++i;
    } else if (strcmp(argv[i], "--zone") == 0 && i + 2 < argc) {
      folders.zone(atoi(argv[i + 1]), argv[i + 2]);
      ++i;
    } else if (strcmp(argv[i], "--uid") == 0) {
      folders.mount_all();
      auto id = static_cast<uid_t>(strtoul(argv[i + 1], nullptr, 10));
      if (setgroups(0, nullptr) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0)
        fail("giving up root");
    } else {
      return setup_failed;
    }
  }
  if (i + 1 >= argc) return setup_failed;
  execvp(argv[i + 1], argv + i + 1);
  fail(argv[i + 1]);
}

/// A limit that is lower already stays as it is.
bool set_limit(const char* name, const char* text) {
  for (auto& word : limit_words) {
    if (strcmp(word.name, name) != 0) continue;
    rlim_t value = strtoull(text, nullptr, 10);
    rlimit before{};
    if (getrlimit(word.resource, &before) == 0 && before.rlim_max < value) value = before.rlim_max;
    rlimit wanted{value, value};
    return setrlimit(word.resource, &wanted) == 0;
  }
  errno = EINVAL;
  return false;
}

bool read_orders(int argc, char** argv, orders& out) {
  int i = 2;
  for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
    const char* word = argv[i];
    int number = atoi(argv[i + 1]);
    if (strcmp(word, "--report") == 0) {
      out.report_fd = number;
    } else if (strcmp(word, "--store") == 0) {
      out.store_fd = number;
    } else if (strcmp(word, "--egress") == 0) {
      out.egress_fd = number;
    } else if (strcmp(word, "--filter") == 0) {
      out.filter_fd = number;
    } else if (strcmp(word, "--directory") == 0) {
      out.directory = argv[i + 1];
    } else if (auto access = landlock::access_of(word); access != 0 && out.path_count < paths_max) {
      out.paths[out.path_count++] = {argv[i + 1], access};
    } else if (strcmp(word, "--keep") == 0 && out.kept_count < kept_max) {
      out.kept[out.kept_count++] = number;
    } else if (strcmp(word, "--from") == 0) {
      out.first_kept = number;
    } else if (strcmp(word, "--limit") == 0 && i + 2 < argc) {
      if (!set_limit(argv[i + 1], argv[i + 2])) fail(argv[i + 1]);
      ++i;
    } else {
      return false;
    }
  }
  if (i + 1 >= argc || out.report_fd < 0) return false;
  out.command = argv + i + 1;
  return true;
}

/// A listener keeps the network that it was made in, wherever it is accepted from. So the daemon
/// gets ours, and nothing has to run in here to carry bytes out.
bool send_listener(int to, int listener, const sockaddr* address, socklen_t address_bytes) {
  constexpr int backlog = 128;
  if (listener < 0 || bind(listener, address, address_bytes) != 0 || listen(listener, backlog) != 0)
    return false;
  char byte = 0;
  iovec part{&byte, sizeof byte};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof listener)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof listener);
  memcpy(CMSG_DATA(rights), &listener, sizeof listener);
  bool sent = sendmsg(to, &message, MSG_NOSIGNAL) == sizeof byte;
  close(listener);
  return sent;
}

bool send_proxy(int to) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(gateways::inside::proxy_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return send_listener(to, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                       reinterpret_cast<sockaddr*>(&address), sizeof address);
}

bool send_store(int to) {
  using gateways::inside::store_address_bytes;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, gateways::inside::store_address, store_address_bytes);
  return send_listener(to, socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0),
                       reinterpret_cast<sockaddr*>(&address),
                       offsetof(sockaddr_un, sun_path) + store_address_bytes);
}

/// The filter as exported by libseccomp: an array of instructions. Where bubblewrap does not do it.
bool load_filter(int fd) {
  static sock_filter code[BPF_MAXINSNS];
  ssize_t size = pread(fd, code, sizeof code, 0);
  if (size <= 0 || size % static_cast<ssize_t>(sizeof *code) != 0) return false;
  sock_fprog program{static_cast<unsigned short>(size / static_cast<ssize_t>(sizeof *code)), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// From here on only these paths can be opened, and nobody outside be signalled.
bool close_in(const orders& what) {
  int rules = landlock::create(landlock::version());
  if (rules < 0) return false;
  for (int i = 0; i < what.path_count; ++i)
    if (!landlock::allow(rules, what.paths[i].path, what.paths[i].access)) return false;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && landlock::enter(rules);
}

[[noreturn]] void become_workload(const orders& what, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(setup_failed);  // it is gone already
  setsid();
  if (isatty(0)) ioctl(0, TIOCSCTTY, 0);
  // Should memory run out, the workload goes before anything else; where it may not say so, fine.
  write_text("/proc/self/oom_score_adj", "500");
  tell(what.report_fd, report_kind::started, 0);
  if (what.path_count > 0 && !close_in(what)) {
    tell(what.report_fd, report_kind::exec_failed, errno);
    fail("Landlock");
  }
  if (what.filter_fd >= 0 && !load_filter(what.filter_fd)) {
    tell(what.report_fd, report_kind::exec_failed, errno);
    fail("the system call filter");
  }
  int report_fd = fcntl(what.report_fd, F_DUPFD_CLOEXEC, 100);
  int kept[kept_max + 1];
  memcpy(kept, what.kept, sizeof what.kept);
  kept[what.kept_count] = report_fd;
  close_others(kept, what.kept_count + 1);
  for (int n = 0; what.first_kept >= 0 && n < what.kept_count; ++n)
    if (dup2(what.kept[n], what.first_kept + n) >= 0) close(what.kept[n]);
  take_signals_as_they_come();
  const char* wanted = what.directory;
  if (wanted == nullptr || chdir(wanted) == 0) {
    wanted = what.command[0];
    execvp(wanted, what.command);
  }
  int why = errno;
  tell(report_fd, report_kind::exec_failed, why);
  fprintf(stderr, "init: cannot %s %s: %s\n", wanted == what.directory ? "enter" : "start", wanted,
          strerror(why));
  _exit(exec_failed);
}

/// Where there is no process namespace: kills children, and theirs when they come to us, until none
/// is left. Bounded, should one be stuck in the system.
void end_descendants() {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", static_cast<int>(getpid()));
  for (int round = 0; round < 500; ++round) {
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    for (char* at = text; *at != '\0';) {
      long pid = strtol(at, &at, 10);
      if (pid <= 0) break;
      kill(static_cast<pid_t>(pid), SIGKILL);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return;
    poll(nullptr, 0, 2);
  }
}

/// `code` is for those who watch the process; the daemon was told before.
[[noreturn]] void end_all(pid_t child, int code) {
  if (getpid() != 1) {
    if (child > 0) kill(-child, SIGKILL);
    end_descendants();
  }
  _exit(code);  // as process 1: and the system ends the rest
}

/// Reaps whoever has died. When it is the workload itself, tells how and ends.
void reap(int report_fd, pid_t child) {
  static long peak_kib = 0;
  int status = 0;
  rusage used;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &used)) > 0;) {
    if (used.ru_maxrss > peak_kib) peak_kib = used.ru_maxrss;
    if (pid != child) continue;
    bool exited = WIFEXITED(status);
    int value = exited ? WEXITSTATUS(status) : WTERMSIG(status);
    tell(report_fd, exited ? report_kind::exited : report_kind::ended_by, value,
         static_cast<int>(peak_kib));
    end_all(child, exited ? value : 128 + value);
  }
}

int run(int argc, char** argv) {
  orders what;
  if (getpid() == 1)
    prctl(PR_SET_DUMPABLE, 0);  // its memory and descriptors are not for the workload
  else
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!read_orders(argc, argv, what)) return setup_failed;
  if (what.store_fd >= 0 && !send_store(what.store_fd)) fail("the store's listener");
  if (what.egress_fd >= 0 && !send_proxy(what.egress_fd)) fail("the proxy's listener");
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  pid_t self = getpid();
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) become_workload(what, self);
  int report_fd = what.report_fd;
  // A way out is open as long as we hold its socket. The launcher gave them in this order.
  int ours[3] = {report_fd};
  int count = 1;
  if (what.store_fd >= 0) ours[count++] = what.store_fd;
  if (what.egress_fd >= 0) ours[count++] = what.egress_fd;
  close_others(ours, count);
  // The workload's output is its own: nobody shall wait for the end of ours.
  int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; nowhere >= 0 && fd < 3; ++fd) dup2(nowhere, fd);
  int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  pollfd watched[2] = {{signals, POLLIN, 0}, {report_fd, POLLIN, 0}};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) end_all(child, setup_failed);
    if (watched[1].revents != 0) end_all(child, 0);  // it says nothing, so it is gone
    signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
    }
    reap(report_fd, child);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const char* name = argc > 0 ? strrchr(argv[0], '/') : nullptr;
  if (argc > 0 && strcmp(name ? name + 1 : argv[0], "troupe-append") == 0)
    return gateways::inside::append(argc, argv);
  if (argc > 1 && strcmp(argv[1], "enter") == 0) return enter(argc, argv);
  if (argc > 1 && strcmp(argv[1], "run") == 0) return run(argc, argv);
  fprintf(stderr, "init: starts workloads for troupe; not to be run by hand\n");
  return setup_failed;
}
