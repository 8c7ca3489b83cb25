// Files of the tree that a test compares with the code they describe.
#pragma once

#include <string>

namespace tests {

/// The text of a file of the tree, by its path from the top; empty if it is missing.
std::string checked_in(const std::string& path);

}  // namespace tests
