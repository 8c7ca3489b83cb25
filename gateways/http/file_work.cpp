#include "gateways/http/file_work.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace gateways::http {
namespace {

protocol::fault failed(const std::exception& e) {
  spdlog::error("file_work_failed what=\"{}\"", e.what());
  return {protocol::error_code::internal, "the work on the file failed", {}, 0};
}

/// Keys only part what runs in order from what need not.
std::string key_of(const void* what) {
  return std::to_string(reinterpret_cast<std::uintptr_t>(what));
}

/// Whoever is the last to hold the bytes, they are let go of on the pool, one after the other: the
/// last close of a large file that was removed takes time.
std::shared_ptr<byte_source> let_go_on(actors::blocking_pool& pool,
                                       std::shared_ptr<byte_source> bytes) {
  auto* source = bytes.get();
  return {source, [&pool, bytes = std::move(bytes)](byte_source*) mutable {
            pool.post("/let go", [last = std::move(bytes)] {});
          }};
}

}  // namespace

// -- one answer
// ------------------------------------------------------------------------------------

std::shared_ptr<file_work> file_work::start(file_plan plan, const file_pools& pools, waker wake) {
  std::shared_ptr<file_work> out(new file_work(std::move(plan), pools, std::move(wake)));
  auto order = out->plan_.order.empty() ? key_of(out.get()) : out->plan_.order;
  if (!out->plan_.slow) {
    pools.quick->post(order, [out] { out->run(); });
    return out;
  }
  if (*pools.slow_work >= slow_max) {
    out->done_ = protocol::fault{protocol::error_code::unavailable,
                                 std::to_string(slow_max) + " searches and copies are waiting",
                                 {},
                                 1};
    out->wake_();
    return out;
  }
  out->counted_ = true;
  ++*pools.slow_work;
  pools.slow->post(order, [out] { out->run(); });
  return out;
}

void file_work::run() {
  file_outcome out;
  try {
    if (*pools_.stopping)
      out = protocol::fault{protocol::error_code::draining, "the daemon ends", {}, 0};
    else if (!unwanted_ || !plan_.only_reads)
      out = plan_.run(unwanted_, *pools_.stopping);
  } catch (const std::exception& e) {
    out = failed(e);
  }
  if (auto* d = std::get_if<download>(&out))
    d->bytes = let_go_on(*pools_.quick, std::move(d->bytes));
  if (counted_) --*pools_.slow_work;
  {
    std::lock_guard lock(mutex_);
    done_ = std::move(out);
  }
  wake_();
}

std::optional<file_outcome> file_work::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

// -- downloads
// -------------------------------------------------------------------------------------

std::shared_ptr<download_work> download_work::start(download what, const file_pools& pools,
                                                    waker wake) {
  std::shared_ptr<download_work> out(
      new download_work(std::move(what.bytes), what.length, pools, std::move(wake)));
  out->ask();
  return out;
}

void download_work::ask() {
  auto bytes = std::min<std::uint64_t>(piece_bytes, left_.value_or(piece_bytes));
  if (bytes == 0) return;
  pools_.quick->post(key_of(this), [self = shared_from_this(), bytes] { self->read(bytes); });
}

void download_work::read(std::size_t bytes) {
  auto piece = bytes_->read(bytes);
  {
    std::lock_guard lock(mutex_);
    if (piece && !piece->empty())
      ready_ = std::move(*piece);
    else if (piece && open_ended_)
      ended_ = true;
    else
      broken_ = true;
  }
  wake_();
}

std::optional<std::string> download_work::next() {
  std::optional<std::string> piece;
  {
    std::lock_guard lock(mutex_);
    piece = std::exchange(ready_, std::nullopt);
  }
  if (!piece) return std::nullopt;
  if (left_) *left_ -= piece->size();
  ask();
  return piece;
}

bool download_work::all_given() {
  if (left_) return *left_ == 0;
  std::lock_guard lock(mutex_);
  return ended_ && !ready_;
}

bool download_work::broken() {
  std::lock_guard lock(mutex_);
  return broken_;
}

// -- uploads
// ---------------------------------------------------------------------------------------

std::shared_ptr<upload_work> upload_work::start(upload_plan plan, const file_pools& pools,
                                                waker wake) {
  std::shared_ptr<upload_work> out(new upload_work(std::move(plan), pools, std::move(wake)));
  std::lock_guard lock(out->mutex_);
  out->post();  // what is refused is refused before the body comes
  return out;
}

void upload_work::add(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  if (over_) return;
  waiting_.append(bytes);
  post();
}

void upload_work::end() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  post();
}

void upload_work::abandon() {
  std::lock_guard lock(mutex_);
  abandoned_ = true;
  post();
}

bool upload_work::full() {
  std::lock_guard lock(mutex_);
  return waiting_.size() >= waiting_bytes_max;
}

std::optional<file_outcome> upload_work::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

/// With the lock held.
void upload_work::post() {
  if (working_ || over_) return;
  working_ = true;
  pools_.quick->post(key_of(this), [self = shared_from_this()] { self->work(); });
}

void upload_work::work() {
  std::optional<protocol::fault> wrong;
  try {
    wrong = write_waiting();
  } catch (const std::exception& e) {
    wrong = failed(e);
  }
  std::unique_lock lock(mutex_);
  working_ = false;
  if (wrong || abandoned_) {
    over_ = true;
    lock.unlock();
    sink_.reset();  // here, since letting go of a large file takes time
    if (wrong) answer(std::move(*wrong));
    return;
  }
  if (!waiting_.empty()) {
    post();
  } else if (ended_) {
    over_ = true;
    pools_.quick->post(plan_.order, [self = shared_from_this()] { self->finish(); });
  }
  lock.unlock();
  wake_();
}

std::optional<protocol::fault> upload_work::write_waiting() {
  if (!sink_) {
    auto opened = plan_.open(*pools_.stopping);
    if (!opened) return opened.error();
    sink_ = std::move(*opened);
  }
  {
    std::lock_guard lock(mutex_);
    std::swap(piece_, waiting_);
    if (abandoned_) return std::nullopt;
  }
  auto done = sink_->write(piece_);
  piece_.clear();
  if (!done) return done.error();
  return std::nullopt;
}

void upload_work::finish() {
  file_outcome out;
  try {
    out = sink_->finish();
  } catch (const std::exception& e) {
    out = failed(e);
  }
  sink_.reset();
  answer(std::move(out));
}

void upload_work::answer(file_outcome what) {
  {
    std::lock_guard lock(mutex_);
    waiting_.clear();
    done_ = std::move(what);
  }
  wake_();
}

}  // namespace gateways::http
