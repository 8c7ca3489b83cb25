// Everything that can be configured, as plain structs: a default, a unit and a line of doc a field.
//
// `options.cpp` holds the one table that gives each field its key, its range and its environment
// name, and generates the help, the sample file and docs/config.md. Read-only once loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace config {

enum class restart_on : std::uint8_t { never, abnormal, always };
enum class when_exhausted : std::uint8_t { fail, escalate };

/// How a child that died is restarted; data, in Erlang's sense of a child specification.
struct restart_policy {
  restart_on on = restart_on::abnormal;
  std::uint64_t max_restarts = 10;  ///< within `window_ms`; one more exhausts the policy
  std::int64_t window_ms = 60'000;
  std::int64_t backoff_min_ms = 100;  ///< before the second restart in a row; the first is at once
  std::int64_t backoff_max_ms = 2'000;  ///< the wait doubles from min up to this
  double jitter = 0.1;                  ///< share of the wait that is drawn at random, 0..1
  std::int64_t stable_after_ms = 250;   ///< up for this long: the history is forgotten
  std::int64_t stop_grace_ms = 1'000;   ///< between asking it to stop and killing it
  when_exhausted then = when_exhausted::fail;

  friend bool operator==(const restart_policy&, const restart_policy&) = default;
};

struct node_options {
  std::string data_dir;            ///< empty: $XDG_STATE_HOME/troupe, as root /var/lib/troupe
  std::string ready_file;          ///< written when ready; empty: none
  bool insecure = false;           ///< no token is asked for
  std::int64_t drain_ms = 10'000;  ///< running work gets this long after SIGTERM
  std::uint64_t threads = 0;       ///< of the actor scheduler; 0: one for every four processors
  std::string log_level = "info";  ///< debug, info, warn, error
};

struct http_options {
  std::string listen = "127.0.0.1:8888";
  std::vector<std::string> allowed_hosts;    ///< beside the addresses listened on and localhost
  std::vector<std::string> allowed_origins;  ///< for CORS; empty: no other origin
  std::uint64_t connections_max = 1'024;
  std::uint64_t header_bytes_max = 16'384;
  std::uint64_t body_bytes_max = 16 << 20;
  std::uint64_t upload_bytes_max = std::uint64_t{16} << 30;  ///< of a file's bytes; streamed
  std::int64_t header_timeout_ms = 10'000;
  std::int64_t body_timeout_ms = 60'000;
  std::uint64_t body_rate_min = 500;       ///< bytes/s of an upload; 0: any that goes on
  std::int64_t idle_timeout_ms = 75'000;   ///< of a kept-alive connection between requests
  std::int64_t write_timeout_ms = 30'000;  ///< a client that takes nothing for so long is cut
  std::int64_t keepalive_ms = 10'000;      ///< between keep-alives of a silent stream
  std::uint64_t event_queue_max = 4'096;   ///< events that wait for one slow reader
};

struct cdp_options {
  std::string listen = "127.0.0.1:9222";
  std::string remote_listen;             ///< asks everybody for the token; empty: none
  std::vector<std::string> trust_users;  ///< of this machine, who need no token on `listen`
  std::string tokens_file;               ///< further tokens, which may less; empty: none
  std::uint64_t connections_max = 512;
  std::uint64_t queue_bytes_max = 256 << 20;  ///< that wait for one slow client
  std::string protocol_file;                  ///< what /json/protocol answers; empty: 404
};

/// The way out of sandboxes. A rule is a host, a suffix, an address or a block of addresses, each
/// with an optional port or range of ports; see config/egress_rule.hpp.
struct egress_options {
  std::string mode = "none";           ///< none: no network; proxy: through the daemon's own proxy
  std::vector<std::string> allow;      ///< empty: nothing is allowed
  std::vector<std::string> deny;       ///< wins over `allow`
  std::uint64_t connections_max = 64;  ///< of one sandbox at once
  std::int64_t setup_timeout_ms = 15'000;    ///< request head, resolution and connection together
  std::int64_t idle_timeout_ms = 120'000;    ///< of a connection on which nothing moves
  std::int64_t lifetime_ms_max = 3'600'000;  ///< of a connection
  std::uint64_t bytes_max = 1 << 30;         ///< of one sandbox in all, both ways together; 0: any
};

struct kernel_options {
  std::string python = "/usr/bin/python3";
  std::uint64_t queue_max = 64;  ///< executions that wait in one kernel
  std::uint64_t max_per_sandbox = 8;
  std::int64_t timeout_ms = 30'000;  ///< of an execution that names none
  std::int64_t timeout_ms_max = 1'800'000;
  std::int64_t start_timeout_ms = 30'000;  ///< from process start to kernel_info_reply
  std::int64_t heartbeat_interval_ms = 2'000;
  std::uint64_t heartbeat_misses = 5;       ///< unanswered beats in a row that mean death
  std::int64_t interrupt_grace_ms = 2'000;  ///< from the interrupt to the kill
  std::int64_t settle_ms = 5'000;           ///< between execute_reply and idle, either way round
  bool debugger = false;                    ///< load debugpy at start (about 200 ms slower)
  restart_policy restart;
  egress_options egress;  ///< holds for kernels and commands
};

