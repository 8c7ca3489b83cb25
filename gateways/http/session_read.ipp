// The reading half of `session`.
#pragma once

#include "gateways/http/session.hpp"

namespace gateways::http {

template <class Stream>
void session<Stream>::expect_request(time_point now) {
  stage_ = stage::reading;
  request_.clear();
  parser_.emplace(request_);
  parser_->header_limit(static_cast<std::uint32_t>(limits().header_bytes_max));
  parser_->body_limit(boost::none);  // the route has one
  header_bytes_ = 0;
  begun_ = admitted_ = held_up_ = false;
  keep_ = true;
  deadline_ = after(now, limits().idle_timeout_ms);
}

template <class Stream>
void session<Stream>::advance() {
  while (stage_ == stage::reading && !interim_) {
    if (upload_ && (held_up_ = upload_->full())) return;  // it wakes this session when written
    if (!begun_) skip_blank_lines();
    if (in_.size() > 0 && parse_some()) continue;
    if (stage_ != stage::reading || interim_) return;
    if (eof_) return begun_ ? close() : linger();
    if (!begun_ && host_.draining) return linger();
    return read();
  }
}

template <class Stream>
void session<Stream>::skip_blank_lines() {
  // RFC 9112, 2.2: a client may send one after the body of the request before.
  auto text = static_cast<const char*>(in_.data().data());
  std::size_t blank = 0;
  while (blank < in_.size() && (text[blank] == '\r' || text[blank] == '\n')) ++blank;
  in_.consume(blank);
  if (in_.size() == 0) return;
  begun_ = true;
  deadline_ = after(now_, limits().header_timeout_ms);
}

/// Whether to go on with what is in `in_`.
template <class Stream>
bool session<Stream>::parse_some() {
  error_code ec;
  auto taken = parser_->put(in_.data(), ec);
  in_.consume(taken);
  if (!admitted_) header_bytes_ += taken;
  if (upload_) feed_upload(taken);
  if (ec == beast::http::error::need_more) {
    // A trailer that does not end is bounded as a header is, but for the last read's bytes.
    auto head_bytes =
        admitted_ ? in_.size() - std::min(in_.size(), large_read) : header_bytes_ + in_.size();
    if (head_bytes > limits().header_bytes_max) refuse(beast::http::error::header_limit);
    return false;
  }
  if (ec) {
    refuse(ec);
    return false;
  }
  if (!admitted_ && parser_->is_header_done() && !head_complete()) return false;
  if (!parser_->is_done()) return true;
  handle();
  return false;
}

/// Whether the request goes on: it is admitted, and the client need not be told to send its body.
template <class Stream>
bool session<Stream>::head_complete() {
  keep_ = parser_->keep_alive();
  deadline_ = after(now_, limits().body_timeout_ms);
  if (auto refused = host_.front.admit(request_, from_, now_)) {
    // Not worth reading a body that nobody will look at; nor what follows a head that peers may
    // read differently.
    if (!parser_->is_done() || !request_.head.flaw.empty()) keep_ = false;
    send(*refused);
    return false;
  }
  admitted_ = true;
  parser_->body_limit(host_.front.body_limit(request_).bytes);
  if (request_.to->takes_bytes && !begin_upload()) return false;
  if (!request_.head.expects_continue || parser_->is_done() || in_.size() > 0 ||
      request_.head.version < 11)
    return true;
  interim_ = true;
  out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  write();
  return false;
}

template <class Stream>
void session<Stream>::handle() {
  if (upload_) {
    stage_ = stage::waiting;
    return upload_->end();
  }
  auto decided = host_.front.handle(request_);
  if (auto* whole = std::get_if<answer>(&decided)) return send(*whole);
  if (auto* work = std::get_if<file_plan>(&decided)) return begin_file_work(std::move(*work));
  if (auto* to = std::get_if<hand_over>(&decided)) return give_away(std::move(*to));
  if (auto* f = std::get_if<protocol::fault>(&decided))
    return send(problem_answer(*f, request_.id));
  auto& p = std::get<plan>(decided);
  if (request_.omits_body() && p.form != media::json) {
    answer head{200, name_of(p.form), {}, {}};
    return send(head);
  }
  submit(std::move(p));
}

template <class Stream>
void session<Stream>::give_away(hand_over to) {
  constexpr int handed_over = 101;
  auto fd = stream_ending<Stream>::release(stream_);
  if (fd < 0)
    return send(problem_answer(
        {protocol::error_code::unavailable, "the connection cannot be handed over", {}, 0},
        request_.id));
  auto more = in_.data();
  to.head.append(static_cast<const char*>(more.data()), more.size());
  auto seconds = std::chrono::duration<double>(host_.now() - request_.began).count();
  host_.front.stats().record(request_.to->index, handed_over, seconds);
  close();
  to.take(fd, std::move(to.head));
}

template <class Stream>
void session<Stream>::read() {
  if (reading_ || eof_ || stage_ == stage::closed) return;
  // Beside a call that is under way it is read once, to hear of the client's end: while a read is
  // pending nothing may be taken out of the buffer, and what is in it is taken after the answer.
  bool idle = stage_ == stage::waiting || stage_ == stage::streaming;
  if (idle && in_.size() > 0) return;
  reading_ = true;
  stream_.async_read_some(
      in_.prepare(upload_              ? upload_read
                  : admitted_ && !idle ? large_read
                                       : small_read),
      [self = this->shared_from_this()](error_code ec, std::size_t n) { self->read_done(ec, n); });
}

template <class Stream>
void session<Stream>::read_done(error_code ec, std::size_t n) {
  reading_ = false;
  if (stage_ == stage::closed) return;
  if (ec) {
    if (ec != asio::error::eof) return close();
    eof_ = true;
    return client_ended();
  }
  in_.commit(n);
  now_ = host_.now();
  switch (stage_) {
    case stage::reading: return advance();
    case stage::lingering: in_.consume(in_.size()); return read();
    case stage::waiting:
    case stage::streaming: return read();
    default: return;
  }
}

/// The client sends no more. It may still want its answer.
template <class Stream>
void session<Stream>::client_ended() {
  switch (stage_) {
    case stage::reading: return advance();
    case stage::waiting:
    case stage::streaming:
      if (plan_.cancel_on_disconnect) close();
      return;
    case stage::lingering: return close();
    default: return;
  }
}

template <class Stream>
void session<Stream>::refuse(error_code ec) {
  using beast::http::error;
  auto fault = [](protocol::error_code code, std::string detail, std::uint64_t limit) {
    std::string members;
    if (limit > 0) members = "{\"limit_bytes\":" + std::to_string(limit) + "}";
    return protocol::fault{code, std::move(detail), std::move(members), 0};
  };
  if (ec == error::header_limit) {
    bool in_line = request_.head.target.empty();
    return refuse(
        fault(in_line ? protocol::error_code::uri_too_long : protocol::error_code::header_too_large,
              "the header is larger than http.header_bytes_max", limits().header_bytes_max));
  }
  if (ec == error::body_limit) return refuse(host_.front.body_limit(request_).fault());
  refuse(fault(protocol::error_code::malformed_request,
               "the request cannot be read: " + ec.message(), 0));
}

template <class Stream>
void session<Stream>::refuse(const protocol::fault& f) {
  keep_ = false;
  drop_file_work();
  if (request_.began == time_point{}) request_.began = host_.now();
  send(host_.front.refuse(request_, f));
}

template <class Stream>
void session<Stream>::tick(time_point now) {
  switch (stage_) {
    case stage::reading:
      if (now < deadline_ || held_up_) return;
      if (interim_) return close();
      if (!begun_) return linger();
      return refuse(
          {protocol::error_code::request_timeout,
           upload_ ? "the file came slower than http.body_timeout_ms or http.body_rate_min allow"
           : admitted_ ? "the body came slower than http.body_timeout_ms allows"
                       : "the header came slower than http.header_timeout_ms allows",
           {},
           0});
    case stage::waiting:
    case stage::streaming:
    case stage::answering: return stream_tick(now);
    case stage::lingering:
      if (now >= deadline_) close();
      return;
    case stage::closed: return;
  }
}

template <class Stream>
void session<Stream>::drain() {
  if (stage_ == stage::reading && !begun_) return linger();
  if (stage_ != stage::waiting && stage_ != stage::streaming) return;
  if (!plan_.endless || mail_.end) return;
  mail_.end = stream_end{};
  pump();
}

}  // namespace gateways::http
