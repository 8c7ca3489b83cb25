// Files of the tree that a test compares with the code they describe.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace tests {

/// The file's text, found beside this header whatever the working directory is; empty if missing.
inline std::string checked_in(const std::string& path) {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind("tests/support/")) + path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace tests