struct command_options {
  std::string shell = "/bin/bash";  ///< runs a command that is one string, with -c
  std::uint64_t max_per_sandbox = 16;
  std::int64_t kill_grace_ms = 2'000;  ///< from SIGTERM to SIGKILL
};

/// One Chromium a sandbox. Its limits are its own, beside those of the sandbox's kernels.
struct browser_options {
  std::string program = "/usr/lib/chromium/chromium";
  std::string start = "first_use";         ///< or with its sandbox: first_use, sandbox, never
  std::int64_t idle_stop_ms = 0;           ///< without a client or an action; 0: it stays
  std::int64_t start_timeout_ms = 20'000;  ///< from process start to its first answer
  std::int64_t ping_interval_ms = 2'000;
  std::uint64_t ping_misses = 5;  ///< unanswered pings in a row that mean death
  std::uint64_t pages_max = 32;
  std::string pages_full = "discard";    ///< the page that is used least; or refuse the new one
  std::string dialogs = "dismiss";       ///< what is done with one: accept, dismiss, ask
  std::vector<std::string> permissions;  ///< that pages have, by their names in CDP
  std::string certificate_errors = "refuse";    ///< or ignore
  std::int64_t unresponsive_after_ms = 10'000;  ///< 0: pages are not watched
  std::string unresponsive = "recover";         ///< or report
  bool headful = false;                         ///< with a display of its own
  std::string xvfb = "/usr/bin/Xvfb";
  std::string window = "1280x800";
  std::string screen = "1920x1080";
  std::string profile = "en-US";        ///< what pages see of it; off: as Chromium is
  std::string accept_language;          ///< empty: the profile's
  std::string timezone;                 ///< of Area/City; empty: the profile's
  std::vector<std::string> extensions;  ///< folders of unpacked extensions
  std::vector<std::string> flags;       ///< more of Chromium's own
  bool no_sandbox = false;              ///< without Chromium's own walls; ours stay
  std::uint64_t memory_bytes = 1 << 30;
  std::uint64_t processes = 1'024;  ///< threads count
  double cpus = 0;                  ///< processors' worth of time; 0: any
  restart_policy restart;
  egress_options egress{.mode = "proxy", .allow = {"0.0.0.0/0", "::/0"}, .connections_max = 256};
};

struct sandbox_options {
  std::uint64_t max = 256;
  std::string default_mode = "agent";  ///< of the sandbox `default`: agent or chat
  std::uint64_t chat_steps_per_turn = 10;
  std::uint64_t agent_steps_per_turn = 0;  ///< 0: unlimited
  std::int64_t sweep_interval_ms = 1'000;  ///< how often ttl and idleness are looked at
};

struct isolation_options {
  std::string level = "auto";               ///< auto: the strongest that can be had
  std::vector<std::string> require;         ///< protections without which not to start
  std::vector<std::string> readable_paths;  ///< of the host, beside /usr and parts of /etc
  std::uint64_t uid_first = 2'000'000'000;  ///< users of sandboxes, when the daemon is root
  std::uint64_t uid_count = 100'000;
};

/// The first six are of one sandbox.
struct limit_options {
  std::uint64_t memory_bytes = 500'000'000;
  std::uint64_t processes = 128;         ///< threads count; 0: any
  double cpus = 0;                       ///< processors' worth of time; 0: any
  std::uint64_t disk_bytes = 1 << 30;    ///< of the workspace's files together; 0: any
  std::uint64_t tmp_bytes = 64 << 20;    ///< of /tmp, kept in its memory
  std::uint64_t open_files = 1'024;      ///< of one process
  std::uint64_t output_bytes = 8 << 20;  ///< of one execution, kept in its event log
  std::uint64_t spill_bytes = 1 << 30;   ///< of one execution, written to its file; then cut
  std::int64_t watch_ms = 1'000;         ///< a sandbox that works is looked at so often
  std::uint64_t executions_max = 1'024;  ///< running or queued at once on the node; 0: any
  double requests_per_s = 2'000;         ///< of one client, work-making requests; 0: any
  std::uint64_t requests_burst = 4'000;
};

struct journal_options {
  std::int64_t retention_s = 7 * 24 * 3'600;
  std::uint64_t retention_bytes = 1 << 30;
  std::int64_t flush_ms = 20;              ///< events wait this long to be written together
  std::int64_t commit_timeout_ms = 2'000;  ///< an end waits this long for the disk, then is told
  std::uint64_t pending_bytes_max = 64 << 20;  ///< kept in memory while the disk refuses
};

struct settings {
  node_options node;
  http_options http;
  cdp_options cdp;
  kernel_options kernel;
  command_options command;
  browser_options browser;
  sandbox_options sandbox;
  isolation_options isolation;
  limit_options limits;
  journal_options journal;
  restart_policy actor_restart{
      .max_restarts = 5, .stable_after_ms = 10'000, .then = when_exhausted::escalate};
};

}  // namespace config
