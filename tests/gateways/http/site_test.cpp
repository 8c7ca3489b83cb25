#define CAF_SUITE http_site

#include "gateways/http/site.hpp"

#include <ctime>
#include <filesystem>

#include "gateways/http/signing.hpp"
#include "tests/gateways/files/workspace.hpp"
#include "tests/gateways/http/wire.hpp"
#include "tests/support/unit.hpp"

using namespace gateways::http;
using namespace tests;

namespace {

constexpr std::int64_t made_at = 1'700'000'000'000;
const std::string token_line = "Authorization: Bearer secret\r\n";

/// A session whose sandbox `Box_1` has a site on disk.
struct stand {
  workspace space;
  wire w;

  stand() {
    w.views().put(sandbox("Box_1"));
    workspace::put(space.at("deploy/index.html"), "<h1>home</h1>");
    std::filesystem::create_directory(space.at("deploy/sub"));
    workspace::put(space.at("deploy/sub/index.html"), "sub");
    workspace::put(space.at(".store/log"), "kept");
  }

  protocol::sandbox_view sandbox(const std::string& id) const {
    protocol::sandbox_view out;
    out.spec.id = id;
    out.spec.created_at = made_at;
    out.state = protocol::sandbox_state::ready;
    out.workspace = space.inside;
    return out;
  }

  parsed_answer ask(std::string_view target, const std::string& more = token_line,
                    std::string_view host = "box_1.deploy.localhost:8888",
                    std::string_view verb = "GET") {
    std::string out(verb);
    out.append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
    w.send(out.append(more).append("\r\n"));
    return w.next();
  }

  static std::string key(std::string_view id = "Box_1", std::int64_t of = made_at,
                         std::int64_t left_s = 100) {
    return url_signer("secret").site_key(id, of,
                                         static_cast<std::uint64_t>(std::time(nullptr) + left_s));
  }
  static std::string cookie(const std::string& key) {
    return "Cookie: a=b; troupe_deploy=" + key + "; c=d\r\n";
  }
};

std::string seen(std::string_view target) {
  auto to = parse_site_target(target);
  return to ? to->location() + (to->key ? " key " + *to->key : "") : told(to);
}

}  // namespace

CAF_TEST(a host of a site is the id of a sandbox below the one name) {
  auto name = [](std::string_view host) { return std::string(site_name(host).value_or("-")); };
  CAF_CHECK_EQUAL(name("default.deploy.localhost"), "default");
  CAF_CHECK_EQUAL(name("a.b_c-D.deploy.localhost:8888"), "a.b_c-D");
  CAF_CHECK_EQUAL(name("BOX.DEPLOY.LOCALHOST:1"), "BOX");
  for (auto* host :
       {"", "localhost", "deploy.localhost", ".deploy.localhost", "-a.deploy.localhost",
        "a.deploy.localhost.", "a.deploy.localhost.evil.example", "adeploy.localhost",
        "a.deploy.localhost:1x", "u@a.deploy.localhost", "a.deploy.localhost@evil.example",
        "a/b.deploy.localhost", "[a.deploy.localhost]"})
    CAF_CHECK_EQUAL(name(host), "-");
  CAF_CHECK_EQUAL(name(std::string(65, 'a') + ".deploy.localhost"), "-");
}

