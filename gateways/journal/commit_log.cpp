#include "gateways/journal/commit_log.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "protocol/resource.hpp"

namespace gateways {
namespace {

constexpr std::string_view prefix = "commits-";
constexpr std::string_view suffix = ".log";
constexpr std::size_t entry_bytes_max = 256 << 10;  ///< more is as well written by the journal
constexpr std::uint64_t file_bytes_max = 4 << 20;
constexpr std::uint64_t bytes_max = 64 << 20;  ///< of all files, while the tables refuse
constexpr std::size_t head_size = 18;          ///< "crc length\n", eight hexadecimal digits each

unsigned crc_of(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return crc.checksum();
}

std::string head(std::string_view payload) {
  char text[head_size + 1];
  std::snprintf(text, sizeof text, "%08x %08x\n", crc_of(payload),
                static_cast<unsigned>(payload.size()));
  return text;
}

template <class Number>
bool read_number(std::string_view text, Number& to, int base) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to, base);
  return error == std::errc() && end == text.data() + text.size();
}

/// Takes one entry off the front; empty when it is cut off or damaged.
std::string_view take_payload(std::string_view& text) {
  unsigned crc = 0;
  unsigned size = 0;
  if (text.size() < head_size || !read_number(text.substr(0, 8), crc, 16) ||
      !read_number(text.substr(9, 8), size, 16) || text.size() - head_size < size)
    return {};
  auto payload = text.substr(head_size, size);
  if (crc_of(payload) != crc) return {};
  text.remove_prefix(head_size + size);
  return payload;
}

std::string_view take_line(std::string_view& text) {
  auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

std::string commit_entry(const protocol::commit_execution& what) {
  auto payload = protocol::record_json(what.record) + '\n';
  for (const auto& event : what.events) payload.append(event.view()) += '\n';
  return head(payload) + payload;
}

std::vector<protocol::commit_execution> read_commits(std::string_view file) {
  std::vector<protocol::commit_execution> out;
  while (true) {
    auto payload = take_payload(file);
    if (payload.empty()) return out;
    auto record = protocol::record_from_json(take_line(payload));
    if (!record) return out;
    auto& entry = out.emplace_back(protocol::commit_execution{std::move(*record), 1, {}, 0});
    while (!payload.empty())
      entry.events.push_back(protocol::buffer(std::string(take_line(payload))));
  }
}

commit_log::commit_log(std::string data_dir) : data_dir_(std::move(data_dir)) {
  std::error_code ignored;  // no folder, nothing left over
  for (const auto& entry : std::filesystem::directory_iterator(data_dir_, ignored)) {
    auto name = entry.path().filename().string();
    std::uint64_t number = 0;
    if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
        !read_number(std::string_view(name).substr(prefix.size(),
                                                   name.size() - prefix.size() - suffix.size()),
                     number, 10))
      continue;
    files_[number] = {};
    last_ = std::max(last_, number);
  }
}

commit_log::~commit_log() {
  close_current();
}

std::string commit_log::path(std::uint64_t file) const {
  return data_dir_ + '/' + std::string(prefix) + std::to_string(file) + std::string(suffix);
}

void commit_log::close_current() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool commit_log::append(const std::string& entry) {
  if (fd_ < 0) {
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC;
    fd_ = ::open(path(last_ + 1).c_str(), flags, 0600);
    if (fd_ < 0) return false;
    files_[++last_] = {};
  }
  auto& file = files_[last_];
  auto size = ::write(fd_, entry.data(), entry.size());
  if (size == static_cast<ssize_t>(entry.size())) {
    ++file.kept;
    file.bytes += entry.size();
    bytes_ += entry.size();
    return true;
  }
  // What follows a piece of an entry could not be read.
  if (size > 0 && ::ftruncate(fd_, static_cast<off_t>(file.bytes)) != 0) close_current();
  return false;
}

std::uint64_t commit_log::keep(const protocol::commit_execution& what) {
  std::size_t size = 0;
  for (const auto& event : what.events) size += event.size();
  if (what.first != 1 || size > entry_bytes_max) return 0;
  auto entry = commit_entry(what);
  std::lock_guard lock(mutex_);
  if (bytes_ + entry.size() > bytes_max || !append(entry)) return 0;
  if (files_[last_].bytes > file_bytes_max) close_current();
  return last_;
}

std::vector<protocol::commit_execution> commit_log::leftovers() {
  std::vector<protocol::commit_execution> out;
  std::lock_guard lock(mutex_);
  close_current();
  leftovers_.clear();
  for (const auto& [number, state] : files_) {
    leftovers_.push_back(number);
    std::ifstream in(path(number), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    auto entries = read_commits(text);
    std::move(entries.begin(), entries.end(), std::back_inserter(out));
  }
  if (!out.empty()) spdlog::info("commits_left_over executions={}", out.size());
  return out;
}

void commit_log::leftovers_written() {
  std::lock_guard lock(mutex_);
  for (auto number : std::exchange(leftovers_, {})) {
    auto it = files_.find(number);
    if (it == files_.end()) continue;
    it->second.written = it->second.kept;
    remove_if_written(number);
  }
}

void commit_log::written(std::uint64_t file, std::uint64_t count) {
  std::lock_guard lock(mutex_);
  auto it = files_.find(file);
  if (it == files_.end()) return;  // it was a leftover, and has gone
  it->second.written += count;
  remove_if_written(file);
}

void commit_log::remove_if_written(std::uint64_t file) {
  auto it = files_.find(file);
  if (it->second.written < it->second.kept) return;
  if (file == last_) close_current();
  ::unlink(path(file).c_str());
  bytes_ -= it->second.bytes;
  files_.erase(it);
}

}  // namespace gateways
