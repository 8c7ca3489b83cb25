#include "gateways/egress/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

namespace gateways {
namespace asio = boost::asio;
namespace egress = protocol::egress;

namespace {

using boost::system::error_code;

constexpr auto linger_max = std::chrono::seconds(2);
constexpr auto watch_max = std::chrono::milliseconds(1'000);
constexpr std::string_view tunnel_begins = "HTTP/1.1 200 Connection established\r\n\r\n";

asio::ip::address asio_address(const config::ip_address& a) {
  if (!a.v4) return asio::ip::address_v6(a.bytes);
  asio::ip::address_v4::bytes_type bytes;
  std::copy_n(a.bytes.begin() + 12, 4, bytes.begin());
  return asio::ip::address_v4(bytes);
}

}  // namespace

egress_connection::egress_connection(egress_surroundings& around, tcp::socket client,
                                     egress_client of)
    : around_(around),
      of_(std::move(of)),
      client_(std::move(client)),
      host_(around.io),
      timer_(around.io) {}

egress_connection::~egress_connection() {
  if (of_.over) of_.over();
}

void egress_connection::start() {
  error_code ignored;
  client_.set_option(tcp::no_delay(true), ignored);
  watch_setup();
  read_head();
}

void egress_connection::close() {
  if (std::exchange(closed_, true)) return;
  error_code ignored;
  client_.close(ignored);
  host_.close(ignored);
  timer_.cancel();
}

void egress_connection::cut() {
  if (out_) close();
}

// -- the request ---------------------------------------------------------------------------------

void egress_connection::read_head() {
  auto had = head_.size();
  head_.resize(egress::head_bytes_max);
  client_.async_read_some(asio::buffer(head_.data() + had, head_.size() - had),
                          [self = shared_from_this(), had](error_code ec, std::size_t n) {
                            if (self->closed_ || self->answered_) return;
                            self->head_.resize(had + n);
                            if (ec) return self->close();
                            if (auto size = egress::head_size(self->head_); size > 0)
                              return self->take_head(size);
                            if (self->head_.size() == egress::head_bytes_max)
                              return self->answer(431, "the request's head is too long");
                            self->read_head();
                          });
}

void egress_connection::take_head(std::size_t size) {
  auto parsed = egress::parse_request(std::string_view(head_).substr(0, size));
  if (auto* bad = std::get_if<egress::bad_request>(&parsed)) return answer(bad->status, bad->why);
  head_.erase(0, size);
  whole_head_ = true;
  request_ = std::move(std::get<egress::request>(parsed));
  if (!request_.tunnel && head_.size() > request_.body_bytes)
    return answer(400, "a connection carries one request, and more came with it");
  auto judged = around_.rules.judge_name(request_.to);
  if (!judged.allowed) return refuse(judged.rule);
  if (!may_move(1)) return refuse(around_.bytes_rule);
  if (request_.to.address) {
    addresses_ = {*request_.to.address};
    return connect_next({});
  }
  auto taken = of_.resolve(request_.to.host, [weak = weak_from_this()](const resolved_host& found) {
    auto self = weak.lock();
    if (self && !self->closed_ && !self->answered_) self->resolved(found);
  });
  if (!taken) return answer(503, "too many names of this sandbox are being resolved");
}

void egress_connection::refuse(const std::string& rule) {
  of_.refused(request_.to, rule);
  answer(403, egress::to_string(request_.to) + " may not be reached: " + rule, rule);
}

/// And ends. Data that the client still sends is read: else its system would throw the answer away.
void egress_connection::answer(int status, const std::string& why, const std::string& rule) {
  if (std::exchange(answered_, true)) return;
  error_code ignored;
  host_.close(ignored);
  timer_.expires_after(linger_max);
  timer_.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec) self->close();
  });
  auto text = std::make_shared<std::string>(egress::answer_text(status, why, rule));
  asio::async_write(client_, asio::buffer(*text),
                    [self = shared_from_this(), text](error_code ec, std::size_t) {
                      if (ec || self->closed_) return self->close();
                      error_code none;
                      self->client_.shutdown(tcp::socket::shutdown_send, none);
                      self->linger();
                    });
}

void egress_connection::linger() {
  client_.async_read_some(asio::buffer(discarded_),
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            ec || self->closed_ ? self->close() : self->linger();
                          });
}

// -- the way to the host -------------------------------------------------------------------------

void egress_connection::resolved(const resolved_host& found) {
  std::string rule;
  for (auto& address : found.addresses) {
    auto judged = around_.rules.judge(request_.to, address);
    if (judged.allowed)
      addresses_.insert(addresses_.begin(), address);
    else if (rule.empty())
      rule = judged.rule;
  }
  if (!addresses_.empty()) return connect_next({});
  if (!rule.empty()) return refuse(rule);
  answer(502, request_.to.host + " cannot be resolved: " + found.why);
}

