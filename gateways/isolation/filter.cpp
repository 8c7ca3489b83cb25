#include "gateways/isolation/filter.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace gateways {
namespace {

using context = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

constexpr int fchmodat2_number = 452;  // libseccomp 2.5 does not know its name
/// Linux gave these numbers out later than this list was made, or not yet.
constexpr int newer_calls_first = 463, newer_calls_last = 511;
constexpr unsigned long set_file_flags = 0x40086602, set_project_id = 0x401c5820;
constexpr int families_max = 64;

constexpr std::array not_permitted{
    // The machine's administration.
    "acct", "adjtimex", "clock_adjtime", "clock_settime", "settimeofday", "delete_module",
    "finit_module", "init_module", "iopl", "ioperm", "kexec_file_load", "kexec_load", "modify_ldt",
    "quotactl", "quotactl_fd", "reboot", "setdomainname", "sethostname", "swapoff", "swapon",
    "syslog", "vhangup", "uselib", "sysfs", "ustat", "lookup_dcookie",
    // Mounts and namespaces.
    "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree",
    "pivot_root", "setns", "umount2",
    // Other processes, and the kernel's own memory.
    "bpf", "kcmp", "perf_event_open", "pidfd_getfd", "process_madvise", "process_vm_readv",
    "process_vm_writev", "userfaultfd", "memfd_secret", "vmsplice", "mbind", "migrate_pages",
    "move_pages", "set_mempolicy",
    // Key rings are not in a namespace; file handles walk past mounts; fanotify watches all.
    "add_key", "keyctl", "request_key", "name_to_handle_at", "open_by_handle_at", "fanotify_init",
    "fanotify_mark"};
/// openat2 may make a set-user-id file, which a filter cannot see: its mode lies behind a pointer.
constexpr std::array not_there{"io_uring_enter", "io_uring_register", "io_uring_setup", "openat2"};
/// Chromium's own sandbox needs these; nobody else does.
constexpr std::array browser_only{"chroot", "ptrace", "unshare"};
constexpr std::array<unsigned long, 7> namespaces{CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWNET,
                                                  CLONE_NEWPID,   CLONE_NEWIPC, CLONE_NEWUTS,
                                                  CLONE_NEWCGROUP};

/// Adds rules and remembers the first that could not be added.
class rules {
 public:
  explicit rules(scmp_filter_ctx to) : to_(to) {}

  void deny(const char* name, int error) {
    auto number = seccomp_syscall_resolve_name(name);
    if (number != __NR_SCMP_ERROR) deny(number, error);  // else this system has no such call
  }
  template <class... Comparisons>
  void deny(int number, int error, Comparisons... when) {
    auto rc = seccomp_rule_add(to_, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number,
                               sizeof...(when), when...);
    if (rc < 0 && failed_ == 0) failed_ = -rc;
  }
  int failed() const { return failed_; }

 private:
  scmp_filter_ctx to_;
  int failed_ = 0;
};

scmp_arg_cmp has_bits(unsigned argument, unsigned long bits) {
  return {argument, SCMP_CMP_MASKED_EQ, bits, bits};
}

void deny_calls(rules& r, filter_kind kind) {
  for (auto* name : not_permitted) r.deny(name, EPERM);
  for (auto* name : not_there) r.deny(name, ENOSYS);
  // What a new call can do is not known; without it, libraries take the older way.
  for (int number = newer_calls_first; number <= newer_calls_last; ++number) r.deny(number, ENOSYS);
  if (kind == filter_kind::browser) return;
  for (auto* name : browser_only) r.deny(name, EPERM);
  // Its flags lie behind a pointer, so it is denied as a whole: libc falls back to clone.
  r.deny("clone3", ENOSYS);
  for (auto flag : namespaces) r.deny(SCMP_SYS(clone), EPERM, has_bits(0, flag));
  r.deny(SCMP_SYS(personality), EPERM, scmp_arg_cmp{0, SCMP_CMP_GT, 0, 0});
}

void deny_arguments(rules& r) {
  // The system looks at 32 bits of an ioctl's number, so the upper half is the caller's to choose.
  for (unsigned long request :
       {static_cast<unsigned long>(TIOCSTI), static_cast<unsigned long>(TIOCLINUX), set_file_flags,
        set_project_id})
    r.deny(SCMP_SYS(ioctl), EPERM, scmp_arg_cmp{1, SCMP_CMP_MASKED_EQ, 0xffffffffu, request});
}

/// No set-user-id or set-group-id file, neither by a change of mode nor new.
void deny_set_id(rules& r) {
  for (unsigned long bit :
       {static_cast<unsigned long>(S_ISUID), static_cast<unsigned long>(S_ISGID)}) {
    r.deny(SCMP_SYS(chmod), EPERM, has_bits(1, bit));
    r.deny(SCMP_SYS(fchmod), EPERM, has_bits(1, bit));
    r.deny(SCMP_SYS(fchmodat), EPERM, has_bits(2, bit));
    r.deny(fchmodat2_number, EPERM, has_bits(2, bit));
    r.deny(SCMP_SYS(creat), EPERM, has_bits(1, bit));
    r.deny(SCMP_SYS(mknod), EPERM, has_bits(1, bit));
    r.deny(SCMP_SYS(mknodat), EPERM, has_bits(2, bit));
    // Without one of these flags the mode means nothing, and may be anything.
    for (unsigned long flag : {static_cast<unsigned long>(O_CREAT),
                               static_cast<unsigned long>(O_TMPFILE & ~O_DIRECTORY)}) {
      r.deny(SCMP_SYS(open), EPERM, has_bits(1, flag), has_bits(2, bit));
      r.deny(SCMP_SYS(openat), EPERM, has_bits(2, flag), has_bits(3, bit));
    }
  }
}

void deny_sockets(rules& r) {
  for (int family = 0; family < families_max; ++family)
    if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
      r.deny(SCMP_SYS(socket), EAFNOSUPPORT,
             scmp_arg_cmp{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(family), 0});
  r.deny(SCMP_SYS(socket), EAFNOSUPPORT, scmp_arg_cmp{0, SCMP_CMP_GE, families_max, 0});
  // NETLINK_ROUTE (0) lists interfaces, which are its own.
  r.deny(SCMP_SYS(socket), EPROTONOSUPPORT, scmp_arg_cmp{0, SCMP_CMP_EQ, AF_NETLINK, 0},
         scmp_arg_cmp{2, SCMP_CMP_NE, 0, 0});
}

protocol::fault fault_of(const char* what, int error) {
  return {
      protocol::error_code::unavailable, std::string(what) + ": " + std::strerror(error), {}, 0};
}

}  // namespace

protocol::result<int> make_filter(filter_kind kind) {
  context filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) return fault_of("seccomp_init", ENOMEM);
  // By default a call by another architecture's numbers kills one thread, which leaves half a
  // process behind.
  auto rc = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  if (rc < 0) return fault_of("seccomp_attr_set", -rc);
  rules r(filter.get());
  deny_calls(r, kind);
  deny_arguments(r);
  deny_set_id(r);
  deny_sockets(r);
  if (r.failed() != 0) return fault_of("seccomp_rule_add", r.failed());
  // As a tree it costs less a call; the browser's, with fewer rules on clone, stays linear.
  if (kind == filter_kind::workload) seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  int fd = ::memfd_create("troupe-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return fault_of("memfd_create", errno);
  rc = seccomp_export_bpf(filter.get(), fd);
  if (rc < 0 || ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) != 0) {
    auto f = fault_of("the system call filter", rc < 0 ? -rc : errno);
    ::close(fd);
    return f;
  }
  return fd;
}

}  // namespace gateways
