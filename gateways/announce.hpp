// Tells the world that the daemon is ready: people, systemd, scripts, and the command line.
#pragma once

#include <string>

#include "gateways/data_dir.hpp"

namespace gateways {

struct readiness {
  std::string url;        ///< "http://127.0.0.1:8888"
  std::string cdp_url;    ///< "http://127.0.0.1:9222"
  double started_ms = 0;  ///< from the program's start to ready
  bool insecure = false;
  std::string ready_file;  ///< empty: none
};

/// Writes the ready file and DATA_DIR/daemon.json, prints the ready block, notifies systemd.
/// Refused when the ready file cannot be written: whoever asked for it would wait for ever.
protocol::result<void> announce_ready(const data_dir& dir, const readiness& r);

/// Removes what `announce_ready` wrote.
void withdraw(const data_dir& dir, const readiness& r);

/// One datagram to systemd's NOTIFY_SOCKET (sd_notify(3)); nothing without it.
void notify_systemd(const std::string& state);

}  // namespace gateways
