#define CAF_SUITE protocol_error

#include "protocol/error.hpp"

#include <set>

#include "protocol/http/problem.hpp"
#include "tests/support/checked_in.hpp"
#include "tests/support/unit.hpp"

using namespace protocol;

CAF_TEST(every code has one row that is found by it and a name of its own) {
  std::set<std::string_view> names;
  for (const auto& row : error_table()) {
    CAF_CHECK_EQUAL(&describe(row.code), &row);
    CAF_CHECK(names.insert(row.name).second);
    CAF_CHECK(row.http_status >= 400 && row.http_status < 600);
    CAF_CHECK(!row.title.empty() && !row.doc.empty());
  }
}

CAF_TEST(a code out of range is an internal error) {
  CAF_CHECK_EQUAL(describe(static_cast<error_code>(0)).name, "internal");
  CAF_CHECK_EQUAL(describe(static_cast<error_code>(250)).name, "internal");
}

CAF_TEST(a problem of no request names none) {
  fault f{error_code::wrong_state, "closing", {}, 0};
  CAF_CHECK_EQUAL(http::problem_json(f, {}).find("request_id"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(
      http::problem_json(f, "r1").find(R"("code":"wrong_state","request_id":"r1",)"),
      std::string::npos);
}

CAF_TEST(the page of errors says what the table says and no more) {
  const auto page = tests::checked_in("docs/errors.md");
  std::size_t headings = 0;
  for (auto at = page.find("\n## "); at != page.npos; at = page.find("\n## ", at + 1)) ++headings;
  CAF_CHECK_EQUAL(headings, error_table().size());
  for (const auto& row : error_table()) {
    auto section = "\n## " + std::string(row.name) + "\n\n" + std::to_string(row.http_status) +
                   (row.retryable ? ", retryable. " : ", not retryable. ") +
                   std::string(row.title) + ". " + std::string(row.doc) + "\n";
    CAF_CHECK_NOT_EQUAL(page.find(section), page.npos);
  }
}
