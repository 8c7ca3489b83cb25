#include "gateways/announce.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace gateways {

void notify_systemd(const std::string& state) {
  const char* where = std::getenv("NOTIFY_SOCKET");
  sockaddr_un to{};
  if (!where || std::strlen(where) >= sizeof to.sun_path) return;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, where, std::strlen(where));
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(where));
  ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), length);
  ::close(fd);
}

protocol::result<void> announce_ready(const data_dir& dir, const readiness& r) {
  nlohmann::ordered_json facts{
      {"pid", ::getpid()},         {"url", r.url},
      {"cdp_url", r.cdp_url},      {"token_file", dir.token_file()},
      {"version", TROUPE_VERSION}, {"started_ms", static_cast<std::int64_t>(r.started_ms)}};
  auto text = facts.dump() + "\n";
  if (auto written = write_atomically(dir.daemon_file(), text, 0600); !written)
    spdlog::error("daemon_file_failed cause=\"{}\"", written.error().detail);
  if (!r.ready_file.empty())
    if (auto written = write_atomically(r.ready_file, text, 0600); !written) return written.error();
  auto header =
      r.insecure ? std::string() : " -H \"Authorization: Bearer $(cat " + dir.token_file() + ")\"";
  std::printf(
      "troupe %s is ready after %.0f ms\n"
      "  address  %s\n"
      "  browser  %s (CDP)\n"
      "  token    %s\n"
      "  try      curl -s%s -H 'Content-Type: application/json' -d '{\"code\":\"print(1+1)\"}' "
      "%s/execute | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"text\"], "
      "end=\"\")'\n",
      TROUPE_VERSION, r.started_ms, r.url.c_str(), r.cdp_url.c_str(),
      r.insecure ? "none (--insecure)" : dir.token_file().c_str(), header.c_str(), r.url.c_str());
  std::fflush(stdout);
  notify_systemd("READY=1");
  return {};
}

void withdraw(const data_dir& dir, const readiness& r) {
  ::unlink(dir.daemon_file().c_str());
  if (!r.ready_file.empty()) ::unlink(r.ready_file.c_str());
}

}  // namespace gateways
