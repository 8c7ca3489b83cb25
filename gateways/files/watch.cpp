#include "gateways/files/watch.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "gateways/files/walk.hpp"
#include "gateways/files/watched_tree.hpp"
#include "gateways/process/signals.hpp"

namespace gateways::files {
namespace {

namespace paths = protocol::files;
using clock = std::chrono::steady_clock;
using protocol::error_code;
using std::chrono::milliseconds;

constexpr std::uint32_t heard_of = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE |
                                   IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr milliseconds between_reads{10}, between_looks{1'000};

protocol::unix_ms now_ms() {
  return std::chrono::system_clock::now().time_since_epoch() / milliseconds(1);
}

/// No other feed has it, of this daemon or an earlier one. Only called on one thread.
std::string new_name(std::uint64_t& last) {
  auto now = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                        std::chrono::microseconds(1));
  return std::to_string(last = std::max(now, last + 1));
}

result<descriptor> open_folder(const root& in, const std::string& path) {
  return in.open_folder(path, O_PATH, RESOLVE_NO_SYMLINKS);
}

}  // namespace

class watcher {
 public:
  watcher(watch_request what, watch_limits limits, std::string name)
      : what_(std::move(what)),
        limits_(limits),
        tree_(what_.recursive),
        feed_(std::move(name), what_.path) {}

  result<void> begin();
  bool is_for(const watch_request& other) const {
    return std::tie(what_.workspace, what_.path, what_.recursive) ==
           std::tie(other.workspace, other.path, other.recursive);
  }
  void join(watch_service::reader r, const std::optional<paths::change_cursor>& since);

  int records() const { return records_.get(); }
  bool rests(clock::time_point now) const { return now < next_read_; }
  clock::time_point wakes_at() const;
  void work(clock::time_point now);

  bool idle() const {
    return std::ranges::all_of(readers_, [](const auto& r) { return r.gone->load(); });
  }
  bool over(clock::time_point now) const {
    return ended_ || (readers_.empty() && now > idle_since_ + limits_.keep);
  }
  /// Whether what is at the path is still what is watched.
  bool there() const;
  void end();

 private:
  void read(clock::time_point now);
  void tell();
  /// Else what comes faster than it can be told becomes an overflow.
  bool quick() const { return spent_ < limits_.gather / 4; }
  void give_back(const std::vector<int>& watches) const;
  /// Watches these and all in them; `news`: what is in those that were not watched has just come.
  result<void> enter(std::vector<std::string> todo, bool news);
  result<bool> watch(const descriptor& folder, const std::string& path);
  void look_into(int folder, const std::string& path, bool news, std::vector<std::string>& todo,
                 std::size_t& entries_left);

  const watch_request what_;
  const watch_limits limits_;
  descriptor records_;
  watched_tree tree_;
  paths::change_feed feed_;
  std::vector<watch_service::reader> readers_;
  struct stat top_ {};
  clock::time_point next_read_{}, next_look_{}, idle_since_{};
  std::optional<clock::time_point> due_;  ///< to tell what was heard of
  clock::duration spent_{};               ///< on telling it the last time
  bool ended_ = false;
};

result<void> watcher::begin() {
  records_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!records_) return failure(errno, what_.path);
  if (auto done = enter({what_.path}, false); !done) return done.error();
  auto in = root::open(what_.workspace, what_.mode);
  if (!in) return in.error();
  auto folder = open_folder(*in, what_.path);
  if (!folder) return folder.error();
  if (::fstat(folder->get(), &top_) != 0) return failure(errno, what_.path);
  return {};
}

bool watcher::there() const {
  auto in = root::open(what_.workspace, what_.mode);
  if (!in) return ::access(what_.workspace.c_str(), F_OK) == 0;
  auto folder = open_folder(*in, what_.path);
  if (!folder) return folder.error().code == error_code::unavailable;
  struct stat now {};
  return !tree_.gone() && ::fstat(folder->get(), &now) == 0 && now.st_dev == top_.st_dev &&
         now.st_ino == top_.st_ino;
}

void watcher::join(watch_service::reader r, const std::optional<paths::change_cursor>& since) {
  // What was before it is not news to it.
  read(clock::now());
  tell();
  auto missed = feed_.since(since.value_or(feed_.here()), now_ms());
  r.to->accepted(std::move(missed.after));
  r.to->events(missed.first, std::move(missed.lines));
  readers_.push_back(std::move(r));
}

