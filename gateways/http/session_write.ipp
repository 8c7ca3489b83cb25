// The writing half of `session`.
#pragma once

#include "gateways/http/session.hpp"
#include "protocol/http/problem.hpp"
#include "protocol/http/stream.hpp"

namespace gateways::http {

template <class Stream>
void session<Stream>::send(const answer& a) {
  constexpr std::size_t copied_bytes = 16 << 10;
  stage_ = stage::answering;
  status_ = a.status;
  out_.clear();
  host_.front.render().append_head(out_, {.status = a.status,
                                          .type = a.type,
                                          .request_id = request_.id,
                                          .lines = request_.lines,
                                          .more_lines = a.lines,
                                          .length = a.body.size(),
                                          .keep = keeps(),
                                          .version = request_.head.version});
  if (!request_.omits_body()) {
    if (a.body.size() <= copied_bytes) {
      out_.append(a.body.view());
    } else {
      body_ = a.body;
    }
  }
  write();
}

template <class Stream>
void session<Stream>::submit(plan p) {
  plan_ = std::move(p);
  stage_ = stage::waiting;
  mail_ = {};
  next_event_ = 0;
  execution_id_.clear();
  last_chunk_ = false;
  moved_ = request_.began;
  auto weak = this->weak_from_this();
  auto wake = [weak, post = host_.post] {
    post([weak] {
      if (auto self = weak.lock()) self->collect();
    });
  };
  sink_ =
      std::make_shared<call_sink>(std::move(wake), plan_.endless ? limits().event_queue_max : 0);
  call_ = plan_.follow ? plan_.follow(sink_) : host_.port.submit(std::move(plan_.call), sink_);
  if (plan_.endless && !plan_.follow) begin_stream();
  pump();
  read();
}

/// Mail of an earlier call finds no sink, or one that has nothing.
template <class Stream>
void session<Stream>::collect() {
  if (stage_ == stage::waiting || stage_ == stage::streaming) pump();
}

/// Takes the next mail once the last is used up, so that a slow client's events wait in the sink,
/// where they are counted.
template <class Stream>
void session<Stream>::take_mail() {
  if (next_event_ < mail_.events.size() || mail_.end || mail_.overflowed) return;
  mail_ = sink_->take();
  next_event_ = 0;
  if (mail_.accepted.empty()) return;
  execution_id_ = std::move(mail_.accepted);
  auto command = protocol::is_command(execution_id_);
  add_line(request_.lines,
           plan_.follow ? "Troupe-Cursor"
           : command    ? "Troupe-Command-Id"
                        : "Troupe-Execution-Id",
           execution_id_);
}

template <class Stream>
void session<Stream>::pump() {
  if (writing_ || !sink_ || last_chunk_) return;
  take_mail();
  if (stage_ == stage::waiting) {
    bool refused = mail_.end && (std::holds_alternative<protocol::fault>(*mail_.end) ||
                                 std::holds_alternative<whole_answer>(*mail_.end));
    if (mail_.end && (plan_.form == media::json || (refused && mail_.events.empty())))
      return end_whole(*mail_.end);
    if (plan_.form == media::json) return;
    if (execution_id_.empty() && mail_.events.empty() && !mail_.end) return;
    begin_stream();
  }
  add_chunk();
  if (next_event_ == mail_.events.size()) {
    if (mail_.overflowed) {
      cut_reader({protocol::error_code::unavailable,
                  "the reader is slower than the events; http.event_queue_max were waiting",
                  {},
                  0});
    } else if (mail_.end) {
      end_stream(*mail_.end);
    }
  }
  if (!out_.empty()) write();
}

template <class Stream>
void session<Stream>::end_whole(final_word& word) {
  auto adapt = std::move(plan_.adapt);
  auto keep = std::move(plan_.keep);
  call_.reset();
  sink_.reset();
  if (auto* f = std::get_if<protocol::fault>(&word)) return send(problem_answer(*f, request_.id));
  auto* whole = std::get_if<whole_answer>(&word);
  if (!whole)
    return send(problem_answer(
        {protocol::error_code::internal, "the call ended without an answer", {}, 0}, request_.id));
  answer a{whole->status, name_of(media::json), {}, std::move(whole->body)};
  if (a.status == 204) a.type = {};
  if (keep && a.status < 300) return begin_file_work(keep(a));
  if (adapt && a.status < 300) adapt(a);
  send(a);
}

template <class Stream>
void session<Stream>::begin_stream() {
  stage_ = stage::streaming;
  status_ = 200;
  out_.clear();
  // Without chunks only the end of the connection tells the end of the stream.
  if (request_.head.version < 11) keep_ = false;
  host_.front.render().append_head(out_, {.status = 200,
                                          .type = name_of(plan_.form),
                                          .request_id = request_.id,
                                          .lines = request_.lines,
                                          .streamed = true,
                                          .keep = keeps(),
                                          .version = request_.head.version});
}

template <class Stream>
void session<Stream>::add_chunk() {
  constexpr std::size_t chunk_bytes = 256 << 10;
  if (next_event_ == mail_.events.size()) return;
  bool chunked = request_.head.version >= 11;
  auto before = out_.size();
  auto began = begin_chunk(out_, chunked);
  auto feed =
      std::string_view(execution_id_).substr(0, plan_.follow ? execution_id_.rfind('-') + 1 : 0);
  while (next_event_ < mail_.events.size() && out_.size() - began < chunk_bytes) {
    auto n = mail_.first + next_event_;
    if (n > plan_.skip_through || plan_.follow)  // a feed's first overflow has the number 0
      protocol::http::append_event(out_, plan_.form, n, mail_.events[next_event_].view(), feed);
    mail_.events[next_event_++] = {};
  }
  if (out_.size() == began) {
    out_.resize(before);  // a chunk of size 0 would end the body
  } else {
    end_chunk(out_, began, chunked);
  }
}

template <class Stream>
void session<Stream>::end_stream(final_word& word) {
  if (auto* f = std::get_if<protocol::fault>(&word)) return cut_reader(*f);
  if (request_.head.version >= 11) out_ += "0\r\n\r\n";
  last_chunk_ = true;
}

/// Says why in the stream's own words, then breaks it off without its proper end.
template <class Stream>
void session<Stream>::cut_reader(const protocol::fault& f) {
  bool chunked = request_.head.version >= 11;
  auto began = begin_chunk(out_, chunked);
  protocol::http::append_cut(out_, plan_.form, protocol::http::problem_json(f, request_.id));
  end_chunk(out_, began, chunked);
  keep_ = false;
  last_chunk_ = true;
  ++host_.front.stats().readers_cut;
}

template <class Stream>
void session<Stream>::stream_tick(time_point now) {
  if (writing_) {
    if (now < after(moved_, limits().write_timeout_ms)) return;
    ++host_.front.stats().readers_cut;
    return close();
  }
  if (stage_ == stage::answering || plan_.form == media::json) return;
  // A stream whose first event lets itself be waited for begins without it.
  constexpr std::int64_t patience_ms = 1'000;
  bool begin = stage_ == stage::waiting;
  if (now <
      after(moved_, begin ? std::min(patience_ms, limits().keepalive_ms) : limits().keepalive_ms))
    return;
  if (begin) begin_stream();
  bool chunked = request_.head.version >= 11;
  auto began = begin_chunk(out_, chunked);
  out_ += protocol::http::keep_alive(plan_.form);
  end_chunk(out_, began, chunked);
  write();
}

template <class Stream>
void session<Stream>::write() {
  if (!writing_) {
    writing_ = true;
    written_ = 0;
    moved_ = host_.now();
  }
  auto done = [self = this->shared_from_this()](error_code ec, std::size_t n) {
    self->write_done(ec, n);
  };
  if (body_.empty())
    return stream_.async_write_some(asio::buffer(out_) + written_, std::move(done));
  auto of_head = std::min(written_, out_.size());
  std::array<asio::const_buffer, 2> parts{
      asio::buffer(out_) + of_head,
      asio::const_buffer(body_.view().data(), body_.size()) + (written_ - of_head)};
  stream_.async_write_some(parts, std::move(done));
}

template <class Stream>
void session<Stream>::write_done(error_code ec, std::size_t n) {
  if (stage_ == stage::closed) return;
  if (ec) return close();
  written_ += n;
  if (written_ < out_.size() + body_.size()) {
    if (n > 0) moved_ = host_.now();
    return write();
  }
  constexpr std::size_t kept_bytes = 512 << 10;
  if (out_.capacity() > kept_bytes) out_ = {};
  out_.clear();
  body_ = {};
  writing_ = false;
  if (interim_) {
    interim_ = false;
    return upload_ ? files_moved() : advance();
  }
  if (download_) return pump_download();
  if (stage_ == stage::answering || last_chunk_) return answer_written();
  pump();
}

template <class Stream>
void session<Stream>::answer_written() {
  call_.reset();
  sink_.reset();
  mail_ = {};
  last_chunk_ = false;
  now_ = host_.now();
  auto seconds = std::chrono::duration<double>(now_ - request_.began).count();
  auto index = request_.to ? request_.to->index : std::size_t(-1);
  host_.front.stats().record(index, status_, seconds);
  if (!keeps()) return linger();
  expect_request(now_);
  advance();
}

/// A connection that is closed while bytes of the client are unread takes the answer with it: so
/// the client is given a moment to see the end.
template <class Stream>
void session<Stream>::linger() {
  constexpr std::int64_t linger_ms = 1'000;
  if (stage_ == stage::closed) return;
  stage_ = stage::lingering;
  stream_ending<Stream>::shut(stream_);
  if (eof_) return close();
  deadline_ = after(host_.now(), linger_ms);
  in_.consume(in_.size());
  read();
}

template <class Stream>
void session<Stream>::close() {
  if (stage_ == stage::closed) return;
  auto self = this->shared_from_this();  // `ended` drops the server's hold on it
  stage_ = stage::closed;
  call_.reset();
  sink_.reset();
  drop_file_work();
  stream_ending<Stream>::close(stream_);
  host_.ended(*this);
}

}  // namespace gateways::http
