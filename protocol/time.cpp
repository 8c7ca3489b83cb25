#include "protocol/time.hpp"

#include <algorithm>
#include <chrono>

namespace protocol {
namespace {

constexpr unix_ms year_0000 = -62'167'219'200'000;
constexpr unix_ms year_9999_end = 253'402'300'799'999;

void digits(char* at, unsigned value, int count) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_rfc3339(std::string& out, unix_ms at) {
  using namespace std::chrono;
  const milliseconds since{std::clamp(at, year_0000, year_9999_end)};
  const auto day = floor<days>(since);
  const year_month_day date{sys_days{day}};
  const auto of_day = static_cast<unsigned>((since - day).count());
  char text[] = "0000-00-00T00:00:00.000Z";
  digits(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  digits(text + 5, static_cast<unsigned>(date.month()), 2);
  digits(text + 8, static_cast<unsigned>(date.day()), 2);
  digits(text + 11, of_day / 3'600'000, 2);
  digits(text + 14, of_day / 60'000 % 60, 2);
  digits(text + 17, of_day / 1'000 % 60, 2);
  digits(text + 20, of_day % 1'000, 3);
  out.append(text, sizeof text - 1);
}

std::string rfc3339(unix_ms at) {
  std::string out;
  append_rfc3339(out, at);
  return out;
}

}  // namespace protocol
