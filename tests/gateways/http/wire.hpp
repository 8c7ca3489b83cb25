// A session on a stream in memory, driven by hand: a plain header, so that Beast (wire.cpp) and
// CAF's test framework never meet in one translation unit.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/views.hpp"
#include "gateways/http/server.hpp"
#include "tests/gateways/http/fake_port.hpp"

namespace tests {

/// The settings of the daemon with the token "secret".
gateways::http_server_options wire_options();

/// Ready, with the sandbox `default` and its idle kernel `main`.
void furnish(actors::node_views& views);

/// A request with the token and a Host that is allowed; `more` are header lines with their CRLF.
std::string request(std::string_view method, std::string_view target, std::string_view body = {},
                    std::string_view more = {});

/// One answer read off the front of what the server wrote.
struct parsed_answer {
  int status = 0;
  std::string head;
  std::string body;  ///< without its chunks
  bool complete = false;

  std::string field(std::string_view name) const;  ///< empty when it is not there
};

class wire {
 public:
  /// `fail_at` > 0: that operation of the server's stream fails.
  explicit wire(gateways::http_server_options options = wire_options(), std::size_t fail_at = 0);
  ~wire();

  void send(std::string_view bytes);  ///< and runs the session until it waits
  void end_sending();                 ///< half-close
  void run();
  void advance(std::chrono::milliseconds by);  ///< lets its deadlines see a later time
  void pass(std::chrono::milliseconds by);     ///< makes it later, from now on
  void drain();
  bool ended() const;   ///< the session gave up its stream
  bool failed() const;  ///< the operation that was to fail was reached

  bool quiet();  ///< the server wrote nothing that was not taken
  /// All bytes the server wrote since the last call.
  std::string take();
  /// The next answer; what is behind it stays for the next call.
  parsed_answer next();

  actors::node_views& views();
  fake_port& port();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
  std::string pending_;
};

}  // namespace tests
