// Shared immutable bytes: how payloads travel between actors, sessions and nodes.
//
// A copy shares the bytes. Safe to read from any thread, since nobody can write. Serialises itself,
// so that a message holding one may cross to another node.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace protocol {

class buffer {
 public:
  buffer() = default;
  explicit buffer(std::string bytes)
      : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}

  std::string_view view() const noexcept {
    return bytes_ ? std::string_view(*bytes_) : std::string_view();
  }
  std::size_t size() const noexcept { return bytes_ ? bytes_->size() : 0; }
  bool empty() const noexcept { return size() == 0; }

  friend bool operator==(const buffer& a, const buffer& b) noexcept { return a.view() == b.view(); }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, buffer& x) {
    if constexpr (Inspector::writes_state) {
      auto bytes = std::make_shared<std::string>();
      if (auto failed = f(*bytes)) return failed;
      x.bytes_ = std::move(bytes);
      return {};
    } else {
      std::string none;  // a reading inspector asks for a mutable lvalue but does not write
      return f(x.bytes_ ? const_cast<std::string&>(*x.bytes_) : none);
    }
  }

 private:
  std::shared_ptr<const std::string> bytes_;
};

}  // namespace protocol
