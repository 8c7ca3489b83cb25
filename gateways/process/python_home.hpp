// Which folders of the host a workload must be able to read for the Python that runs kernels.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gateways {

/// What an interpreter needs that is not the system's: for PREFIX/bin/python all of PREFIX.
inline std::vector<std::string> home_of(const std::string& python) {
  std::filesystem::path path(python);
  for (auto* known : {"/usr/", "/bin/"})
    if (python.starts_with(known)) return {};
  if (!path.is_absolute()) return {};
  auto folder = path.parent_path();
  return {folder.filename() == "bin" ? folder.parent_path() : folder};
}

}  // namespace gateways
