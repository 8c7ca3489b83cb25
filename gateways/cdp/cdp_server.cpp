#include "gateways/cdp/cdp_server.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "gateways/cdp/connection.hpp"
#include "gateways/files/staged.hpp"
#include "gateways/isolation/descriptor.hpp"
#include "gateways/listen.hpp"

namespace gateways {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::size_t tokens_bytes_max = 1 << 20;
constexpr auto accept_again = std::chrono::milliseconds(100);

uid_t uid_of(const std::string& user) {
  if (auto number = protocol::http::parse_count(user)) return static_cast<uid_t>(*number);
  std::array<char, 16 << 10> room{};
  passwd entry{};
  passwd* found = nullptr;
  auto failed = ::getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found);
  if (!found)
    throw std::system_error(failed ? failed : ENOENT, std::generic_category(),
                            "cdp.trust_users: the user " + user);
  return entry.pw_uid;
}

std::set<uid_t> trusted_users(const std::vector<std::string>& names) {
  std::set<uid_t> out{::geteuid()};
  for (const auto& name : names) out.insert(uid_of(name));
  return out;
}

/// As a whole, or why not.
std::vector<protocol::cdp::token_policy> policies_in(const std::string& path) {
  if (path.empty()) return {};
  auto refuse = [&](int why, const std::string& what) {
    throw std::system_error(why, std::generic_category(), "cdp.tokens_file: " + path + what);
  };
  descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (!file || ::fstat(file.get(), &found) != 0) refuse(errno, "");
  if ((found.st_mode & 077) != 0) refuse(EPERM, ": others may read it; chmod 600");
  auto text = files::read_whole(file.get(), tokens_bytes_max, path);
  if (!text) refuse(EIO, ": " + text.error().detail);
  auto read = protocol::cdp::read_token_policies(*text);
  if (!read) refuse(EINVAL, ": " + read.error().detail);
  return std::move(*read);
}

void take_in(const std::shared_ptr<cdp_core>& core, tcp::socket socket, cdp_way way,
             std::string_view came) {
  if (core->stopped) return;
  auto made = std::make_shared<cdp_connection>(core, std::move(socket), std::move(way));
  if (core->links.size() >= core->options.cdp.connections_max) return made->turn_away();
  core->links.insert(made);
  made->start(came);
}

}  // namespace

struct cdp_server::door : std::enable_shared_from_this<door> {
  door(std::shared_ptr<cdp_core> c, bool is_remote)
      : core(std::move(c)),
        acceptor(core->browsers.io()),
        pause(core->browsers.io()),
        remote(is_remote) {}

  void listen(std::string_view option, const std::string& text);
  void open();
  void accept();
  void close() {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
  }

  std::shared_ptr<cdp_core> core;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  const bool remote;
  std::string address;
};

void cdp_server::door::listen(std::string_view option, const std::string& text) {
  auto at = parse_listen(option, text);
  error_code ec;
  auto check = [&](const char* what) {
    if (ec) throw std::system_error(ec, std::string(option) + " " + text + ": " + what);
  };
  acceptor.open(at.protocol(), ec);
  check("cannot open a socket");
  ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  check("cannot set up the socket");
  acceptor.bind(at, ec);
  check("cannot bind");
  acceptor.listen(asio::socket_base::max_listen_connections, ec);
  check("cannot listen");
  address = text_of(acceptor.local_endpoint());
}

void cdp_server::door::open() {
  if (!acceptor.is_open()) listen(remote ? "cdp.remote_listen" : "cdp.listen", address);
  accept();
}

void cdp_server::door::accept() {
  if (!acceptor.is_open()) return;
  acceptor.async_accept([self = shared_from_this()](error_code ec, tcp::socket socket) {
    if (!self->acceptor.is_open()) return;
    if (ec) {
      // Out of descriptors, most likely: asking again at once would spin.
      self->pause.expires_after(accept_again);
      return self->pause.async_wait([self](error_code) { self->accept(); });
    }
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    cdp_way way;
    way.remote = self->remote;
    take_in(self->core, std::move(socket), std::move(way), {});
    self->accept();
  });
}

cdp_server::cdp_server(cdp_server_options options, browser_directory& browsers) {
  cdp_access access(options.token, options.insecure, trusted_users(options.cdp.trust_users),
                    policies_in(options.cdp.tokens_file));
  core_ = std::make_shared<cdp_core>(cdp_core{std::move(options), browsers, std::move(access)});
  const auto& cdp = core_->options.cdp;
  local_ = std::make_shared<door>(core_, false);
  local_->listen("cdp.listen", cdp.listen);
  if (!cdp.remote_listen.empty()) {
    remote_ = std::make_shared<door>(core_, true);
    remote_->listen("cdp.remote_listen", cdp.remote_listen);
  }
}

cdp_server::~cdp_server() {
  at_home([this] { core_->stopped = true; });
  shut();
}

/// On the thread of the connections; what it throws is thrown here.
void cdp_server::at_home(const std::function<void()>& work) {
  std::packaged_task<void()> task(work);
  asio::dispatch(core_->browsers.io(), [&task] { task(); });
  task.get_future().get();
}

void cdp_server::open() {
  at_home([this] {
    local_->open();
    if (remote_) remote_->open();
  });
}

void cdp_server::shut() {
  at_home([this] {
    local_->close();
    if (remote_) remote_->close();
    for (const auto& link : std::exchange(core_->links, {})) link->cut();
  });
}

std::string cdp_server::address() const {
  return local_->address;
}

std::string cdp_server::remote_address() const {
  return remote_ ? remote_->address : std::string();
}

void cdp_server::adopt(int fd, std::string already_read_bytes, adopted of) {
  asio::post(core_->browsers.io(),
             [core = core_, held = descriptor(fd), came = std::move(already_read_bytes),
              of = std::move(of)]() mutable {
               sockaddr_storage here{};
               socklen_t size = sizeof here;
               if (::getsockname(held.get(), reinterpret_cast<sockaddr*>(&here), &size) != 0)
                 return;
               tcp::socket socket(core->browsers.io());
               error_code ec;
               socket.assign(here.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), held.get(), ec);
               if (ec) return;
               held.release();
               take_in(core, std::move(socket),
                       {std::move(of.sandbox_id), std::move(of.path_prefix), false, true}, came);
             });
}

}  // namespace gateways
