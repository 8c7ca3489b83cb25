#include "tests/support/checked_in.hpp"

#include <fstream>
#include <sstream>

std::string tests::checked_in(const std::string& path) {
  std::ifstream file(std::string(SOURCE_FOLDER "/") + path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
