// Routes on the bytes of a workspace's files. The work itself is in gateways/files, and runs where
// it may block; here is what it means in HTTP.
#include <fcntl.h>

#include <cerrno>
#include <limits>
#include <optional>

#include "gateways/files/tree.hpp"
#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "gateways/http/render.hpp"
#include "protocol/files/entry.hpp"

namespace gateways::http {
namespace {

namespace paths = protocol::files;

/// What the client learns of the file beside its bytes.
std::string lines_of(const paths::entry& file, const reading& what) {
  std::string out;
  add_line(out, "ETag", file.etag);
  add_line(out, "Last-Modified", paths::http_date(modified_s(file)));
  add_line(out, "Accept-Ranges", "bytes");
  return out += what.lines;
}

class file_source final : public byte_source {
 public:
  file_source(descriptor fd, std::string path, std::uint64_t first)
      : fd_(std::move(fd)), path_(std::move(path)), at_(first) {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(first), 0, POSIX_FADV_SEQUENTIAL);
  }

  protocol::result<std::string> read(std::size_t bytes_max) override {
    std::string out(bytes_max, '\0');
    for (;;) {
      auto n = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(at_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return files::failure(errno, path_);
      out.resize(static_cast<std::size_t>(n));
      at_ += out.size();
      return out;
    }
  }

 private:
  descriptor fd_;
  std::string path_;
  std::uint64_t at_;
};

file_outcome end_upload(files::upload& to, std::uint64_t&) {
  auto done = to.finish();
  if (!done) return done.error();
  auto out = json_answer(done->created ? 201 : 200, paths::written_json(done->file));
  add_line(out.lines, "ETag", done->file.etag);
  return out;
}

file_outcome bytes_of(files::opened file, const reading& what) {
  const auto size = file.is.size_bytes;
  download out{{200, paths::type_of(what.path), lines_of(file.is, what), {}}, size, nullptr};
  bool same = what.only_if.if_range.empty() || what.only_if.if_range == file.is.etag;
  auto choice = same ? paths::choose_range(what.range, size) : paths::whole{};
  std::uint64_t first = 0;
  auto size_text = "/" + std::to_string(size);
  if (std::holds_alternative<paths::unsatisfiable>(choice)) {
    auto refused = problem_answer({error_code::range_not_satisfiable,
                                   "the file has " + std::to_string(size) + " bytes",
                                   {},
                                   0},
                                  what.request_id);
    add_line(refused.lines, "Content-Range", "bytes *" + size_text);
    return refused;
  }
  if (auto* part = std::get_if<paths::byte_range>(&choice)) {
    first = part->first;
    out.length = part->length;
    out.head.status = 206;
    add_line(out.head.lines, "Content-Range",
             "bytes " + std::to_string(first) + "-" + std::to_string(first + part->length - 1) +
                 size_text);
  }
  out.bytes = std::make_shared<file_source>(std::move(file.fd), what.path, first);
  return out;
}

file_outcome read(const files::root& in, const reading& what, bool of_folder) {
  auto file = files::open_for_reading(in, what.path);
  if (!file) return file.error();
  if (file->is.is == paths::kind::folder) {
    auto listed = files::list(in, {.path = what.path});
    if (!listed) return listed.error();
    return json_answer(200, to_json(*listed));
  }
  if (of_folder) return files::no_folder(what.path);
  return give(std::move(*file), what);
}

}  // namespace

reading reading_of(const request& r, std::string path, std::string lines) {
  auto range = r.omits_body() ? std::string() : r.head.range;
  return {std::move(path), std::move(range), r.head.only_if, r.id, std::move(lines)};
}

file_outcome give(files::opened file, const reading& what) {
  switch (judge(what.only_if, file.is.etag, modified_s(file.is), true)) {
    case paths::verdict::failed: return files::precondition(what.path, file.is.etag);
    case paths::verdict::not_modified: return answer{304, {}, lines_of(file.is, what), {}};
    case paths::verdict::go_on: break;
  }
  return bytes_of(std::move(file), what);
}

outcome get_file(const services& s, const request& r) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto path = paths::parse_path(r.params.at(1));
  if (!path) return path.error();
  // A page of a workspace may not act as one of the daemon's own: it is shown without its scripts.
  std::string lines;
  add_line(lines, "Content-Security-Policy", "sandbox; default-src 'none'");
  add_line(lines, "X-Content-Type-Options", "nosniff");
  auto what = reading_of(r, std::move(*path), std::move(lines));
  return at->plan_of([what = std::move(what), of_folder = r.params.at(1).ends_with('/')](
                         const files::root& in) { return read(in, what, of_folder); });
}

outcome put_file(const services& s, const request& r) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto path = paths::parse_path(r.params.at(1));
  if (!path) return path.error();
  if (auto refused = at->no_room_for(r.head.length)) return *refused;
  auto step = step_for(s, *at, *path);
  if (!step) return step.error();
  using opened = protocol::result<std::shared_ptr<byte_sink>>;
  auto open = [at = *at, path = std::move(*path), only_if = r.head.only_if,
               step = *step](const std::atomic<bool>&) -> opened {
    auto in = files::root::open(at.folder, at.mode);
    if (!in) return in.error();
    auto to = files::upload::open(std::move(*in), path, only_if);
    if (!to) return to.error();
    return std::shared_ptr<byte_sink>(std::make_shared<limited_sink<files::upload>>(
        std::move(*to), at.room_bytes, step, end_upload));
  };
  return upload_plan{at->sandbox_id, std::move(open)};
}

outcome delete_file(const services& s, const request& r) {
  auto at = workspace_of(s, r);
  if (!at) return at.error();
  auto path = paths::parse_path(r.params.at(1));
  if (!path) return path.error();
  auto step = step_for(s, *at, *path);
  if (!step) return step.error();
  auto work = [path = std::move(*path), only_if = r.head.only_if,
               step = *step](const files::root& in) {
    auto done = files::remove_one(in, path, only_if);
    if (done) step->made(0);
    return done ? file_outcome(answer{204, {}, {}, {}}) : file_outcome(done.error());
  };
  return at->in_order(std::move(work));
}

}  // namespace gateways::http
