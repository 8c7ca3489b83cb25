// The command line of Chromium for what the options ask: pure text, so that tests read it.
//
// What pages see of a browser is set by flags and environment wherever those reach, since then it
// holds in every page, frame and worker from the first request on, and takes nothing from a client
// that sets its own by the protocol.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace gateways {

/// What Chromium finds in its sandbox.
struct browser_place {
  std::string profile;        ///< the folder of its own files, as it is named inside
  std::string major_version;  ///< "156"; empty: unknown, and its user agent stays as it is
  std::string proxy;          ///< "127.0.0.1:3128"; empty: it reaches hosts by itself
};

std::vector<std::string> browser_arguments(const config::browser_options& options,
                                           const browser_place& place);

/// "NAME=value".
std::vector<std::string> browser_environment(const config::browser_options& options);

/// The first number in what `chromium --version` prints; empty: there is none.
std::string major_version_in(std::string_view printed);

}  // namespace gateways
