#include "actors/kernel/output_bound.hpp"

#include "protocol/json.hpp"
#include "protocol/jupyter/content.hpp"
#include "protocol/text.hpp"

namespace actors {
namespace {

protocol::buffer stream_content(const std::string& name, std::string_view text) {
  return protocol::buffer("{\"name\":" + protocol::json_string(name) +
                          ",\"text\":" + protocol::json_string(text) + "}");
}

}  // namespace

output_bound::passed output_bound::add(output_item item) {
  passed out;
  if (item.type == "stream") {
    auto text = protocol::jupyter::read_stream(item.content.view());
    if (!text) {
      ++malformed_;
      return out;
    }
    auto fits = !head_full_ && head_ + text->text.size() + item_cost <= head_max_;
    auto one_line = item.content.view().find_first_of("\n\r") == std::string_view::npos;
    if (fits && one_line)
      take(std::move(item), text->text.size(), {}, out);
    else
      take_stream(text->name, text->text, out);
    return out;
  }
  item.content = protocol::one_line_json(std::move(item.content));
  if (item.content.empty()) {
    ++malformed_;
    return out;
  }
  auto bytes = item.content.size();
  take(std::move(item), bytes, {}, out);
  return out;
}

output_bound::passed output_bound::add_text(const std::string& name, std::string_view text) {
  passed out;
  take_stream(name, text, out);
  return out;
}

void output_bound::take_stream(const std::string& name, std::string_view left, passed& out) {
  while (!left.empty()) {
    auto size = protocol::utf8_cut(left, piece_);
    auto piece = left.substr(0, size == 0 ? left.size() : size);
    take({"stream", stream_content(name, piece)}, piece.size(),
         protocol::buffer(std::string(piece)), out);
    left.remove_prefix(piece.size());
  }
}

void output_bound::take(output_item item, std::uint64_t bytes, protocol::buffer plain,
                        passed& out) {
  auto cost = bytes + item_cost;
  total_ += bytes;
  if (!head_full_ && head_ + cost <= head_max_) {
    head_ += cost;
    out.items.push_back(std::move(item));
    return;
  }
  head_full_ = true;
  tail_ += cost;
  if (plain.empty()) plain = protocol::buffer(std::string(item.content.view()) + "\n");
  held_.push_back({std::move(item), bytes, std::move(plain)});
  while (tail_ > tail_max_) {
    auto& oldest = held_.front();
    tail_ -= oldest.bytes + item_cost;
    spilled_ += oldest.bytes;
    out.spill.push_back(std::move(oldest.plain));
    held_.pop_front();
  }
}

output_bound::rest output_bound::finish() {
  rest r{.items = {}, .bytes_total = total_, .bytes_kept = total_ - spilled_, .cut = spilled_ > 0};
  for (auto& h : held_) r.items.push_back(std::move(h.item));
  held_.clear();
  tail_ = 0;
  return r;
}

}  // namespace actors
