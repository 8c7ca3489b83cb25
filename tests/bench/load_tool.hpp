// What the load generators share: orders come as lines of JSON on standard input, results go out
// the same way, so that `tests/bench/run` can let several tools take turns in one run.
//
// An order is {"clients": N, "count": N} for so many calls in all, or {"clients": N, "seconds": S}
// for so long. Client i talks to target i modulo their number, on one connection it keeps.
// The answer is {"count", "seconds", "latencies_us": [...]}.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bench {

using steady = std::chrono::steady_clock;

/// A connection that can run `1+1` and wait for its end; throws when that goes wrong.
class caller {
 public:
  virtual ~caller() = default;
  virtual void call() = 0;
};

using connect = std::function<std::unique_ptr<caller>(const nlohmann::json& target)>;

struct client_result {
  std::vector<std::uint32_t> latencies_us;
  std::exception_ptr failed;
};

inline void run_client(caller& on, std::uint64_t count, steady::time_point end,
                       client_result& result) {
  try {
    for (std::uint64_t i = 0; count ? i < count : steady::now() < end; ++i) {
      const auto began = steady::now();
      on.call();
      const auto spent =
          std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - began);
      result.latencies_us.push_back(static_cast<std::uint32_t>(spent.count()));
    }
  } catch (...) {
    result.failed = std::current_exception();
  }
}

inline nlohmann::json run_order(const nlohmann::json& order,
                                std::vector<std::unique_ptr<caller>>& callers) {
  const auto clients = order.at("clients").get<std::size_t>();
  const auto count = order.value("count", std::uint64_t{0});
  const auto length = std::chrono::duration<double>(order.value("seconds", 0.0));
  std::vector<client_result> results(clients);
  const auto began = steady::now();
  const auto end = began + std::chrono::duration_cast<steady::duration>(length);
  const auto share = count ? std::max<std::uint64_t>(1, count / clients) : 0;
  if (clients == 1) {
    run_client(*callers[0], share, end, results[0]);
  } else {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < clients; ++i)
      threads.emplace_back([&, i] { run_client(*callers[i], share, end, results[i]); });
    for (auto& t : threads) t.join();
  }
  const std::chrono::duration<double> spent = steady::now() - began;
  nlohmann::json all = nlohmann::json::array();
  for (auto& r : results) {
    if (r.failed) std::rethrow_exception(r.failed);
    for (const auto x : r.latencies_us) all.push_back(x);
  }
  const auto total = all.size();
  return {{"count", total}, {"seconds", spent.count()}, {"latencies_us", std::move(all)}};
}

/// Serves orders until standard input ends. The first line is the list of targets.
inline int serve(const connect& open) {
  try {
    std::string line;
    if (!std::getline(std::cin, line)) return 2;
    const auto targets = nlohmann::json::parse(line);
    std::vector<std::unique_ptr<caller>> callers;
    while (std::getline(std::cin, line)) {
      const auto order = nlohmann::json::parse(line);
      while (callers.size() < order.at("clients").get<std::size_t>())
        callers.push_back(open(targets.at(callers.size() % targets.size())));
      std::cout << run_order(order, callers) << std::endl;
    }
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "bench: " << e.what() << std::endl;
    return 1;
  }
}

}  // namespace bench
