// For tests of the admin API: a platform in memory with two accounts, members and keys of every role, whose routes are
// called without a socket. Everything of the other account, and of the second workspace, has a mark in its name.
#pragma once
#include <gtest/gtest.h>
#include <atomic>
#include <future>
#include <map>
#include "base/text_codings.h"
#include "http/router.h"
#include "platform/admin_routes.h"
#include "platform/booking.h"
#include "platform/schema.h"
#include "platform/secrets.h"
#include "platform/totp.h"

namespace autark::platform::admin {

inline constexpr const char *kForeign = "FOREIGN", *kSecond = "SECOND";  // the marks

// A database that counts the statements that pass through it.
class CountingDatabase final : public storage::Database {
 public:
  explicit CountingDatabase(std::shared_ptr<storage::Database> inner) : inner_(std::move(inner)) {}
  std::optional<Error> write(const Work& work) override { return inner_->write(counted(work)); }
  std::optional<Error> read(const Work& work) override { return inner_->read(counted(work)); }
  std::optional<Error> migrate(std::span<const storage::SchemaStep> steps, size_t version) override {
    return inner_->migrate(steps, version);
  }
  Result<int64_t> version() override { return inner_->version(); }
  bool is_shared() const override { return inner_->is_shared(); }
  std::string name() const override { return inner_->name(); }

  std::atomic<int64_t> statements{0};

 private:
  class Counting final : public storage::Transaction {
   public:
    Counting(storage::Transaction& inner, std::atomic<int64_t>& count) : inner_(inner), count_(count) {}
    Result<std::vector<storage::Row>> rows(std::string_view sql,
                                           std::span<const storage::Value> parameters) override {
      ++count_;
      return inner_.rows(sql, parameters);
    }
    Result<int64_t> change(std::string_view sql, std::span<const storage::Value> parameters) override {
      ++count_;
      return inner_.change(sql, parameters);
    }

   private:
    storage::Transaction& inner_;
    std::atomic<int64_t>& count_;
  };
  Work counted(const Work& work) {
    return [this, work](storage::Transaction& t) {
      Counting counting(t, statements);
      return work(counting);
    };
  }
  const std::shared_ptr<storage::Database> inner_;
};

// Takes a whole answer.
class TakenAnswer final : public http::Stream {
 public:
  void respond(http::Response response) override { answer_.set_value(std::move(response)); }
  void start(int, http::Headers) override { ADD_FAILURE() << "no whole answer"; }
  bool write(std::string) override { return false; }
  void finish() override {}
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}
  http::Response get() { return answer_.get_future().get(); }

 private:
  std::promise<http::Response> answer_;
};

struct Asked {
  int status = 0;
  http::Headers headers;
  std::string body;
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
  Json json() const {
    auto j = parse_json(body, "answer");
    EXPECT_TRUE(j) << body;
    return j ? std::move(*j) : Json();
  }
  // The code of an error; empty for other answers.
  std::string code() const {
    if (status < 400) return {};
    const Json error = json()["error"];
    return error["code"].is_string() ? error["code"].get<std::string>() : "";
  }
};

// Headers that make a request somebody's.
using Who = http::Headers;

inline Who key_of(const std::string& secret) {
  return {{"authorization", "Bearer " + secret}};
}

template <class T>
T must(api::ApiResult<T> made) {
  const auto* fault = std::get_if<api::ApiError>(&made);
  EXPECT_FALSE(fault) << fault->message;
  return fault ? T{} : std::move(std::get<T>(made));
}

class AdminPlatform {
 public:
  static constexpr const char* kPassword = "correct horse battery staple";

  AdminPlatform() : now_(system_now()) {
    open_parts();
    const Account own = must(platform.directory().create_account("default", "CNY"));
    const Account other =
        must(platform.directory().create_account(std::string(kForeign) + " account", "CNY"));
    account = own.id, foreign_account = other.id;
    fill_own(operator_of(own.id));
    fill_foreign(operator_of(other.id));
    EXPECT_FALSE(platform.gatekeeper->refresh());
    add_routes(router, platform, {.clock = [this] { return now_.load(); }});
  }

