// One client's connection: reads requests, has them decided, writes answers strictly in order.
//
// A template over the stream, so that tests run it on one in memory. Lives as long as an operation
// on its stream is under way; the server holds it in its list until `ended`. All members run on the
// server's thread; only a `call_sink` is touched by others.
// Invariants: one answer at a time; at most one read and one write under way; a pipelined request
// waits in `in_`, whose size is bounded, until the answer before it is written.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "gateways/http/call_sink.hpp"
#include "gateways/http/dispatcher.hpp"
#include "gateways/http/file_work.hpp"
#include "gateways/http/parser.hpp"

namespace gateways::http {

namespace asio = boost::asio;

/// A session as the server sees it, whatever its stream.
class connection {
 public:
  virtual ~connection() = default;
  virtual void tick(time_point now) = 0;  ///< looks at its deadlines
  virtual void drain() = 0;               ///< closes once what it answers is written
  virtual void cut() = 0;                 ///< closes now
};

/// What sessions share. Outlives them. `wake` makes what a sink calls from any thread: it runs the
/// function on the server's thread, or nothing once the server is gone.
struct session_host {
  dispatcher& front;
  client_port& port;
  std::function<void(std::function<void()>)> post;
  std::function<void(connection&)> ended;
  file_pools pools{};
  bool draining = false;
  std::function<time_point()> now = std::chrono::steady_clock::now;
};

/// How a stream is ended, or its descriptor let go (-1: it has none); specialised for each kind.
template <class Stream>
struct stream_ending;

template <class Stream>
class session final : public connection, public std::enable_shared_from_this<session<Stream>> {
 public:
  session(Stream stream, peer from, session_host& host)
      : stream_(std::move(stream)), from_(std::move(from)), host_(host) {}

  void start() {
    expect_request(now_ = host_.now());
    advance();
  }

  void tick(time_point now) override;
  void drain() override;
  void cut() override { close(); }
  Stream& stream() { return stream_; }

 private:
  using error_code = boost::system::error_code;
  static constexpr std::size_t small_read = 4 << 10, large_read = 64 << 10, upload_read = 256 << 10;

  enum class stage : std::uint8_t {
    reading,    ///< a request, or waiting for one
    waiting,    ///< for the answer to a plan; nothing is written yet
    streaming,  ///< the head of a stream is written
    answering,  ///< an answer of known length is being written
    lingering,  ///< all is written; what the client still sends is thrown away
    closed,
  };

  // session_read.ipp
  void expect_request(time_point now);
  void advance();
  bool parse_some();
  void skip_blank_lines();
  bool head_complete();
  void handle();
  void give_away(hand_over to);
  void read();
  void read_done(error_code ec, std::size_t n);
  void client_ended();
  void refuse(error_code ec);
  void refuse(const protocol::fault& f);

  // session_files.ipp
  waker file_waker();
  bool begin_upload();
  void feed_upload(std::size_t taken);
  void begin_file_work(file_plan p);
  void files_moved();
  void upload_ended(file_outcome what);
  void send(file_outcome what);
  void begin_download(download what);
  void pump_download();
  void add_frame(std::string& piece);
  void drop_file_work();

  // session_write.ipp
  void send(const answer& a);
  void submit(plan p);
  void collect();
  void pump();
  void take_mail();
  void end_whole(final_word& word);
  void begin_stream();
  void end_stream(final_word& word);
  void add_chunk();
  void cut_reader(const protocol::fault& f);
  void stream_tick(time_point now);
  void write();
  void write_done(error_code ec, std::size_t n);
  void answer_written();
  bool keeps() const { return keep_ && !host_.draining && !eof_; }
  void linger();
  void close();

  const config::http_options& limits() const { return host_.front.http(); }
  static time_point after(time_point now, std::int64_t ms) {
    return now + std::chrono::milliseconds(ms);
  }

  Stream stream_;
  peer from_;
  session_host& host_;
  stage stage_ = stage::reading;

  beast::flat_buffer in_;
  std::optional<request_parser> parser_;
  request request_;
  std::size_t header_bytes_ = 0;  ///< of the head that is being read, taken from `in_`
  bool begun_ = false;            ///< a byte of the request has come
  bool admitted_ = false;
  bool reading_ = false;
  bool eof_ = false;
  bool keep_ = true;
  bool held_up_ = false;  ///< an upload is not read on because the disk is behind
  time_point now_{};      ///< when the client was last heard, or had its answer
  time_point deadline_{};

  std::string out_;
  protocol::buffer body_;  ///< written after `out_`, as it came
  std::size_t written_ = 0;
  bool writing_ = false;
  bool interim_ = false;  ///< what is written is no answer but "100 Continue"
  time_point moved_{};    ///< when the client last took something
  int status_ = 0;

  plan plan_;
  std::shared_ptr<call_sink> sink_;
  std::unique_ptr<call_handle> call_;
  inbox mail_;
  std::size_t next_event_ = 0;  ///< in `mail_.events`
  std::string execution_id_;    ///< or the cursor, of what is followed
  bool last_chunk_ = false;

  std::shared_ptr<file_work> work_;
  std::shared_ptr<download_work> download_;
  std::shared_ptr<upload_work> upload_;
};

}  // namespace gateways::http

#include "gateways/http/session_files.ipp"
#include "gateways/http/session_read.ipp"
#include "gateways/http/session_write.ipp"
