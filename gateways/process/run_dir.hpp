// Where the sockets and connection files of kernels lie, and who may look at them: only we.
//
// One folder a generation, below one folder a daemon; all 0700, files 0600. A Unix socket's path
// has at most 107 bytes, so a long data folder moves the run folder to /tmp, under a name of its
// own that is refused when somebody else made it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateways/isolation/descriptor.hpp"
#include "protocol/error.hpp"

namespace gateways {

/// The run folder that belongs to a data folder. Always the same answer; makes nothing.
std::string run_dir_of(const std::string& data_dir);

/// Makes the folder if it is missing. Refused unless it is a folder of ours that only we can enter.
protocol::result<void> ensure_private_dir(const std::string& path);

/// The files of one generation.
struct kernel_folder {
  std::string path;
  std::string connection_file;
  std::string key;  ///< signs messages; also in the connection file
  /// Listen on the channels' sockets, in the order of `kernel_port_number`, from before the kernel
  /// is started. It gets them by descriptor, so it never names a socket that we connect to.
  std::vector<descriptor> listeners;

  /// Where a channel's socket is: "ipc://…/k-1".
  std::string endpoint(int port) const { return "ipc://" + socket_path(port); }
  std::string socket_path(int port) const { return path + "/k-" + std::to_string(port); }
};

/// The ports in the connection file; over ipc they are the ends of file names.
enum kernel_port_number : int { shell_port = 1, stdin_port, control_port, iopub_port, hb_port };

/// The text of a connection file whose sockets are at `ip`-1 to `ip`-5.
std::string connection_text(const std::string& ip, const std::string& key);

/// Makes `<run>/<name>` with connection file and sockets; a folder left under that name is removed.
protocol::result<kernel_folder> make_kernel_folder(const std::string& run, const std::string& name);

void remove_folder(const std::string& path) noexcept;

/// `bytes` random bytes of the operating system, as lower-case hexadecimal.
std::string random_hex(std::size_t bytes);

}  // namespace gateways