clock::time_point watcher::wakes_at() const {
  auto at = std::min(next_look_, due_.value_or(next_look_));
  return rests(clock::now()) ? std::min(at, next_read_) : at;
}

void watcher::work(clock::time_point now) {
  if (!rests(now)) read(now);
  if (due_ && now >= *due_) tell();
  if (tree_.gone()) return end();
  if (now < next_look_) return;
  next_look_ = now + between_looks;
  // A folder around it may have been moved, or somebody holds it open though it was removed.
  if (!there()) return end();
  if (std::erase_if(readers_, [](const auto& r) { return r.gone->load(); }) > 0) idle_since_ = now;
}

void watcher::read(clock::time_point now) {
  constexpr int pieces_max = 16;  // then the others have their turn
  alignas(inotify_event) char bytes[64 << 10];
  for (int piece = 0; piece < pieces_max; ++piece) {
    auto n = ::read(records_.get(), bytes, sizeof bytes);
    if (n <= 0) return;
    for (const auto& r : records_in({bytes, static_cast<std::size_t>(n)})) {
      tree_.take(r, feed_);
      if (feed_.filling() && quick()) tell();
    }
    next_read_ = now + between_reads;
    // A program that moves large folders about is looked at the less often, the longer that takes.
    if (!due_) due_ = now + std::max<clock::duration>(limits_.gather, 9 * spent_);
  }
}

void watcher::tell() {
  auto began = clock::now();
  due_.reset();
  give_back(tree_.settle());
  auto entered = tree_.entered();
  if (tree_.lost()) {
    tree_.begin_round();
    if (!enter({what_.path}, false)) feed_.overflow("folders");
    give_back(tree_.end_round());
  } else if (!entered.empty() && !enter({entered.begin(), entered.end()}, true)) {
    feed_.overflow("folders");
  }
  auto in = root::open(what_.workspace, what_.mode);
  auto news = feed_.tell(now_ms(), [&in](const auto& path) -> std::optional<paths::kind> {
    auto found = in ? in->look(path) : result<entry>(in.error());
    return found ? std::optional(found->is) : std::nullopt;
  });
  for (auto& r : readers_)
    if (!*r.gone) r.to->events(news.first, news.lines);
  spent_ = clock::now() - began;
}

void watcher::give_back(const std::vector<int>& watches) const {
  for (auto each : watches) ::inotify_rm_watch(records_.get(), each);
}

result<void> watcher::enter(std::vector<std::string> todo, bool news) {
  auto in = root::open(what_.workspace, what_.mode);
  if (!in) return in.error();
  auto entries_left = folder_entries_max;
  for (bool first = true; !todo.empty(); first = false) {
    auto path = std::move(todo.back());
    todo.pop_back();
    auto folder = open_folder(*in, path);
    auto is_new = folder ? watch(*folder, path) : result<bool>(folder.error());
    if (!is_new) {
      auto code = is_new.error().code;
      bool vanished = code == error_code::file_not_found || code == error_code::path_escapes;
      // What is in the tree may have gone, or be closed to us; what was asked for must be there.
      if ((first && !news) || (!vanished && code != error_code::wrong_state)) return is_new.error();
      continue;
    }
    if (what_.recursive) look_into(folder->get(), path, news && *is_new, todo, entries_left);
    if (tree_.size() > limits_.folders_max || entries_left == 0)
      return fault{
          error_code::wrong_state,
          "more lies in it than is watched at once: " + std::to_string(limits_.folders_max) +
              " folders, " + std::to_string(folder_entries_max) + " entries",
          {},
          0};
  }
  return {};
}

/// Whether it is new.
result<bool> watcher::watch(const descriptor& folder, const std::string& path) {
  auto self = "/proc/self/fd/" + std::to_string(folder.get());
  int watch = ::inotify_add_watch(records_.get(), self.c_str(), heard_of);
  if (watch < 0 && errno == ENOSPC)
    return fault{error_code::unavailable, "fs.inotify.max_user_watches are in use", {}, 10};
  if (watch < 0) return failure(errno, path);
  return tree_.put(watch, path);
}