void egress_connection::connect_next(const std::string& why) {
  if (addresses_.empty())
    return answer(502, egress::to_string(request_.to) + " cannot be reached: " + why);
  tcp::endpoint to(asio_address(addresses_.back()), request_.to.port);
  addresses_.pop_back();
  error_code ignored;
  host_.close(ignored);
  host_.async_connect(to, [self = shared_from_this()](error_code ec) {
    if (self->closed_ || self->answered_) return;
    ec ? self->connect_next(ec.message()) : self->connected();
  });
}

void egress_connection::connected() {
  if (!may_move(1)) return refuse(around_.bytes_rule);
  around_.counters.egress_connections.fetch_add(1, std::memory_order_relaxed);
  error_code ignored;
  host_.set_option(tcp::no_delay(true), ignored);
  out_.reset(new flow{client_, host_});
  in_.reset(new flow{host_, client_});
  if (!request_.tunnel) out_->left = request_.body_bytes;
  moved_at_ = clock::now();
  watch_pumping();
  begin_pumping();
}

// -- bytes both ways -----------------------------------------------------------------------------

void egress_connection::begin_pumping() {
  auto more = std::exchange(head_, {});
  if (request_.tunnel) {
    send_first(*in_, std::string(tunnel_begins));
    return send_first(*out_, std::move(more));
  }
  out_->left -= more.size();
  send_first(*out_, request_.head + more);
  pump(*in_);
}

void egress_connection::send_first(flow& f, std::string bytes) {
  if (&f == out_.get() && !moved(bytes.size())) return;
  auto kept = std::make_shared<std::string>(std::move(bytes));
  asio::async_write(f.to, asio::buffer(*kept),
                    [self = shared_from_this(), kept, &f](error_code ec, std::size_t) {
                      if (self->closed_ || self->answered_) return;
                      ec ? self->close() : self->pump(f);
                    });
}

void egress_connection::pump(flow& f) {
  if (f.left == 0) return drain_client();
  auto most = std::min<std::uint64_t>(f.left, f.bytes.size());
  f.from.async_read_some(asio::buffer(f.bytes.data(), most),
                         [self = shared_from_this(), &f](error_code ec, std::size_t n) {
                           if (self->closed_ || self->answered_) return;
                           if (ec == asio::error::eof) return self->end(f);
                           if (ec) return self->close();
                           if (!self->moved(n)) return;
                           if (!self->request_.tunnel && &f == self->out_.get()) f.left -= n;
                           asio::async_write(f.to, asio::buffer(f.bytes.data(), n),
                                             [self, &f](error_code failed, std::size_t) {
                                               if (self->closed_ || self->answered_) return;
                                               failed ? self->close() : self->pump(f);
                                             });
                         });
}

/// The other direction goes on: a peer may have said all and still listen.
void egress_connection::end(flow& f) {
  f.ended = true;
  error_code ignored;
  f.to.shutdown(tcp::socket::shutdown_send, ignored);
  auto plain_answer = !request_.tunnel && &f == in_.get();
  if (plain_answer || (out_->ended && in_->ended)) close();
}

/// The body has gone out whole. Whatever else the client says would be a request that nobody
/// judged.
void egress_connection::drain_client() {
  client_.async_read_some(asio::buffer(out_->bytes),
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            if (self->closed_ || self->answered_ || ec == asio::error::eof) return;
                            self->close();
                          });
}

/// Whether the sandbox has so much left.
bool egress_connection::may_move(std::uint64_t bytes) {
  using std::chrono::system_clock;
  auto most = around_.options.bytes_max;
  if (most == 0 || of_.use->bytes + bytes <= most) return true;
  of_.use->last_refused_at = system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
  return false;
}

/// Counts them. False: it was too much, and the connection is closed.
bool egress_connection::moved(std::uint64_t bytes) {
  moved_at_ = clock::now();
  around_.counters.egress_bytes.fetch_add(bytes, std::memory_order_relaxed);
  auto within = may_move(bytes);
  of_.use->bytes += bytes;
  if (within) return true;
  of_.refused(request_.to, around_.bytes_rule);
  of_.cut();
  return false;
}

// -- time ----------------------------------------------------------------------------------------

void egress_connection::watch_setup() {
  timer_.expires_after(std::chrono::milliseconds(around_.options.setup_timeout_ms));
  timer_.async_wait([self = shared_from_this()](error_code ec) {
    if (ec || self->closed_ || self->answered_ || self->out_) return;
    if (!self->whole_head_) return self->answer(408, "the request's head did not come in time");
    self->answer(504, egress::to_string(self->request_.to) + " was not reached in time");
  });
}

void egress_connection::watch_pumping() {
  auto& options = around_.options;
  auto idle_at = moved_at_ + std::chrono::milliseconds(options.idle_timeout_ms);
  auto over_at = began_ + std::chrono::milliseconds(options.lifetime_ms_max);
  if (clock::now() >= std::min(idle_at, over_at)) return close();
  timer_.expires_at(std::min({idle_at, over_at, clock::now() + watch_max}));
  timer_.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec && !self->closed_ && !self->answered_) self->watch_pumping();
  });
}

}  // namespace gateways