CAF_TEST(a key opens one site of one sandbox and is no signature of a file) {
  url_signer signer("secret"), other("other");
  auto key = signer.site_key("a", made_at, 5'000);
  CAF_CHECK(signer.site_key_expiry("a", made_at, key) == 5'000u);
  CAF_CHECK(!signer.site_key_expiry("b", made_at, key));
  CAF_CHECK(!signer.site_key_expiry("a", made_at + 1, key));
  CAF_CHECK(!other.site_key_expiry("a", made_at, key));
  auto signature = key.substr(key.find('.') + 1);
  CAF_CHECK(!signer.site_key_expiry("a", made_at, "5001." + signature));
  for (auto* broken : {"", ".", "5000", "5000.", "x.y"})
    CAF_CHECK(!signer.site_key_expiry("a", made_at, broken));
  for (auto* method : {"GET", "PUT"}) {
    CAF_CHECK(!signer.valid({method, "a", made_at, "", 5'000}, signature));
    CAF_CHECK(!signer.site_key_expiry(
        "a", made_at, "5000." + signer.signature({method, "a", made_at, "", 5'000})));
  }
}

CAF_TEST(a target of a site has one form and leads nowhere else) {
  CAF_CHECK_EQUAL(seen("/"), "/");
  CAF_CHECK_EQUAL(seen("/a//b/./c?x=1&y"), "/a/b/c?x=1&y");
  CAF_CHECK_EQUAL(seen("//evil.example/"), "path_escapes");
  CAF_CHECK_EQUAL(seen("/%5c/%0d%0aX:1"), "/%5C/%0D%0AX%3A1");
  CAF_CHECK_EQUAL(seen("/a/?x=1&troupe_key=5.ab&y"), "/a/?x=1&y key 5.ab");
  CAF_CHECK_EQUAL(seen("/?troupe_key="), "/ key ");
  CAF_CHECK_EQUAL(seen("/%2e%2e/"), "path_escapes");
  CAF_CHECK_EQUAL(seen("/a/../b"), "path_escapes");
  CAF_CHECK_EQUAL(seen("/..%2f"), "path_escapes");
  CAF_CHECK_EQUAL(seen("/%00"), "malformed_request");
}

CAF_TEST(cookies are told apart by their whole name) {
  auto values = cookies_named("n=1; xn=2;n=3;  n =4; n; nn=5; n=", "n");
  CAF_REQUIRE_EQUAL(values.size(), 3u);
  CAF_CHECK_EQUAL(std::string(values[0]) + std::string(values[1]) + std::string(values[2]), "13");
}

CAF_TEST(a link has the port that the client reached) {
  CAF_CHECK_EQUAL(site_link("a", "127.0.0.1:81", "5.f"),
                  "http://a.deploy.localhost:81/?troupe_key=5.f");
  CAF_CHECK_EQUAL(site_link("a", "[::1]:81", "k"), "http://a.deploy.localhost:81/?troupe_key=k");
  CAF_CHECK_EQUAL(site_link("a", "localhost", "k"), "http://a.deploy.localhost/?troupe_key=k");
}

CAF_TEST(a site is served to the token with its policy) {
  stand d;
  auto home = d.ask("/");
  CAF_CHECK_EQUAL(home.status, 200);
  CAF_CHECK_EQUAL(home.body, "<h1>home</h1>");
  CAF_CHECK_EQUAL(home.field("Content-Type"), "text/html; charset=utf-8");
  CAF_CHECK_EQUAL(home.field("Referrer-Policy"), "no-referrer");
  CAF_CHECK(home.field("Content-Security-Policy").starts_with("default-src 'self' "));
  CAF_CHECK_EQUAL(home.head.find("sandbox;"), std::string::npos);
  CAF_CHECK_EQUAL(d.ask("/index.html", token_line + "Range: bytes=4-7\r\n").body, "home");
  auto same = token_line + "If-None-Match: " + home.field("ETag") + "\r\n";
  CAF_CHECK_EQUAL(d.ask("/", same).status, 304);
  auto folder = d.ask("/sub?x=1");
  CAF_CHECK_EQUAL(folder.status, 301);
  CAF_CHECK_EQUAL(folder.field("Location"), "/sub/?x=1");
  CAF_CHECK_EQUAL(d.ask("/sub/").body, "sub");
  for (auto* nothing : {"/none", "/index.html/", "/.store/log", "/v1/sandboxes"})
    CAF_CHECK_EQUAL(d.ask(nothing).status, 404);
}

CAF_TEST(who has neither token nor cookie sees nothing) {
  stand d;
  CAF_CHECK_EQUAL(d.ask("/", "").status, 401);
  CAF_CHECK_EQUAL(d.ask("/", "Authorization: Bearer other\r\n").status, 401);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie("1.ab")).status, 401);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie(stand::key("other"))).status, 401);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie(stand::key("Box_1", made_at - 1))).status, 401);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie(stand::key("Box_1", made_at, -5))).status, 401);
  CAF_CHECK_EQUAL(d.ask("/?troupe_key=" + stand::key("Box_1", made_at, -5), "").status, 401);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie(stand::key())).status, 200);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie(stand::key()), "localhost").status, 401);
}

