#include "platform/sessions.h"
#include <algorithm>
#include "base/text_codings.h"
#include "platform/addresses.h"
#include "platform/directory_rows.h"
#include "platform/passwords.h"
#include "platform/secrets.h"
#include "platform/slowdown.h"
#include "platform/totp.h"

namespace autark::platform {
namespace {

constexpr Micros kLife = 12 * 60 * kMinute, kIdle = 60 * kMinute;
constexpr size_t kNameMax = 256, kTokenMax = 128;
constexpr int64_t kSessionsMax = 100;  // of one member; the oldest end

api::ApiError refused(const char* code, const std::string& message) {
  return {.kind = api::ApiError::Kind::authentication, .message = message, .code = code};
}

api::ApiError wrong_credentials() {
  return refused("wrong_credentials", "the name or the password is wrong");
}

api::ApiError totp_required() {
  return refused("totp_required", "the one-time code is missing, wrong or was used before");
}

// member.totp: "", "new:SEALED" (offered), "set:SEALED:STEP" (of the last code), or "set:SEALED:STEP new:SEALED".
struct Totp {
  std::string sealed, offered;
  int64_t last = 0;

  static Totp parse(const std::string& text) {
    Totp totp;
    const std::string set = text.substr(0, text.find(' '));
    const size_t offer = text.find("new:");
    if (offer != text.npos) totp.offered = text.substr(offer + 4);
    if (!set.starts_with("set:")) return totp;
    const size_t colon = set.find(':', 4);
    totp.sealed = set.substr(4, colon - 4);
    totp.last = std::atoll(set.c_str() + std::min(set.size(), colon + 1));
    return totp;
  }
  std::string text() const {
    std::string out = sealed.empty() ? "" : "set:" + sealed + ":" + std::to_string(last);
    if (!offered.empty()) out += (out.empty() ? "new:" : " new:") + offered;
    return out;
  }
};

struct Credentials {
  std::string id, account, password, totp;
  bool is_disabled = true;
};

Credentials credentials(Query& query, const std::string& column, const std::string& value) {
  const auto rows = query.rows(
      "SELECT m.id, m.account, m.password, m.totp, m.disabled + a.disabled FROM member m"
      " JOIN account a ON a.id = m.account WHERE m." +
          column + " = $1",
      {value});
  if (rows.empty()) return {};
  return {rows[0].text(0), rows[0].text(1), rows[0].text(2), rows[0].text(3), rows[0].number(4) != 0};
}

Actor actor_of(const Member& member) {
  Actor who;
  who.account = member.account;
  who.roles = member.roles;
  who.member = member.id;
  who.workspaces = member.workspaces;
  return who;
}

std::string csrf_of(const std::string& token) {
  const Hash hash = hash_of("csrf " + token);
  return base64url({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

constexpr const char* kSessions =
    "SELECT s.id, s.member, m.name, s.address, s.created, s.used, s.expires, m.account FROM session s"
    " JOIN member m ON m.id = s.member";

Session session_of(const storage::Row& row) {
  return {.id = row.text(0),
          .member = row.text(1),
          .member_name = row.text(2),
          .address = row.text(3),
          .created = row.number(4),
          .used = row.number(5),
          .expires = row.number(6)};
}

bool is_over(const Session& session, Micros now) {
  return now >= session.expires || now - session.used >= kIdle;
}

// Those that are over go, and the oldest of one member that has too many.
void tidy(Query& query, const std::string& member, Micros now) {
  query.change("DELETE FROM session WHERE expires <= $1 OR used <= $2", {now, now - kIdle});
  query.change(
      "DELETE FROM session WHERE member = $1 AND id NOT IN"
      " (SELECT id FROM session WHERE member = $1 ORDER BY created DESC, id LIMIT $2)",
      {member, kSessionsMax - 1});
}

}  // namespace

struct Sessions::State {
  std::shared_ptr<storage::Database> database;
  SecretBox box;
  Clock clock;
  Slowdown by_pair{{.free = 5}}, by_address{{.free = 20}}, by_name{{.free = 100}};

  struct Names {
    std::string pair, address, name;
  };
  static Names names(const std::string& name, const std::string& address) {
    const std::string from = neighbourhood(address);
    return {from + "\n" + name, from, name};
  }
  std::optional<api::ApiError> pause(const Names& names) {
    const Micros now = clock();
    const Micros wait = std::max(
        {by_pair.wait(names.pair, now), by_address.wait(names.address, now), by_name.wait(names.name, now)});
    if (wait == 0) return {};
    return api::ApiError{.kind = api::ApiError::Kind::rate_limited,
                         .message = "too many sign-ins failed",
                         .retry_seconds = double(wait) / kSecond};
  }
  void failed(const Names& names) {
    const Micros now = clock();
    by_pair.failed(names.pair, now), by_address.failed(names.address, now), by_name.failed(names.name, now);
  }
  void succeeded(const Names& names) { by_pair.forget(names.pair); }

  // Takes the code if it is right; a code counts once. True also for members without TOTP.
  bool take_code(Query& query, const Credentials& who, const std::string& code) {
    Totp totp = Totp::parse(who.totp);
    if (totp.sealed.empty()) return true;
    const auto secret = box.open(totp.sealed, who.id);
    const auto step = secret ? totp_match(*secret, code, clock(), totp.last) : std::nullopt;
    if (!step) return false;
    totp.last = *step;
    return query.change("UPDATE member SET totp = $2 WHERE id = $1 AND totp = $3",
                        {who.id, totp.text(), who.totp}) == 1;
  }

  std::optional<OpenSession> read(Query& query, const std::string& token) {
    const auto rows = query.rows(std::string(kSessions) +
                                     " WHERE s.hash = $1 AND m.disabled = 0 AND m.account IN"
                                     " (SELECT id FROM account WHERE disabled = 0)",
                                 {hex(hash_of(token))});
    if (rows.empty() || is_over(session_of(rows[0]), clock())) return {};
    const auto member = find_member(query, rows[0].text(7), rows[0].text(1));
    if (!member) return {};
    return OpenSession{session_of(rows[0]), *member, actor_of(*member), csrf_of(token)};
  }

  SignedIn begin(Query& query, const Credentials& who, const std::string& code, const std::string& address) {
    if (!take_code(query, who, code)) return query.refuse(totp_required());
    const std::string token = random_letters(43);
    const Micros now = clock();
    tidy(query, who.id, now);
    query.change(
        "INSERT INTO session (hash, member, created, expires, used, address, id)"
        " VALUES ($1, $2, $3, $4, $3, $5, $6)",
        {hex(hash_of(token)), who.id, now, now + kLife, address.substr(0, 64), new_id("ses")});
    const auto open = read(query, token);
    if (!open) return query.refuse(wrong_credentials());
    return {*open, token};
  }
};

Sessions::Sessions(std::shared_ptr<storage::Database> database, SecretBox box, Clock clock)
    : state_(new State{.database = std::move(database), .box = std::move(box), .clock = std::move(clock)}) {}

Sessions::~Sessions() = default;

api::ApiResult<SignedIn> Sessions::sign_in(const std::string& name, const std::string& password,
                                           const std::string& totp, const std::string& address) {
  const std::string known = name.size() <= kNameMax && is_text(name) ? name : "";  // nobody is called ""
  const State::Names names = State::names(known, address);
  if (auto fault = state_->pause(names)) return *fault;
  const auto read = transact(*state_->database, Kind::reads,
                             [&](Query& query) { return credentials(query, "name", known); });
  if (const auto* fault = std::get_if<api::ApiError>(&read)) return *fault;
  const Credentials& who = std::get<Credentials>(read);
  const auto right = is_password(who.is_disabled ? "" : who.password, password);
  if (const auto* fault = std::get_if<api::ApiError>(&right)) return *fault;
  if (!std::get<bool>(right)) {
    state_->failed(names);
    return wrong_credentials();
  }
  auto begun = transact(*state_->database, Kind::writes_aside, [&](Query& query) {
    return state_->begin(query, credentials(query, "id", who.id), totp, address);
  });
  const auto* fault = std::get_if<api::ApiError>(&begun);
  if (!fault) state_->succeeded(names);
  if (fault && fault->code == "totp_required" && !totp.empty()) state_->failed(names);
  return begun;
}

// Its use is written once a minute.
api::ApiResult<std::optional<OpenSession>> Sessions::find(const std::string& token) {
  if (token.empty() || token.size() > kTokenMax) return std::optional<OpenSession>{};
  auto found =
      transact(*state_->database, Kind::reads, [&](Query& query) { return state_->read(query, token); });
  auto* open = std::get_if<std::optional<OpenSession>>(&found);
  const Micros now = state_->clock();
  if (!open || !*open || now - (*open)->session.used < kMinute) return found;
  (*open)->session.used = now;
  const auto noted = fault_of(transact(*state_->database, Kind::writes_aside, [&](Query& query) -> Done {
    query.change("UPDATE session SET used = $2 WHERE id = $1 AND used < $2", {(*open)->session.id, now});
    return {};
  }));
  if (noted) return *noted;
  return found;
}

api::ApiResult<std::vector<Session>> Sessions::list(const Actor& who) {
  return transact(*state_->database, Kind::reads, [&](Query& query) {
    const bool all = !refusal(who, Act::end_sessions, "", false);
    const bool own = !who.member.empty() && (who.key.empty() || who.is_administrator());
    std::vector<Session> found;
    for (const auto& row : query.rows(
             std::string(kSessions) + " WHERE m.account = $1 ORDER BY s.created DESC, s.id", {who.account}))
      if (all || (own && row.text(1) == who.member)) found.push_back(session_of(row));
    std::erase_if(found, [&](const Session& s) { return is_over(s, state_->clock()); });
    return found;
  });
}

std::optional<api::ApiError> Sessions::end(const Actor& who, const std::string& session) {
  return fault_of(transact(*state_->database, Kind::writes_aside, [&](Query& query) -> Done {
    const bool all = !refusal(who, Act::end_sessions, "", false);
    const auto rows =
        query.rows(std::string(kSessions) + " WHERE s.id = $1 AND m.account = $2", {session, who.account});
    if (rows.empty() || (!all && (who.member.empty() || rows[0].text(1) != who.member)))
      return query.refuse(no_such("session"));
    query.change("DELETE FROM session WHERE id = $1", {session});
    return {};
  }));
}

std::optional<api::ApiError> Sessions::change_password(const OpenSession& session,
                                                       const std::string& old_password,
                                                       const std::string& password) {
  const State::Names names = State::names(session.member.name, session.session.address);
  if (auto fault = state_->pause(names)) return fault;
  if (auto fault = password_fault(password)) return invalid("new", *fault);
  const auto read = transact(*state_->database, Kind::reads,
                             [&](Query& query) { return credentials(query, "id", session.member.id); });
  if (const auto* fault = std::get_if<api::ApiError>(&read)) return *fault;
  const auto right = is_password(std::get<Credentials>(read).password, old_password);
  if (const auto* fault = std::get_if<api::ApiError>(&right)) return *fault;
  if (!std::get<bool>(right)) {
    state_->failed(names);
    return invalid("old", "the old password is wrong", "wrong_credentials");
  }
  const auto made = new_password(password);
  if (const auto* fault = std::get_if<api::ApiError>(&made)) return *fault;
  return fault_of(transact(*state_->database, Kind::writes_aside, [&](Query& query) -> Done {
    query.change("UPDATE member SET password = $2 WHERE id = $1",
                 {session.member.id, std::get<NewPassword>(made).encoded});
    query.change("DELETE FROM session WHERE member = $1 AND id <> $2",
                 {session.member.id, session.session.id});
    return {};
  }));
}

api::ApiResult<TotpOffer> Sessions::offer_totp(const OpenSession& session) {
  const std::string secret = new_totp_secret(), id = session.member.id;
  return transact(*state_->database, Kind::writes_aside, [&](Query& query) -> TotpOffer {
    Totp totp = Totp::parse(credentials(query, "id", id).totp);
    totp.offered = state_->box.seal(secret, id);
    query.change("UPDATE member SET totp = $2 WHERE id = $1", {id, totp.text()});
    return {base32(secret), totp_uri(secret, session.member.name)};
  });
}

std::optional<api::ApiError> Sessions::confirm_totp(const OpenSession& session, const std::string& code) {
  const State::Names names = State::names(session.member.name, session.session.address);
  if (auto fault = state_->pause(names)) return fault;
  const std::string id = session.member.id;
  const auto fault = fault_of(transact(*state_->database, Kind::writes_aside, [&](Query& query) -> Done {
    const Totp totp = Totp::parse(credentials(query, "id", id).totp);
    if (totp.offered.empty())
      return query.refuse(invalid("code", "no one-time codes were set up; do that first"));
    const auto secret = state_->box.open(totp.offered, id);
    const auto step = secret ? totp_match(*secret, code, state_->clock(), 0) : std::nullopt;
    if (!step)
      return query.refuse(
          invalid("code", "the code is wrong; look at the clock of your device", "wrong_code"));
    query.change("UPDATE member SET totp = $2 WHERE id = $1", {id, Totp{totp.offered, "", *step}.text()});
    query.change("DELETE FROM session WHERE member = $1 AND id <> $2", {id, session.session.id});
    return {};
  }));
  if (fault && fault->code == "wrong_code") state_->failed(names);
  return fault;
}

}  // namespace autark::platform
