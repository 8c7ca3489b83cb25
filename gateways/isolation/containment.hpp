// What a workload (a kernel, a command, a browser) is started from, as a value: what it runs, what
// it sees, and what it may use. The launcher makes it true, as far as the level of isolation goes.
//
// Descriptors named here are borrowed for the duration of the launch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateways/isolation/filter.hpp"
#include "gateways/isolation/gate.hpp"
#include "protocol/sandbox.hpp"

namespace gateways {

/// How strong the walls are. Each level has all of the one before it.
enum class isolation_level {
  none,        ///< a process group and an environment from a list; only when asked for by name
  process,     ///< no new privileges, a system call filter, resource limits, Landlock
  namespaces,  ///< own processes, files, network, users; as root an own user
  full,        ///< control groups hold memory, processes and CPU
};

std::string_view name_of(isolation_level level) noexcept;

/// The number that the first of `containment::descriptors` has inside, if it asks for no other.
inline constexpr int first_passed = 30;

/// A file of ours that the workload reads: inside as /run/troupe/NAME.
struct placed_file {
  std::string name;
  std::string content;
};

struct containment {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< "NAME=value"; PATH, HOME and the like are added
  std::vector<std::string> marks;        ///< environment by which processes on the host are found
  std::string workspace;                 ///< its working directory; inside it has the same path
  std::string directory;                 ///< below the workspace, where it begins; may be empty
  bool read_only_workspace = false;      ///< but for the zones that are writable
  std::vector<std::string> readable_paths;  ///< of the host, beside those that all may read
  std::vector<placed_file> files;
  std::string files_folder;      ///< on the host: where the files are put when nothing is mounted
  std::string own_folder;        ///< of the host, mounted as `inside_own_folder`; empty: none
  std::vector<int> descriptors;  ///< passed on, in this order,
  int descriptors_from = first_passed;  ///< as numbers from this one on
  int input = -1;                       ///< its stdin; -1: /dev/null
  int output = -1;                      ///< its stdout
  int errors = -1;                      ///< its stderr
  filter_kind filter = filter_kind::workload;
  std::string sandbox_id;  ///< whose it is, as `ways` know it
  gates ways;              ///< null, both: it reaches nothing but its own loopback
  protocol::limits limit;
};

/// The folders in a workspace that have a rule of their own.
struct zone {
  const char* name;
  bool writable;
};
inline constexpr zone zones[] = {
    {"upload", false}, {"output", true}, {"deploy", true}, {".store", false}};

/// What libraries look for below /etc; what is not there is left out.
inline constexpr const char* library_settings[] = {
    "/etc/alternatives",    "/etc/fonts",       "/etc/matplotlibrc", "/etc/python3",
    "/etc/python3.11",      "/etc/localtime",   "/etc/mime.types",   "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf", "/etc/ld.so.cache", "/etc/ld.so.conf",   "/etc/ld.so.conf.d"};

/// Where `containment::files` are inside, at the levels that have a file system of their own.
inline constexpr std::string_view inside_files = "/run/troupe";
/// Where `containment::own_folder` is, at the same levels.
inline constexpr std::string_view inside_own_folder = "/own";

}  // namespace gateways