CAF_TEST(a cookie that a page of another site added hides none) {
  stand d;
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie("1.ab") + stand::cookie(stand::key())).status, 200);
  auto both = "Cookie: troupe_deploy=1.ab; troupe_deploy=" + stand::key() + "\r\n";
  CAF_CHECK_EQUAL(d.ask("/", both).status, 200);
}

CAF_TEST(a link gives the cookie and goes to the place without the key) {
  stand d;
  auto opened = d.ask("/sub/?a=1&troupe_key=" + stand::key(), "");
  CAF_CHECK_EQUAL(opened.status, 303);
  CAF_CHECK_EQUAL(opened.field("Location"), "/sub/?a=1");
  auto set = opened.field("Set-Cookie");
  CAF_CHECK(set.starts_with("troupe_deploy="));
  CAF_CHECK(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
  auto cookie = "Cookie: " + set.substr(0, set.find(';')) + "\r\n";
  CAF_CHECK_EQUAL(d.ask("/sub/", cookie).body, "sub");
}

CAF_TEST(a name that stands for two sandboxes stands for none) {
  stand d;
  CAF_CHECK_EQUAL(d.ask("/", token_line, "none.deploy.localhost").status, 404);
  d.w.views().put(d.sandbox("box_1"));
  CAF_CHECK_EQUAL(d.ask("/", token_line, "box_1.deploy.localhost").status, 200);
  CAF_CHECK_EQUAL(d.ask("/", token_line, "BOX_1.deploy.localhost").status, 404);
  CAF_CHECK_EQUAL(d.ask("/", stand::cookie(stand::key())).status, 401);
}

CAF_TEST(no route is reached under the host of a site however it is named) {
  stand d;
  auto named = "http://box_1.deploy.localhost/index.html";
  CAF_CHECK_EQUAL(d.ask(named, token_line, "localhost").body, "<h1>home</h1>");
  CAF_CHECK_EQUAL(d.ask("/livez", "").status, 401);
  CAF_CHECK_EQUAL(d.ask("/", token_line, "deploy.localhost").status, 403);
  for (auto* verb : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    auto refused = d.ask("/", token_line, "box_1.deploy.localhost", verb);
    CAF_CHECK_EQUAL(refused.status, 405);
    CAF_CHECK_EQUAL(refused.field("Allow"), "GET, HEAD");
  }
}

CAF_TEST(a page of another origin is refused whatever the routes allow) {
  stand d;
  CAF_CHECK_EQUAL(d.ask("/", token_line + "Origin: http://localhost:8888\r\n").status, 403);
  CAF_CHECK_EQUAL(d.ask("/", token_line + "Origin: http://box_1.deploy.localhost:8888\r\n").status,
                  200);
}

CAF_TEST(a link on disk that leaves the site is not followed) {
  stand d;
  namespace fs = std::filesystem;
  fs::create_symlink("../.store/log", d.space.at("deploy/store"));
  fs::create_symlink("../.store", d.space.at("deploy/folder"));
  fs::create_symlink(d.space.outside + "/secret", d.space.at("deploy/secret"));
  fs::create_symlink("sub/index.html", d.space.at("deploy/inner"));
  for (auto* out : {"/store", "/folder/log", "/folder/", "/secret"})
    CAF_CHECK_EQUAL(d.ask(out).status, 403);
  CAF_CHECK_EQUAL(d.ask("/inner").body, "sub");
  fs::remove_all(d.space.at("deploy"));
  CAF_CHECK_EQUAL(d.ask("/").status, 404);
  fs::create_directory_symlink(".store", d.space.at("deploy"));
  CAF_CHECK_EQUAL(d.ask("/log").status, 404);
}