  Asked ask(const Who& who, const std::string& method, const std::string& path, const std::string& body = {},
            const http::Headers& more = {}) {
    const size_t question = path.find('?');
    http::Request r{.method = method,
                    .path = path.substr(0, question),
                    .query = question == path.npos ? "" : path.substr(question + 1),
                    .headers = who,
                    .body = body,
                    .peer = "192.0.2.1:1234"};
    r.headers.insert(r.headers.end(), more.begin(), more.end());
    const auto stream = std::make_shared<TakenAnswer>();
    router.handle(std::move(r), stream);
    http::Response got = stream->get();
    return {got.status, std::move(got.headers), std::move(got.body)};
  }
  // An administrator without TOTP may not do much yet.
  Who sign_in(const std::string& name, bool with_totp) {
    const Asked in = ask({}, "POST", "/admin/v1/sessions",
                         dump_json(Json{{"name", name}, {"password", std::string(kPassword)}}));
    EXPECT_EQ(in.status, 201) << in.body;
    const std::string cookie = in.header("set-cookie");
    secrets.push_back(cookie.substr(cookie.find('=') + 1, cookie.find(';') - cookie.find('=') - 1));
    const Who who{{"cookie", cookie.substr(0, cookie.find(';'))}, {"x-autark-csrf", in.json()["csrf"]}};
    if (with_totp) set_totp(who);
    return who;
  }
  void set_totp(const Who& who) {
    const Asked offer = ask(who, "POST", "/admin/v1/me/totp");
    const std::string secret = offer.json()["secret"];
    secrets.push_back(secret);
    const std::string code = totp_code(*from_base32(secret), totp_step(now_));
    EXPECT_EQ(ask(who, "POST", "/admin/v1/me/totp/confirm", dump_json(Json{{"code", code}})).status, 204);
  }
  // The last use of a key is written once a minute; then it is no part of what the tests count.
  void note_uses() {
    for (const auto& [role, who] : keys) ask(who, "GET", "/admin/v1/me");
    EXPECT_FALSE(platform.gatekeeper->refresh());
  }
  void advance(Micros time) { now_ += time; }
  Micros now() const { return now_; }

  std::shared_ptr<CountingDatabase> database;
  ServerPlatform platform{.parts = {.box = SecretBox::random()}};
  http::Router router;
  std::map<std::string, Who> keys, sessions;  // by role: system, security, audit, developer, second
  std::string account, foreign_account;
  std::map<std::string, std::string> own, foreign;  // ids by kind: workspace, member, key, session
  std::map<std::string, std::string> members;       // ids by role
  std::string second_workspace, second_key, second_member;
  std::vector<std::string> secrets;  // that no answer may have but the one that made it

