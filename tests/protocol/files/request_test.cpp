#define CAF_SUITE files_request

#include "protocol/files/request.hpp"

#include "tests/support/unit.hpp"

using namespace protocol::files;

CAF_TEST(what is signed is one file or the site) {
  auto refused = [](const char* body) {
    auto f = sign_refusal(nlohmann::json::parse(body));
    return f ? f->members : std::string();
  };
  for (auto* fine : {R"({"path": "a"})", R"({"path": "", "method": "PUT", "deploy": false})",
                     R"({"deploy": true, "expires_s": 5})", R"({"deploy": true, "path": null})"})
    CAF_CHECK_EQUAL(refused(fine), "");
  CAF_CHECK_NOT_EQUAL(refused("{}").find("/path"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(refused(R"({"deploy": true, "path": "a"})").find("/path"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(refused(R"({"deploy": true, "method": "GET"})").find("/method"),
                      std::string::npos);
}
