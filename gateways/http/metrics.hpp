// /metrics: what the node and this gateway count, in the Prometheus text format.
//
// `http_stats` is written and read on the server's thread only. Labels come from the route table,
// never from a request, so that their number is bounded.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace actors {
class node_views;
}

namespace gateways::http {

class http_stats {
 public:
  static constexpr std::array bounds_s{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1,
                                       0.5,    1.0,    5.0,   10.0,  60.0, 600.0};

  struct of_route {
    std::string method;
    std::string pattern;
    std::map<int, std::uint64_t> by_status;
    std::array<std::uint64_t, bounds_s.size() + 1> by_duration{};
    double seconds = 0;
    std::uint64_t count = 0;
  };

  void add_route(std::string_view method, std::string_view pattern);
  /// `route` beyond the last: the request matched none.
  void record(std::size_t route, int status, double seconds);

  const std::vector<of_route>& routes() const { return routes_; }

  std::uint64_t connections = 0;  ///< open now
  std::uint64_t connections_refused = 0;
  std::uint64_t readers_cut = 0;  ///< clients that were too slow

 private:
  std::vector<of_route> routes_{{"OTHER", "none", {}, {}, 0, 0}};
};

std::string render_metrics(const actors::node_views& views, const http_stats& stats);

}  // namespace gateways::http