 private:
  void open_parts() {
    auto opened = storage::open_database("sqlite::memory:");
    EXPECT_TRUE(opened);
    database = std::make_shared<CountingDatabase>(std::move(*opened));
    EXPECT_FALSE(make_tables(*database));
    const Clock clock = [this] { return now_.load(); };
    platform.parts.database = database;
    platform.parts.directory = std::make_shared<Directory>(database, clock);
    platform.ledger = std::make_shared<Ledger>(database, Ledger::Options{.clock = clock});
    platform.sessions = std::make_shared<Sessions>(database, platform.parts.box, clock);
    platform.gatekeeper = *Gatekeeper::open(database, {.clock = clock, .look_every = std::chrono::hours(1)});
  }
  Who new_key(const Actor& who, const std::string& name, const std::string& workspace, Role role,
              std::string& id) {
    const MadeKey made =
        must(platform.directory().create_key(who, {.workspace = workspace, .name = name, .role = role}));
    secrets.push_back(made.secret);
    id = made.key.id;
    return key_of(made.secret);
  }
  Member new_member(const Actor& who, const std::string& name, Role role,
                    const std::vector<std::string>& workspaces) {
    return must(platform.directory().create_member(
                    who, {.name = name, .roles = {role}, .workspaces = workspaces, .password = kPassword}))
        .member;
  }
  void fill_own(const Actor& who) {
    Directory& d = platform.directory();
    must(d.create_workspace(who, "default"));  // of the keys; tests disable the other one
    own["workspace"] = must(d.create_workspace(who, "spare")).id;
    second_workspace = must(d.create_workspace(who, std::string(kSecond) + " workspace")).id;
    std::string id;
    for (const Role role : {Role::system, Role::security, Role::audit, Role::developer})
      keys[std::string(name_of(role))] =
          new_key(who, "key of " + std::string(name_of(role)), "default", role, id);
    keys["second"] =
        new_key(who, std::string(kSecond) + " key", second_workspace, Role::developer, second_key);
    for (const std::string& workspace : {std::string("default"), own["workspace"], second_workspace}) {
      must(d.set_limit(who, {.level = "workspace", .subject = workspace, .amount = 60}));
      use(who.account, must(d.workspace(who, workspace)).id);
    }
  }
  // A request of the workspace, in the past.
  void use(const std::string& account, const std::string& workspace) {
    const Charge charge{.id = "request in " + workspace,
                        .time = now_ - kDay,
                        .account = account,
                        .workspace = workspace,
                        .key = "key in " + workspace,
                        .model = "m",
                        .tokens = {.input = 1}};
    EXPECT_FALSE(database->write([&](storage::Transaction& t) -> std::optional<Error> {
      const auto booked = book(t, std::span(&charge, 1), charge.time);
      return booked ? std::nullopt : std::optional(booked.error());
    }));
  }
  void make_members(const Actor& who) {
    for (const char* role : {"system", "security", "audit", "developer"})
      members[role] = new_member(who, role, *role_named(role), {"default", "spare"}).id;
    second_member = new_member(who, std::string(kSecond) + " member", Role::developer, {second_workspace}).id;
    own["member"] = new_member(who, "victim", Role::developer, {"default"}).id;
  }
  void fill_foreign(const Actor& who) {
    const std::string mark = std::string(kForeign) + " ";
    Directory& d = platform.directory();
    foreign["workspace"] = must(d.create_workspace(who, mark + "workspace")).id;
    keys["foreign"] = new_key(who, mark + "key", foreign["workspace"], Role::system, foreign["key"]);
    must(d.set_limit(who, {.level = "key", .subject = foreign["key"], .amount = 60}));
  }

 public:
  // Members and sessions of every role, and a foreign member with a session. Takes seconds: passwords are slow.
  void open_sessions() {
    make_members(operator_of(account));
    foreign["member"] = new_member(operator_of(foreign_account), std::string(kForeign) + " member",
                                   Role::system, {foreign["workspace"]})
                            .id;
    for (const char* role : {"system", "security", "audit", "developer"})
      sessions[role] = sign_in(role, role != std::string("developer"));
    sessions["second"] = sign_in(std::string(kSecond) + " member", false);
    const Who theirs = sign_in(std::string(kForeign) + " member", true);
    foreign["session"] = ask(theirs, "GET", "/admin/v1/sessions").json()["data"][0]["id"];
    sessions["foreign"] = theirs;
    const Asked made = ask(sessions["developer"], "POST", "/admin/v1/keys",
                           R"({"workspace":"default","name":"own","rpm":5})");
    EXPECT_EQ(made.status, 201) << made.body;
    own["key"] = made.json()["id"];
    secrets.push_back(made.json()["secret"]);
    note_uses();
  }

 private:
  std::atomic<Micros> now_;
};

}  // namespace autark::platform::admin
