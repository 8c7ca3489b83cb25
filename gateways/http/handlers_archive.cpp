// Routes that give a folder of the workspace as a tar archive, and take one.
#include "gateways/files/archive.hpp"
#include "gateways/http/file_plans.hpp"
#include "gateways/http/handlers.hpp"
#include "gateways/http/signing.hpp"
#include "protocol/object_writer.hpp"

namespace gateways::http {
namespace {

namespace paths = protocol::files;

class archive_source final : public byte_source {
 public:
  explicit archive_source(files::packing from) : from_(std::move(from)) {}
  protocol::result<std::string> read(std::size_t bytes_max) override {
    return from_.read(bytes_max);
  }

 private:
  files::packing from_;
};

file_outcome end_unpacking(files::unpacking& to, std::uint64_t& put_bytes) {
  auto done = to.finish();
  if (!done) return done.error();
  put_bytes = done->bytes;
  protocol::object_writer out;
  out.text("path", to.path());
  out.number("files", done->files);
  out.number("folders", done->folders);
  out.number("links", done->links);
  out.number("size_bytes", done->bytes);
  return json_answer(200, out.close());
}

}  // namespace

outcome get_archive(const services& s, const request& r) {
  auto in = path_asked_of(s, r);
  if (!in) return in.error();
  return in->at.plan_of([at = in->at, path = in->path](const files::root&) -> file_outcome {
    auto folder = files::root::open(at.folder, at.mode);
    if (!folder) return folder.error();
    auto from = files::packing::open(std::move(*folder), path);
    if (!from) return from.error();
    auto name = path.empty() ? at.sandbox_id : std::string(paths::last_of(path));
    download out{{200, "application/x-tar", {}, {}}, {}, {}};
    add_line(out.head.lines, "Content-Disposition",
             "attachment; filename*=UTF-8''" + percent_encoded(name) + ".tar");
    add_line(out.head.lines, "X-Content-Type-Options", "nosniff");
    out.bytes = std::make_shared<archive_source>(std::move(*from));
    return out;
  });
}

outcome put_archive(const services& s, const request& r) {
  auto in = path_asked_of(s, r);
  if (!in) return in.error();
  if (auto refused = in->at.no_room_for(r.head.length)) return *refused;
  auto step = step_for(s, in->at, in->path);
  if (!step) return step.error();
  using opened = protocol::result<std::shared_ptr<byte_sink>>;
  auto open = [at = in->at, path = in->path,
               step = *step](const std::atomic<bool>& stopping) -> opened {
    auto folder = files::root::open(at.folder, at.mode, nullptr, &stopping);
    if (!folder) return folder.error();
    auto to = files::unpacking::open(std::move(*folder), at.mode, path, at.room_bytes);
    if (!to) return to.error();
    return std::shared_ptr<byte_sink>(std::make_shared<limited_sink<files::unpacking>>(
        std::move(*to), at.room_bytes, step, end_unpacking));
  };
  return upload_plan{in->at.sandbox_id, std::move(open)};
}

}  // namespace gateways::http
