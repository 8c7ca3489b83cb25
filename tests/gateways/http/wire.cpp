#include "tests/gateways/http/wire.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <charconv>

#include "gateways/http/session.hpp"

namespace gateways::http {

using memory_stream = boost::beast::test::stream;

template <>
struct stream_ending<memory_stream> {
  static void shut(memory_stream& s) { s.close(); }
  static void close(memory_stream& s) {
    s.close();
    s.close_remote();  // what is still being read comes to its end
  }
  static int release(memory_stream&) { return -1; }
};

}  // namespace gateways::http

namespace tests {

using namespace gateways::http;

/// Runs file work between the session's own turns.
class same_thread final : public actors::blocking_pool {
 public:
  explicit same_thread(boost::asio::io_context& on) : on_(on) {}
  void post(std::string_view, std::function<void()> work) override {
    boost::asio::post(on_, std::move(work));
  }

 private:
  boost::asio::io_context& on_;
};

struct wire::parts {
  parts(gateways::http_server_options o, std::size_t fail_at)
      : options(std::move(o)),
        failing(fail_at == 0 ? std::size_t(-1) : fail_at - 1),
        client(context),
        front((furnish(views), options), views),
        host{front,
             port,
             [this](std::function<void()> f) { boost::asio::post(context, std::move(f)); },
             [this](connection&) { ended = true; },
             gateways::file_pools{&pool, &pool},
             false,
             [this] { return std::chrono::steady_clock::now() + passed; }} {
    memory_stream server(context, failing);
    client.connect(server);
    auto made = std::make_shared<session<memory_stream>>(std::move(server),
                                                         peer{"10.1.2.3", "127.0.0.1"}, host);
    kept = made;
    made->start();
  }

  gateways::http_server_options options;
  boost::asio::io_context context;
  same_thread pool{context};
  boost::beast::test::fail_count failing;
  memory_stream client;
  actors::node_views views;
  fake_port port;
  dispatcher front;
  session_host host;
  std::shared_ptr<connection> kept;
  bool ended = false;
  std::chrono::milliseconds passed{0};
};

gateways::http_server_options wire_options() {
  gateways::http_server_options out;
  out.token = "secret";
  out.version = "0.1.0";
  return out;
}

void furnish(actors::node_views& views) {
  protocol::sandbox_view sandbox;
  sandbox.spec.id = "default";
  sandbox.state = protocol::sandbox_state::ready;
  sandbox.kernels = {"main"};
  views.put(sandbox);
  protocol::kernel_view kernel;
  kernel.id = "main";
  kernel.sandbox_id = "default";
  kernel.state = protocol::kernel_state::idle;
  kernel.generation = 1;
  kernel.pid = 4711;
  views.put(kernel);
  views.ready = true;
}

std::string request(std::string_view method, std::string_view target, std::string_view body,
                    std::string_view more) {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  out.append("Authorization: Bearer secret\r\n").append(more);
  if (!body.empty())
    out.append("Content-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n");
  return out.append("\r\n").append(body);
}

wire::wire(gateways::http_server_options options, std::size_t fail_at)
    : parts_(std::make_unique<parts>(std::move(options), fail_at)) {
  run();
}

wire::~wire() {
  parts_->kept->cut();
  parts_->kept.reset();
  run();
}

void wire::send(std::string_view bytes) {
  boost::system::error_code ignored;
  parts_->client.write_some(boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  run();
}

void wire::end_sending() {
  parts_->client.close();
  run();
}

void wire::run() {
  parts_->context.restart();
  parts_->context.poll();
}

void wire::advance(std::chrono::milliseconds by) {
  parts_->kept->tick(parts_->host.now() + by);
  run();
}

void wire::pass(std::chrono::milliseconds by) {
  parts_->passed += by;
  advance(std::chrono::milliseconds(0));
}

void wire::drain() {
  parts_->host.draining = true;
  parts_->kept->drain();
  run();
}

bool wire::ended() const {
  return parts_->ended;
}

bool wire::failed() const {
  boost::system::error_code ec;
  return parts_->failing.fail(ec);
}

bool wire::quiet() {
  pending_ = take();
  return pending_.empty();
}

std::string wire::take() {
  auto out = std::move(pending_);
  pending_.clear();
  out += parts_->client.str();
  parts_->client.clear();
  return out;
}

std::string parsed_answer::field(std::string_view name) const {
  auto line = "\r\n" + std::string(name) + ": ";
  auto at = head.find(line);
  if (at == std::string::npos) return {};
  at += line.size();
  return head.substr(at, head.find("\r\n", at) - at);
}

namespace {

/// Whether the body ends within `rest`; takes it off.
bool take_chunks(std::string& body, std::string& rest) {
  for (;;) {
    auto line = rest.find("\r\n");
    if (line == std::string::npos) return false;
    std::size_t size = 0;
    std::from_chars(rest.data(), rest.data() + line, size, 16);
    if (rest.size() < line + 2 + size + 2) return false;
    body += rest.substr(line + 2, size);
    rest.erase(0, line + 2 + size + 2);
    if (size == 0) return true;
  }
}

}  // namespace

parsed_answer wire::next() {
  auto all = take();
  parsed_answer out;
  auto end = all.find("\r\n\r\n");
  if (end == std::string::npos) {
    pending_ = std::move(all);
    return out;
  }
  out.head = all.substr(0, end + 4);
  std::from_chars(out.head.data() + 9, out.head.data() + 12, out.status);
  auto rest = all.substr(end + 4);
  if (out.field("Transfer-Encoding") == "chunked") {
    out.complete = take_chunks(out.body, rest);
  } else if (auto length = out.field("Content-Length"); !length.empty()) {
    auto size = std::min<std::size_t>(std::stoul(length), rest.size());
    out.complete = size == std::stoul(length);
    out.body = rest.substr(0, size);
    rest.erase(0, size);
  } else {
    out.complete = out.status == 204 || out.status == 100;
    if (!out.complete) out.body = std::exchange(rest, {});
  }
  pending_ = std::move(rest);
  return out;
}

actors::node_views& wire::views() {
  return parts_->views;
}

fake_port& wire::port() {
  return parts_->port;
}

}  // namespace tests
