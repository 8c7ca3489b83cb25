// The part of `session` that moves the bytes of files.
#pragma once

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateways/http/session.hpp"

namespace gateways::http {

template <class Stream>
waker session<Stream>::file_waker() {
  return [weak = this->weak_from_this(), post = host_.post] {
    post([weak] {
      if (auto self = weak.lock()) self->files_moved();
    });
  };
}

/// With the head there, before the body: whether the body is to be read.
template <class Stream>
bool session<Stream>::begin_upload() {
  auto decided = host_.front.handle(request_);
  if (auto* p = std::get_if<upload_plan>(&decided)) {
    plan_ = {};
    upload_ = upload_work::start(std::move(*p), host_.pools, file_waker());
    return true;
  }
  if (!parser_->is_done()) keep_ = false;
  auto* f = std::get_if<protocol::fault>(&decided);
  send(f ? problem_answer(*f, request_.id) : std::get<answer>(decided));
  return false;
}

/// Each byte gives back the time it may take, so that drops do not hold the connection for ever.
template <class Stream>
void session<Stream>::feed_upload(std::size_t taken) {
  auto most = after(host_.now(), limits().body_timeout_ms);
  if (auto rate = limits().body_rate_min; rate > 0)
    deadline_ = std::min(most, deadline_ + std::chrono::nanoseconds(taken * 1'000'000'000 / rate));
  else if (taken > 0)
    deadline_ = most;
  if (request_.body.empty()) return;
  upload_->add(request_.body);
  request_.body.clear();
}

template <class Stream>
void session<Stream>::begin_file_work(file_plan p) {
  plan_ = {};
  plan_.cancel_on_disconnect = p.slow && p.only_reads;
  stage_ = stage::waiting;
  work_ = file_work::start(std::move(p), host_.pools, file_waker());
  if (plan_.cancel_on_disconnect) read();  // to hear of it
}

/// Something that was posted has come to an end, or a piece of it.
template <class Stream>
void session<Stream>::files_moved() {
  if (stage_ == stage::closed || interim_) return;
  if (work_) {
    if (auto done = work_->take()) {
      work_.reset();
      send(std::move(*done));
    }
  } else if (upload_) {
    if (auto done = upload_->take()) return upload_ended(std::move(*done));
    if (stage_ != stage::reading) return;
    if (std::exchange(held_up_, false)) deadline_ = after(host_.now(), limits().body_timeout_ms);
    advance();
  } else if (download_) {
    pump_download();
  }
}

template <class Stream>
void session<Stream>::upload_ended(file_outcome what) {
  upload_.reset();
  if (stage_ == stage::reading) keep_ = false;  // the rest of the body is not read
  send(std::move(what));
}

template <class Stream>
void session<Stream>::send(file_outcome what) {
  if (auto* whole = std::get_if<answer>(&what)) return send(*whole);
  if (auto* f = std::get_if<protocol::fault>(&what)) return send(problem_answer(*f, request_.id));
  if (auto* p = std::get_if<plan>(&what)) return submit(std::move(*p));
  begin_download(std::move(std::get<download>(what)));
}

template <class Stream>
void session<Stream>::begin_download(download what) {
  stage_ = stage::answering;
  status_ = what.head.status;
  out_.clear();
  // Without chunks only the end of the connection tells the end of what has no length.
  if (!what.length && request_.head.version < 11) keep_ = false;
  host_.front.render().append_head(out_, {.status = what.head.status,
                                          .type = what.head.type,
                                          .request_id = request_.id,
                                          .lines = request_.lines,
                                          .more_lines = what.head.lines,
                                          .length = what.length.value_or(0),
                                          .streamed = !what.length,
                                          .keep = keeps(),
                                          .version = request_.head.version});
  if (!request_.omits_body() && what.length != 0u)
    download_ = download_work::start(std::move(what), host_.pools, file_waker());
  write();
}

/// Writes the piece that is there; the next is read meanwhile.
template <class Stream>
void session<Stream>::pump_download() {
  if (writing_ || stage_ != stage::answering) return;
  bool chunked = download_->open_ended() && request_.head.version >= 11;
  if (auto piece = download_->next()) {
    if (chunked) add_frame(*piece);
    body_ = protocol::buffer(std::move(*piece));
    if (!download_->open_ended() && download_->all_given()) download_.reset();
    write();
  } else if (download_->broken()) {
    close();  // before the end that was promised
  } else if (download_->open_ended() && download_->all_given()) {
    download_.reset();
    if (!chunked) return answer_written();
    out_ = "0\r\n\r\n";
    write();
  }
}

/// The piece as one chunk: what stands before it in `out_`, what stands behind it with it.
template <class Stream>
void session<Stream>::add_frame(std::string& piece) {
  char digits[17];
  auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr;
  out_.append(digits, end).append("\r\n");
  piece += "\r\n";
}

template <class Stream>
void session<Stream>::drop_file_work() {
  if (upload_) upload_->abandon();
  if (work_) work_->abandon();
  work_.reset();
  upload_.reset();
  download_.reset();
}

}  // namespace gateways::http
