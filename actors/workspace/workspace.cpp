#include "actors/workspace/workspace.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <caf/send.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "actors/errors.hpp"
#include "actors/workspace/remove_tree.hpp"

namespace actors {
namespace {

namespace fs = std::filesystem;
using protocol::error_code;
using protocol::fault;

constexpr const char* zones[] = {"upload", "output", "deploy", ".store"};

fault io_fault(int error, const std::string& what) {
  auto code = error == ENOSPC || error == EDQUOT ? error_code::disk_full : error_code::internal;
  return {.code = code, .detail = what + ": " + std::strerror(error)};
}

/// All but `upload/`. The zones themselves stay: they are mounted where kernels run.
void empty(const std::string& root) {
  std::error_code ec;
  auto is_zone = [](const fs::path& name) { return std::ranges::count(zones, name) > 0; };
  for (auto& entry : fs::directory_iterator(root, ec)) {
    if (entry.path().filename() == "upload") continue;
    if (!is_zone(entry.path().filename()) || entry.is_symlink(ec))
      remove_tree(entry.path());
    else
      remove_content(entry.path());
  }
}

protocol::result<protocol::workspace_ready> prepare(const std::string& root, bool wipe) {
  std::error_code ec;
  fs::create_directories(root, ec);
  if (ec) return io_fault(ec.value(), "the workspace cannot be made");
  ::chmod(root.c_str(), 0700);
  if (wipe) empty(root);
  for (auto* zone : zones) {
    auto path = fs::path(root) / zone;
    // A program may have put a link or a file where a zone belongs.
    if (fs::is_symlink(fs::symlink_status(path, ec)) || fs::is_regular_file(path, ec))
      fs::remove(path, ec);
    fs::create_directory(path, ec);
    if (ec) return io_fault(ec.value(), std::string("zone ") + zone + " cannot be made");
  }
  return protocol::workspace_ready{root};
}

protocol::result<protocol::spilled> append(const std::string& root,
                                           const protocol::spill_output& x) {
  auto path = root + "/" + x.path;
  // The program knows the name and may have put something there: a pipe would hold us for ever.
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int fd = ::open(path.c_str(), flags, 0644);
  struct stat found {};
  if (fd < 0 || ::fstat(fd, &found) != 0) return io_fault(errno, "cut output cannot be kept");
  if (!S_ISREG(found.st_mode)) {
    ::close(fd);
    return io_fault(EINVAL, "cut output cannot be kept: something else has its name");
  }
  auto left = x.bytes.view();
  while (!left.empty()) {
    auto n = ::write(fd, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      auto failed = io_fault(errno, "cut output cannot be kept");
      ::close(fd);
      return failed;
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(fd);
  return protocol::spilled{x.bytes.size()};
}

protocol::result<protocol::done> remove(const std::string& root) {
  if (int error = remove_tree(root)) return io_fault(error, "the workspace cannot be removed");
  return protocol::done{root};
}

}  // namespace

workspace_actor::behavior_type workspace(workspace_actor::stateful_pointer<workspace_state> self,
                                         const env* e, std::string sandbox_id, std::string root) {
  using namespace protocol;  // NOLINT: the handlers read like the interface
  // The pool's threads may not touch a promise: they leave the result and send a ticket.
  auto later = [self, e, sandbox_id](auto tag, auto work) {
    using answer = decltype(tag);
    auto promise = self->make_response_promise<answer>();
    auto result = std::make_shared<protocol::result<answer>>();
    auto ticket = ++self->state.last_ticket;
    self->state.waiting[ticket] = [promise, result]() mutable {
      if (*result)
        promise.deliver(std::move(**result));
      else
        promise.deliver(to_error(result->error()));
    };
    auto me = caf::actor_cast<caf::actor_addr>(self);
    e->blocking.post(sandbox_id, [me, ticket, result, work = std::move(work)] {
      *result = work();
      if (auto to = caf::actor_cast<workspace_actor>(me)) caf::anon_send(to, tick{ticket});
    });
    return promise;
  };
  return {
      [later, root](const prepare_workspace& x) -> caf::result<workspace_ready> {
        return later(workspace_ready{}, [root, wipe = x.wipe] { return prepare(root, wipe); });
      },
      [later, root](spill_output& x) -> caf::result<spilled> {
        return later(spilled{}, [root, x = std::move(x)] { return append(root, x); });
      },
      [later, root](const remove_workspace&) -> caf::result<done> {
        return later(done{}, [root] { return remove(root); });
      },
      [self](const tick& x) {
        if (auto answer = self->state.waiting.extract(x.count)) answer.mapped()();
      },
  };
}

}  // namespace actors
