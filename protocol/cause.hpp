// Why a process, an execution, a kernel or a sandbox came to its end. Told to every client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace protocol {

enum class cause_kind : std::uint8_t {
  none,                ///< nothing to tell: it ended well, or by an error of the code itself
  exit,                ///< the process ended by itself, with `exit_code`
  signal,              ///< the process was ended by `signal`
  memory_limit,        ///< the operating system killed it at its memory limit
  time_limit,          ///< the execution ran longer than `limit`
  output_limit,        ///< it printed more than `limit`
  disk_quota,          ///< its sandbox's workspace held more than `limit`
  heartbeat,           ///< alive by its process id, silent on its heartbeat channel
  start_timeout,       ///< the process did not answer within its start deadline
  start_failed,        ///< the process could not be started
  interrupt,           ///< a client interrupted it
  cancelled,           ///< a client cancelled it, or deleted what it ran in
  restart,             ///< a client restarted the kernel
  protocol_error,      ///< the kernel said something that breaks its protocol
  actor_failed,        ///< a part of the daemon failed (a bug), its supervisor replaced it
  daemon_lost,         ///< the daemon itself was killed; found at its next start
  shutdown,            ///< the daemon was asked to stop
  expired,             ///< the sandbox reached its ttl or idle limit
  restarts_exhausted,  ///< it died too often; the restart policy gave up
};

struct cause {
  cause_kind kind = cause_kind::none;
  int signal = 0;      ///< a signal number, for kind signal; 0: none
  int exit_code = -1;  ///< 0..255, for kind exit; -1: none
  std::string limit;   ///< the limit that was hit with its unit, as in "timeout_s=30"; or empty
  std::string detail;  ///< a sentence for people

  friend bool operator==(const cause&, const cause&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cause& x) {
  return f(x.kind, x.signal, x.exit_code, x.limit, x.detail);
}

std::string_view name_of(cause_kind kind) noexcept;
inline std::string to_string(cause_kind kind) {
  return std::string(name_of(kind));
}

/// "SIGKILL" for 9; "SIG42" for a number without a name.
std::string signal_name(int signal);

/// The cause as the edge shows it: `null` for kind none, else an object with all five members.
std::string to_json(const cause& c);

/// The inverse of `to_json`, for what the journal kept; anything unreadable gives kind none.
cause cause_from_json(std::string_view json);

}  // namespace protocol
