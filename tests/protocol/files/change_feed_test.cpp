#define CAF_SUITE change_feed

#include "protocol/files/change_feed.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "protocol/event.hpp"
#include "tests/support/unit.hpp"

using namespace protocol::files;
using enum change_type;
using texts = std::vector<std::string>;

namespace {

std::optional<kind> a_file(const std::string&) {
  return kind::file;
}

/// `TYPE PATH` of each, with where it was moved from.
texts shown(const change_feed::events& events) {
  texts out;
  auto n = events.first;
  for (const auto& line : events.lines) {
    auto e = nlohmann::json::parse(line.view());
    CAF_CHECK_EQUAL(e["n"].get<std::uint64_t>(), n++);
    CAF_CHECK_EQUAL(protocol::event_type(line.view()), e["type"].get<std::string>());
    auto text = e["type"].get<std::string>() + " " + e["path"].get<std::string>();
    if (e.contains("from")) text += " < " + e["from"].get<std::string>();
    if (e.contains("reason")) text += " : " + e["reason"].get<std::string>();
    out.push_back(std::move(text));
  }
  return out;
}

change_cursor cursor(std::string feed, std::uint64_t n) {
  return {std::move(feed), n};
}

}  // namespace

CAF_TEST(an event says what there is to know) {
  change_feed feed("7", "top");
  feed.note({created, "top/a\nb"});
  auto told = feed.tell(1'000, a_file);
  CAF_CHECK_EQUAL(told.lines[0].view(),
                  R"({"n":1,"type":"created","path":"top/a\nb","kind":"file",)"
                  R"("time":"1970-01-01T00:00:01.000Z","cursor":"7-1"})");
  CAF_CHECK(!feed.pending());
}

CAF_TEST(what belongs together is said once and the rest in order) {
  change_feed feed("7", "");
  for (auto type : {created, modified, modified, removed, created, created}) feed.note({type, "a"});
  for (auto type : {modified, modified, removed}) feed.note({type, "b"});
  CAF_CHECK_EQUAL(shown(feed.tell(0, a_file)),
                  (texts{"created a", "removed a", "created a", "modified b", "removed b"}));
  feed.note({modified, "a"});
  CAF_CHECK_EQUAL(shown(feed.tell(0, a_file)), (texts{"modified a"}));
}

CAF_TEST(a move is one event if both halves come together) {
  change_feed feed("7", "");
  feed.note({removed, "a", {}, {}, 5});
  CAF_CHECK(!feed.arrived(6, "x", false));
  CAF_CHECK(feed.arrived(5, "b", false));
  CAF_CHECK(!feed.arrived(5, "c", false));
  feed.note({created, "a"});
  feed.note({modified, "b"});
  CAF_CHECK_EQUAL(shown(feed.tell(0, a_file)), (texts{"moved b < a", "created a", "modified b"}));
  feed.note({removed, "b", {}, {}, 8});
  CAF_CHECK_EQUAL(shown(feed.tell(0, a_file)), (texts{"removed b"}));
  CAF_CHECK(!feed.arrived(8, "c", false));
}

CAF_TEST(what is gone has the kind that is known) {
  change_feed feed("7", "");
  feed.note({created, "a"});
  feed.note({removed, "b"});
  feed.note({removed, "c", {}, kind::folder});
  auto told = feed.tell(0, [](const auto&) { return std::optional<kind>(); });
  auto kind_of = [&](int i) { return nlohmann::json::parse(told.lines[i].view())["kind"]; };
  CAF_CHECK(kind_of(0).is_null());
  CAF_CHECK(kind_of(1).is_null());
  CAF_CHECK_EQUAL(kind_of(2), "folder");
}

CAF_TEST(a reader that comes back gets what it has not seen) {
  change_feed feed("7", "top");
  for (auto* path : {"a", "b", "c"}) feed.note({created, path});
  (void)feed.tell(0, a_file);
  CAF_CHECK_EQUAL(shown(feed.since(cursor("7", 0), 0)).size(), 3u);
  auto rest = feed.since(cursor("7", 2), 0);
  CAF_CHECK_EQUAL(shown(rest), (texts{"created c"}));
  CAF_CHECK_EQUAL(rest.after, "7-2");
  CAF_CHECK(feed.since(feed.here(), 0).lines.empty());
  for (const auto& other : {cursor("7", 4), cursor("6", 2), cursor("77", 1)}) {
    auto lost = feed.since(other, 0);
    CAF_CHECK_EQUAL(shown(lost), (texts{"overflow top : cursor"}));
    CAF_CHECK_EQUAL(lost.first, 3u);
    CAF_CHECK_EQUAL(lost.after, "7-3");
  }
  CAF_CHECK_EQUAL(change_feed("8", "").since(cursor("7", 2), 0).first, 0u);
}

CAF_TEST(what is kept is bounded and what is older is an overflow) {
  change_feed feed("7", "");
  constexpr std::uint64_t all = 3 * change_feed::kept_max;
  for (std::uint64_t n = 1; n <= all; ++n) {
    feed.note({created, std::to_string(n)});
    (void)feed.tell(0, a_file);
  }
  auto oldest = all - change_feed::kept_max;
  CAF_CHECK_EQUAL(feed.since(cursor("7", oldest), 0).lines.size(), change_feed::kept_max);
  CAF_CHECK_EQUAL(shown(feed.since(cursor("7", oldest - 1), 0)), (texts{"overflow  : cursor"}));
  change_feed wide("7", "");
  for (int i = 0; i < 1'000; ++i) wide.note({created, std::to_string(i) + std::string(1'590, 'x')});
  (void)wide.tell(0, a_file);
  std::size_t bytes = 0, kept = 0;
  for (std::uint64_t n = 0; n < 1'000; ++n)
    if (auto e = wide.since(cursor("7", n), 0); e.first == n + 1)
      kept = std::max(kept, e.lines.size());
  for (const auto& line : wide.since(cursor("7", 1'000 - kept), 0).lines) bytes += line.size();
  CAF_CHECK(kept > 400 && kept < 1'000);
  CAF_CHECK(bytes <= change_feed::kept_bytes_max);
}

CAF_TEST(more changes at once than wait end in one overflow) {
  change_feed feed("7", "top");
  for (std::size_t i = 0; i < change_feed::pending_max + 100; ++i) {
    CAF_CHECK_EQUAL(feed.filling(), i >= change_feed::pending_max / 2);
    feed.note({created, std::to_string(i)});
  }
  auto told = shown(feed.tell(0, a_file));
  CAF_CHECK_EQUAL(told.size(), change_feed::pending_max + 1);
  CAF_CHECK_EQUAL(told.back(), "overflow top : changes");
  feed.overflow("queue");
  CAF_CHECK(feed.pending());
  CAF_CHECK_EQUAL(shown(feed.tell(0, a_file)), (texts{"overflow top : queue"}));
}

CAF_TEST(a cursor is read as it was written and nothing else is one) {
  auto c = parse_change_cursor("12-34", "?from");
  CAF_REQUIRE(c);
  CAF_CHECK_EQUAL(c->feed, "12");
  CAF_CHECK_EQUAL(c->n, 34u);
  for (auto* text : {"", "7", "-7", "a-", "a-x", "a--1", "a-99999999999999999999"})
    if (auto read = parse_change_cursor(text, "?from"))
      CAF_CHECK_EQUAL(read->feed + "-" + std::to_string(read->n), text);
  for (auto* text : {"", "7", "-7", "a-", "a-x", "a-99999999999999999999"})
    CAF_CHECK(!parse_change_cursor(text, "?from"));
  CAF_CHECK(!parse_change_cursor(std::string(33, 'a') + "-1", "?from"));
}

CAF_TEST(whoever follows every event knows what is there) {
  // Invariant: the events, replayed in order, give the same set of paths as the changes.
  auto seed = tests::seed();
  std::mt19937_64 random(seed);
  change_feed feed("7", "");
  std::set<std::string> there, replayed;
  std::uint64_t seen = 0;
  for (int step = 0; step < 20'000; ++step) {
    auto path = std::string(1, static_cast<char>('a' + random() % 6));
    auto other = std::string(1, static_cast<char>('a' + random() % 6));
    switch (random() % 5) {
      case 0:
        if (there.insert(path).second) feed.note({created, path});
        break;
      case 1:
        if (there.erase(path) > 0) feed.note({removed, path});
        break;
      case 2:
        if (there.contains(path)) feed.note({modified, path});
        break;
      case 3:
        if (!there.contains(path) || path == other) break;
        feed.note({removed, path, {}, {}, static_cast<std::uint32_t>(step + 1)});
        there.erase(path);
        CAF_CHECK(feed.arrived(static_cast<std::uint32_t>(step + 1), other, false));
        there.insert(other);
        break;
      default: {
        (void)feed.tell(0, a_file);
        auto news = feed.since(cursor("7", seen), 0);
        seen += news.lines.size();
        for (const auto& line : news.lines) {
          auto e = nlohmann::json::parse(line.view());
          if (e["type"] == "removed") replayed.erase(e["path"].get<std::string>());
          if (e["type"] == "moved") replayed.erase(e["from"].get<std::string>());
          if (e["type"] == "created" || e["type"] == "moved")
            replayed.insert(e["path"].get<std::string>());
        }
        CAF_REQUIRE_EQUAL(replayed, there);
      }
    }
  }
}