void watcher::look_into(int folder, const std::string& path, bool news,
                        std::vector<std::string>& todo, std::size_t& entries_left) {
  bool complete = true;
  auto names = names_in(folder, entries_left, complete);
  entries_left -= names.size();
  auto depth = paths::parts_of(path).size() - paths::parts_of(what_.path).size();
  for (const auto& name : names) {
    auto inner = paths::joined(path, name);
    struct stat found {};
    if (is_hidden(name) || inner.size() > paths::path_bytes_max ||
        ::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    bool is_folder = S_ISDIR(found.st_mode);
    if (news)
      feed_.note({paths::change_type::created,
                  inner,
                  {},
                  is_folder ? std::optional(paths::kind::folder) : std::nullopt});
    if (is_folder && depth + 1 < static_cast<std::size_t>(depth_max))
      todo.push_back(std::move(inner));
  }
}

void watcher::end() {
  ended_ = true;
  feed_.note({paths::change_type::removed, what_.path, {}, paths::kind::folder});
  tell();
  for (auto& r : readers_)
    if (!*r.gone) r.to->finished();
}

// -- all of them
// -----------------------------------------------------------------------------------

namespace {

class reading final : public call_handle {
 public:
  explicit reading(std::shared_ptr<std::atomic<bool>> gone) : gone_(std::move(gone)) {}
  ~reading() override { *gone_ = true; }

 private:
  std::shared_ptr<std::atomic<bool>> gone_;
};

}  // namespace

watch_service::watch_service(watch_limits limits)
    : limits_(limits), bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

watch_service::~watch_service() {
  stopping_ = true;
  ring();
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<call_handle> watch_service::follow(watch_request what,
                                                   std::shared_ptr<reply_sink> to) {
  reader r{std::move(to), std::make_shared<std::atomic<bool>>(false)};
  auto out = std::make_unique<reading>(r.gone);
  std::lock_guard lock(mutex_);
  requests_.emplace_back(std::move(what), std::move(r));
  if (!thread_.joinable()) {
    all_signals_blocked in_new_threads;
    thread_ = std::thread([this] { run(); });
  }
  ring();
  return out;
}

void watch_service::ring() const {
  ::eventfd_write(bell_.get(), 1);
}

void watch_service::run() {
  ::pthread_setname_np(::pthread_self(), "watches");
  while (!stopping_) {
    std::vector<std::pair<watch_request, reader>> requests;
    {
      std::lock_guard lock(mutex_);
      requests.swap(requests_);
    }
    for (auto& [what, r] : requests) admit(what, std::move(r));
    auto now = clock::now();
    std::erase_if(watchers_, [now](auto& w) {
      w->work(now);
      return w->over(now);
    });
    wait();
  }
}

/// For a request, a record, or the time to do something.
void watch_service::wait() {
  auto now = clock::now();
  std::optional<clock::time_point> until;
  std::vector<pollfd> what{{bell_.get(), POLLIN, 0}};
  for (const auto& w : watchers_) {
    if (!w->rests(now)) what.push_back({w->records(), POLLIN, 0});
    until = std::min(w->wakes_at(), until.value_or(w->wakes_at()));
  }
  int timeout_ms = -1;
  if (until)
    timeout_ms = static_cast<int>(std::max<std::int64_t>(0, (*until - now) / milliseconds(1) + 1));
  ::poll(what.data(), what.size(), timeout_ms);
  eventfd_t ignored = 0;
  ::eventfd_read(bell_.get(), &ignored);
}

void watch_service::admit(const watch_request& what, reader r) {
  if (*r.gone) return;
  auto found = std::ranges::find_if(watchers_, [&](auto& w) { return w->is_for(what); });
  if (found != watchers_.end() && (*found)->there())
    return (*found)->join(std::move(r), what.since);
  if (found != watchers_.end()) {
    (*found)->end();
    watchers_.erase(found);
  }
  if (watchers_.size() >= limits_.watchers_max) {
    auto idle = std::ranges::find_if(watchers_, [](auto& w) { return w->idle(); });
    if (idle == watchers_.end())
      return r.to->failed({error_code::unavailable,
                           std::to_string(limits_.watchers_max) + " folders are watched",
                           {},
                           10});
    watchers_.erase(idle);
  }
  auto made = std::make_unique<watcher>(what, limits_, new_name(last_name_));
  if (auto done = made->begin(); !done) return r.to->failed(done.error());
  made->join(std::move(r), what.since);
  watchers_.push_back(std::move(made));
}

}  // namespace gateways::files
