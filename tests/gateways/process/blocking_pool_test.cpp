#define CAF_SUITE blocking_pool

#include "gateways/process/blocking_pool.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "tests/support/unit.hpp"

CAF_TEST(work with one key runs in order and all of it before the pool ends) {
  std::map<std::string, std::vector<int>> ran;
  for (auto key : {"a", "b", "c"}) ran[key];
  {
    gateways::blocking_pool pool;
    for (int i = 0; i < 1000; ++i)
      for (auto key : {"a", "b", "c"})
        pool.post(key, [&list = ran.at(key), i] { list.push_back(i); });
  }
  for (auto& [key, list] : ran) {
    CAF_REQUIRE_EQUAL(list.size(), 1000u);
    CAF_CHECK(std::is_sorted(list.begin(), list.end()));
  }
}

CAF_TEST(a key that blocks holds up no other) {
  gateways::blocking_pool pool;
  std::promise<void> release, ran;
  pool.post("slow", [wait = release.get_future().share()] { wait.wait(); });
  pool.post("slow", [] {});
  pool.post("quick", [&] { ran.set_value(); });
  CAF_CHECK(ran.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  release.set_value();
}
